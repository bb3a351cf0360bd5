/* Named boards with a scripted Redis: defining, listing, deleting, reading.
 *
 * SPDX-License-Identifier: MIT */
#include "test_boards.h"

#define BOARDS "/v1/leaderboards"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Defining ------------------------------------------------------------------------------ */

static struct test_answer *define(struct test_host *host, const char *body)
{
    test_admin(host);
    return send_json(host, "PUT", BOARDS "/race", body);
}

static void expect_define(struct test_host *host, const char *before, const char *outcome)
{
    expect_ask(host, "GET", "board:race");
    if (*before)
        reply_text(host, before);
    else
        reply_nil(host);
    expect_run(host, "define", 2, "board:race", "boards", "race", before, test_any(), 10000);
    reply_status(host, outcome);
}

static void a_board_is_made_with_defaults(void **state)
{
    struct test_host *host = *state;
    expect_define(host, "", "stored");
    struct test_answer *answer = define(host, "{}");
    assert_status(answer, 201);
    assert_body(answer, "{\"board\":\"race\",\"order\":\"desc\",\"operator\":\"best\","
                        "\"ties\":\"earliest\",\"subscore\":\"none\",\"period\":\"none\","
                        "\"timezone\":\"UTC\",\"retention\":8,\"writers\":[\"*\"]}");
}

static void a_board_has_what_it_was_told(void **state)
{
    struct test_host *host = *state;
    expect_define(host, "", "stored");
    struct test_answer *answer =
        define(host, "{\"order\":\"asc\",\"operator\":\"sum\",\"ties\":\"dense\","
                     "\"subscore\":\"desc\",\"period\":\"weekly\",\"timezone\":\"Europe/Berlin\","
                     "\"retention\":1000,\"writers\":[\"acme\",\"team-2\"]}");
    assert_status(answer, 201);
    assert_json(answer, "operator", "sum");
    assert_json(answer, "timezone", "Europe/Berlin");
    assert_json(answer, "retention", 1000);
    assert_json(answer, "/writers/1", "team-2");
}

static void the_same_board_again_is_200_and_nothing_is_written(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    assert_status(define(host, "{}"), 200);
}

static void writers_and_retention_may_change(void **state)
{
    struct test_host *host = *state;
    expect_define(host, RACE, "stored");
    struct test_answer *answer = define(host, "{\"writers\":[\"acme\"],\"retention\":3}");
    assert_status(answer, 200);
    assert_json(answer, "/writers/0", "acme");
    assert_json(answer, "retention", 3);
}

static void another_structure_is_refused(void **state)
{
    static const char *const bodies[] = {
        "{\"order\":\"asc\"}",    "{\"operator\":\"last\"}",       "{\"ties\":\"dense\"}",
        "{\"subscore\":\"asc\"}", "{\"timezone\":\"Asia/Tokyo\"}", "{\"period\":\"daily\"}",
    };
    struct test_host *host = *state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        expect_board(host, "board:race", RACE);
        struct test_answer *answer = define(host, bodies[i]);
        assert_status(answer, 409);
        assert_json(answer, "error", "board_differs");
    }
}

static void a_definition_that_somebody_else_changed_meanwhile_is_compared_again(void **state)
{
    struct test_host *host = *state;
    expect_define(host, "", "changed");
    expect_board(host, "board:race", RACE);
    assert_status(define(host, "{}"), 200);
}

static void a_definition_that_changes_each_time_is_a_503(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++)
        expect_define(host, "", "changed");
    struct test_answer *answer = define(host, "{}");
    assert_status(answer, 503);
    assert_json(answer, "error", "board_changing");
    assert_header(answer, "Retry-After", "1");
}

static void there_is_a_limit_to_boards(void **state)
{
    struct test_host *host = *state;
    expect_define(host, "", "full");
    struct test_answer *answer = define(host, "{}");
    assert_status(answer, 409);
    assert_json(answer, "error", "too_many_boards");
}

static void what_is_no_definition_is_refused_and_nothing_is_asked(void **state)
{
    static const char *const bodies[] = {
        "[]",
        "{\"order\":\"up\"}",
        "{\"order\":1}",
        "{\"operator\":\"mean\"}",
        "{\"ties\":null}",
        "{\"subscore\":true}",
        "{\"period\":\"yearly\"}",
        "{\"timezone\":\"Mars/Olympus\"}",
        "{\"timezone\":\"../../etc/passwd\"}",
        "{\"timezone\":\"/etc/localtime\"}",
        "{\"retention\":0}",
        "{\"retention\":1001}",
        "{\"retention\":\"8\"}",
        "{\"retention\":8.0}",
        "{\"writers\":[]}",
        "{\"writers\":\"*\"}",
        "{\"writers\":[\"*\",\"acme\"]}",
        "{\"writers\":[\"a b\"]}",
        "{\"writers\":[7]}",
        "{\"color\":\"red\"}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_status(define(*state, bodies[i]), 422);
}

static void the_default_boards_name_and_what_is_no_name_are_refused(void **state)
{
    static const char *const names[] = {"zset", "a%3Ab", "a%20b", "%C3%A9", ".%2E"};
    test_admin(*state);
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[64];
        (void)snprintf(path, sizeof path, BOARDS "/%s", names[i]);
        assert_status(send_json(*state, "PUT", path, "{}"), 422);
    }
}

static void only_managers_define_delete_and_remove(void **state)
{
    struct test_host *host = *state;
    assert_status(send_json(host, "PUT", BOARDS "/race", "{}"), 403);
    assert_status(request(host, "DELETE", BOARDS "/race", NULL), 403);
    assert_status(request(host, "DELETE", BOARDS "/race/entries/ann", NULL), 403);
    test_client(host, "ops", "ops", "leaderboard:manage");
    expect_board(host, "board:race", RACE);
    assert_status(send_json(host, "PUT", BOARDS "/race", "{}"), 200);
}

/* ---- Showing, listing, deleting ------------------------------------------------------------ */

static void a_board_is_shown_with_its_members(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", DAILY);
    expect_ask(host, "ZCARD", "leaderboard:race:2026-01-01");
    reply_int(host, 7);
    struct test_answer *answer = request(host, "GET", BOARDS "/race", NULL);
    assert_status(answer, 200);
    assert_json(answer, "members", 7);
    assert_json(answer, "period", "daily");
    expect_ask(host, "GET", "board:race");
    reply_nil(host);
    answer = request(host, "GET", BOARDS "/race", NULL);
    assert_status(answer, 404);
    assert_json(answer, "error", "no_such_board");
}

static void a_definition_that_makes_no_sense_is_a_500_and_logged(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", "{\"id\":\"id-1\"}");
    struct test_answer *answer = request(host, "GET", BOARDS "/race/top", NULL);
    assert_status(answer, 500);
    assert_logged(host, SLUICE_LOG_ERROR, "board:race");
}

static void the_list_goes_on_behind_its_cursor(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZRANGEBYLEX", "boards", "-", "+", "LIMIT", 0, 3);
    reply_array(host, "a", "b", "c");
    assert_body(request(host, "GET", BOARDS "?limit=2", NULL),
                "{\"boards\":[{\"board\":\"a\"},{\"board\":\"b\"}],\"cursor\":\"b\"}");
    expect_ask(host, "ZRANGEBYLEX", "boards", "(b", "+", "LIMIT", 0, 3);
    reply_array(host, "c");
    assert_body(request(host, "GET", BOARDS "?limit=2&cursor=b", NULL),
                "{\"boards\":[{\"board\":\"c\"}]}");
    assert_status(request(host, "GET", BOARDS "?cursor=%5B", NULL), 422);
    assert_status(request(host, "GET", BOARDS "?limit=0", NULL), 422);
    assert_status(request(host, "GET", BOARDS "?limit=101", NULL), 422);
}

static void expect_delete_of_two_days(struct test_host *host, const char *definition,
                                      const char *id)
{
    expect_board(host, "board:race", definition);
    expect_ask(host, "ZRANGE", "leaderboard:race:periods", 0, -1);
    reply_array(host, "2025-12-31", "2026-01-01");
    expect_run(host, "delete", 11, "board:race", "boards", "leaderboard:race:periods",
               DATA_KEYS("race", "2025-12-31"), DATA_KEYS("race", "2026-01-01"), id, "race", 2);
}

static void a_board_is_deleted_with_all_its_periods(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_delete_of_two_days(host, DAILY, "id-1");
    reply_int(host, 1);
    assert_status(request(host, "DELETE", BOARDS "/race", NULL), 204);
}

static void a_board_that_gets_a_period_meanwhile_is_deleted_with_it(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_board(host, "board:race", DAILY);
    expect_ask(host, "ZRANGE", "leaderboard:race:periods", 0, -1);
    reply_empty_array(host);
    expect_run(host, "delete", 3, "board:race", "boards", "leaderboard:race:periods", "id-1",
               "race", 0);
    reply_status(host, "stale");
    expect_delete_of_two_days(host, DAILY, "id-1");
    reply_int(host, 1);
    assert_status(request(host, "DELETE", BOARDS "/race", NULL), 204);
}

/* ---- Reading -------------------------------------------------------------------------------- */

#define EXPECT_RANGE(host, period, id, flags, around, first, last)                                 \
    expect_run(host, "range", 5, READ_KEYS("race", period), id, flags, around, first, last)
#define EXPECT_LOOK(host, period, id, flags, ...)                                                  \
    expect_run(host, "look", 5, READ_KEYS("race", period), id, flags, __VA_ARGS__)

static void reply_ann_and_bob(struct test_host *host)
{
    reply_array(host, 42, "ann", "7", "", 1, "bob", "6.5", "", 2);
}

#define ANN_AND_BOB                                                                                \
    "{\"entries\":[{\"userId\":\"ann\",\"score\":7,\"rank\":1},"                                   \
    "{\"userId\":\"bob\",\"score\":6.5,\"rank\":2}],\"total\":42}"

static void the_definition_is_asked_for_once(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    for (int i = 0; i < 2; i++) {
        EXPECT_RANGE(host, "all", "id-1", "de-", "", 0, 9);
        reply_ann_and_bob(host);
        assert_body(request(host, "GET", BOARDS "/race/top", NULL), ANN_AND_BOB);
    }
}

static void a_stale_definition_is_asked_for_again(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_RANGE(host, "all", "id-1", "de-", "", 0, 4);
    reply_status(host, "stale");
    expect_board(host, "board:race", RACE_AGAIN);
    EXPECT_RANGE(host, "all", "id-2", "de-", "", 0, 4);
    reply_ann_and_bob(host);
    assert_body(request(host, "GET", BOARDS "/race/top?limit=5", NULL), ANN_AND_BOB);
}

static void a_board_that_is_gone_is_404_and_forgotten(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_LOOK(host, "all", "id-1", "de-", "ann");
    reply_status(host, "gone");
    struct test_answer *answer = request(host, "GET", BOARDS "/race/entries/ann", NULL);
    assert_status(answer, 404);
    assert_json(answer, "error", "no_such_board");
    expect_ask(host, "GET", "board:race");
    reply_nil(host);
    assert_status(request(host, "GET", BOARDS "/race/entries/ann", NULL), 404);
}

static void a_board_that_is_another_each_time_is_a_503(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++) {
        expect_board(host, "board:race", RACE);
        EXPECT_RANGE(host, "all", "id-1", "de-", "", 0, 9);
        reply_status(host, "stale");
    }
    struct test_answer *answer = request(host, "GET", BOARDS "/race/top", NULL);
    assert_status(answer, 503);
    assert_json(answer, "error", "board_changing");
    assert_header(answer, "Retry-After", "1");
}

static void positions_of_a_range_begin_with_one(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_RANGE(host, "all", "id-1", "de-", "", 10, 29);
    reply_array(host, 5);
    assert_body(request(host, "GET", BOARDS "/race/range?from=11&to=30", NULL),
                "{\"entries\":[],\"total\":5}");
    EXPECT_RANGE(host, "all", "id-1", "de-", "", 0, 99);
    reply_array(host, 5);
    assert_status(request(host, "GET", BOARDS "/race/range?to=100", NULL), 200);
}

static void neighbours_are_on_both_sides(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_RANGE(host, "all", "id-1", "de-", "ann", 2, 0);
    reply_ann_and_bob(host);
    assert_status(request(host, "GET", BOARDS "/race/around/ann?n=2", NULL), 200);
    EXPECT_RANGE(host, "all", "id-1", "de-", "ann", 5, 0);
    reply_nil(host);
    struct test_answer *answer = request(host, "GET", BOARDS "/race/around/ann", NULL);
    assert_status(answer, 404);
    assert_json(answer, "error", "not_ranked");
}

static void a_subscore_is_told_as_a_number(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", TEAM);
    EXPECT_LOOK(host, "all", "id-1", "dls", "ann");
    reply_array(host, 1, test_array(host, "7", "3ffbffffffffffff", 1, 0)); /* 2.5, inverted */
    assert_body(request(host, "GET", BOARDS "/race/entries/ann", NULL),
                "{\"userId\":\"ann\",\"score\":7,\"subscore\":2.5,\"rank\":1}");
}

static void a_percentile_counts_those_strictly_below(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_LOOK(host, "all", "id-1", "de-", "ann");
    reply_array(host, 5, test_array(host, "7", "", 2, 3));
    assert_body(request(host, "GET", BOARDS "/race/percentile/ann", NULL),
                "{\"userId\":\"ann\",\"percentile\":75,\"rank\":2,\"total\":5}");
    EXPECT_LOOK(host, "all", "id-1", "de-", "ann");
    reply_array(host, 1, test_array(host, "7", "", 1, 0));
    assert_json(request(host, "GET", BOARDS "/race/percentile/ann", NULL), "percentile", 0);
    EXPECT_LOOK(host, "all", "id-1", "de-", "bob");
    reply_array(host, 1, test_nil());
    assert_status(request(host, "GET", BOARDS "/race/percentile/bob", NULL), 404);
}

static void a_lookup_leaves_out_who_has_no_score(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_LOOK(host, "all", "id-1", "de-", "ann", "bob");
    reply_array(host, 9, test_nil(), test_array(host, "6.5", "", 4, 5));
    assert_body(send_json(host, "POST", BOARDS "/race/lookup", "{\"userIds\":[\"ann\",\"bob\"]}"),
                "{\"entries\":[{\"userId\":\"bob\",\"score\":6.5,\"rank\":4}],\"total\":9}");
}

static void an_entry_is_removed(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_board(host, "board:race", RACE);
    expect_run(host, "remove", 5, READ_KEYS("race", "all"), "id-1", "de-", "ann");
    reply_int(host, 1);
    assert_status(request(host, "DELETE", BOARDS "/race/entries/ann", NULL), 204);
    expect_run(host, "remove", 5, READ_KEYS("race", "all"), "id-1", "de-", "ann");
    reply_int(host, 0);
    assert_status(request(host, "DELETE", BOARDS "/race/entries/ann", NULL), 404);
}

/* ---- Periods -------------------------------------------------------------------------------- */

static void reads_are_of_this_period_or_of_the_one_that_is_named(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", DAILY);
    EXPECT_RANGE(host, "2026-01-01", "id-1", "an-", "", 0, 9);
    reply_ann_and_bob(host);
    assert_status(request(host, "GET", BOARDS "/race/top", NULL), 200);
    EXPECT_LOOK(host, "2025-12-30", "id-1", "an-", "ann");
    reply_array(host, 1, test_array(host, "7", "", 1, 0));
    assert_status(request(host, "GET", BOARDS "/race/entries/ann?period=2025-12-30", NULL), 200);
    test_advance(host, 24 * 3600 * 1000);
    EXPECT_RANGE(host, "2026-01-02", "id-1", "an-", "ann", 0, 0);
    reply_ann_and_bob(host);
    assert_status(request(host, "GET", BOARDS "/race/around/ann?n=0", NULL), 200);
}

static void the_periods_that_are_kept_are_listed(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", DAILY);
    expect_ask(host, "ZREVRANGEBYSCORE", "leaderboard:race:periods", "+inf", "(1766383200000",
               "LIMIT", 0, 9);
    reply_array(host, "2026-01-01", "2025-12-31");
    assert_body(request(host, "GET", BOARDS "/race/periods", NULL),
                "{\"periods\":[\"2026-01-01\",\"2025-12-31\"]}");
}

static void a_period_is_read_page_by_page(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", DAILY);
    EXPECT_RANGE(host, "2025-12-31", "id-1", "an-", "", 0, 1);
    reply_array(host, 3, "ann", "7", "", 1, "bob", "6.5", "", 2);
    assert_json(request(host, "GET", BOARDS "/race/periods/2025-12-31?limit=2", NULL), "cursor",
                "2");
    EXPECT_RANGE(host, "2025-12-31", "id-1", "an-", "", 2, 3);
    reply_array(host, 3, "cy", "8", "", 3);
    assert_no_json(request(host, "GET", BOARDS "/race/periods/2025-12-31?limit=2&cursor=2", NULL),
                   "cursor");
}

/* ---- Refusing ------------------------------------------------------------------------------- */

static void what_can_not_be_read_is_refused_and_nothing_is_asked(void **state)
{
    static const char *const targets[] = {
        "/race/top?limit=0",           "/race/top?limit=x",           "/race/top?limit=101",
        "/race/top?period=a:b",        "/race/top?period=",           "/race/range?from=0",
        "/race/range?from=5&to=4",     "/race/range?to=101",          "/race/range?from=inf",
        "/race/around/ann?n=-1",       "/race/around/ann?n=51",       "/race/around/a%20b",
        "/race/entries/%ff",           "/race/percentile/a%0Ab",      "/race/periods/a%3Ab",
        "/race/periods/2026?cursor=0", "/race/periods/2026?cursor=x", "/a%3Ab/top",
    };
    for (size_t i = 0; i < COUNT(targets); i++) {
        char path[96];
        (void)snprintf(path, sizeof path, BOARDS "%s", targets[i]);
        assert_status(request(*state, "GET", path, NULL), 422);
    }
}

static void what_is_no_list_of_users_is_refused(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"userIds\":[]}",
        "{\"userIds\":\"ann\"}",
        "{\"userIds\":[\"ann\",7]}",
        "{\"userIds\":[\"a b\"]}",
        "{\"userIds\":[\"ann\"],\"more\":1}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_status(send_json(*state, "POST", BOARDS "/race/lookup", bodies[i]), 422);
}

static void redis_away_is_a_503(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "GET", "board:race");
    reply_trouble(host);
    struct test_answer *answer = request(host, "GET", BOARDS "/race/top", NULL);
    assert_status(answer, 503);
    assert_header(answer, "Retry-After", "1");
}

static void keys_have_the_configured_prefix(void **state)
{
    struct test_host *host = *state;
    test_prefix(host, "staging:");
    expect_ask(host, "GET", "staging:board:race");
    reply_nil(host);
    assert_status(request(host, "GET", BOARDS "/race/top", NULL), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_board_is_made_with_defaults),
        TEST(a_board_has_what_it_was_told),
        TEST(the_same_board_again_is_200_and_nothing_is_written),
        TEST(writers_and_retention_may_change),
        TEST(another_structure_is_refused),
        TEST(a_definition_that_somebody_else_changed_meanwhile_is_compared_again),
        TEST(a_definition_that_changes_each_time_is_a_503),
        TEST(there_is_a_limit_to_boards),
        TEST(what_is_no_definition_is_refused_and_nothing_is_asked),
        TEST(the_default_boards_name_and_what_is_no_name_are_refused),
        TEST(only_managers_define_delete_and_remove),
        TEST(a_board_is_shown_with_its_members),
        TEST(a_definition_that_makes_no_sense_is_a_500_and_logged),
        TEST(the_list_goes_on_behind_its_cursor),
        TEST(a_board_is_deleted_with_all_its_periods),
        TEST(a_board_that_gets_a_period_meanwhile_is_deleted_with_it),
        TEST(the_definition_is_asked_for_once),
        TEST(a_stale_definition_is_asked_for_again),
        TEST(a_board_that_is_gone_is_404_and_forgotten),
        TEST(a_board_that_is_another_each_time_is_a_503),
        TEST(positions_of_a_range_begin_with_one),
        TEST(neighbours_are_on_both_sides),
        TEST(a_subscore_is_told_as_a_number),
        TEST(a_percentile_counts_those_strictly_below),
        TEST(a_lookup_leaves_out_who_has_no_score),
        TEST(an_entry_is_removed),
        TEST(reads_are_of_this_period_or_of_the_one_that_is_named),
        TEST(the_periods_that_are_kept_are_listed),
        TEST(a_period_is_read_page_by_page),
        TEST(what_can_not_be_read_is_refused_and_nothing_is_asked),
        TEST(what_is_no_list_of_users_is_refused),
        TEST(redis_away_is_a_503),
        TEST(keys_have_the_configured_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
