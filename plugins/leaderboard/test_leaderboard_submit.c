/* Scores for named boards with a scripted Redis: one, a batch, refusals, trouble in the middle.
 *
 * SPDX-License-Identifier: MIT */
#include "test_boards.h"

#define SCORES "/v1/leaderboards/race/scores"
#define KEYS 10
#define FIXED_ARGS 12
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A submission to a board without periods. */
#define EXPECT_SUBMIT(host, id, flags, combine, ...)                                               \
    expect_run(host, "submit", KEYS, READ_KEYS("race", "all"), DATA_KEYS("race", "all"),           \
               "leaderboard:race:periods", id, flags, combine, "", "", "all", 0, "", "all", 0, "", \
               0, __VA_ARGS__)

static struct test_answer *submit(struct test_host *host, const char *body)
{
    return send_json(host, "POST", SCORES, body);
}

/* ---- One ------------------------------------------------------------------------------------ */

static void a_score_is_answered_with_its_rank(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_SUBMIT(host, "id-1", "de-", "b", "ann", 12.5, "");
    reply_array(host, test_array(host, 1, "12.5", 3, test_nil(), 1));
    struct test_answer *answer = submit(host, "{\"userId\":\"ann\",\"score\":12.5}");
    assert_status(answer, 200);
    assert_body(answer, "{\"userId\":\"ann\",\"score\":12.5,\"rank\":3,\"updated\":true}");
}

static void change_is_the_old_rank_less_the_new_one(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_SUBMIT(host, "id-1", "de-", "b", "ann", 13, "");
    reply_array(host, test_array(host, 1, "13", 3, 5, 1));
    assert_json(submit(host, "{\"userId\":\"ann\",\"score\":13}"), "change", 2);
    EXPECT_SUBMIT(host, "id-1", "de-", "b", "ann", 1, "");
    reply_array(host, test_array(host, 1, "13", 3, 3, 0));
    struct test_answer *answer = submit(host, "{\"userId\":\"ann\",\"score\":1}");
    assert_body(answer,
                "{\"userId\":\"ann\",\"score\":13,\"rank\":3,\"change\":0,\"updated\":false}");
}

static void scores_and_codes_are_sent_to_the_bit(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", TEAM);
    EXPECT_SUBMIT(host, "id-1", "dls", "l", "ann", "-1.7976931348623157e+308",
                  "c004000000000000"); /* inverted: ascending on a descending board */
    reply_array(host, test_array(host, 1, "-1.7976931348623157e+308", 1, test_nil(), 1));
    struct test_answer *answer =
        submit(host, "{\"userId\":\"ann\",\"score\":-1.7976931348623157e308,\"subscore\":-2.5}");
    assert_status(answer, 200);
    assert_json(answer, "score", -1.7976931348623157e308);
}

static void a_daily_board_offers_this_day_and_the_next(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", DAILY);
    expect_run(host, "submit", KEYS, READ_KEYS("race", "2025-12-31"),
               DATA_KEYS("race", "2026-01-01"), "leaderboard:race:periods", "id-1", "an-", "s",
               1767225600000, "", "2025-12-31", 1767139200000, 1767981600000, "2026-01-01",
               1767225600000, 1768068000000, 93693600000, "ann", 1, "");
    reply_array(host, test_array(host, 1, "1", 1, test_nil(), 1));
    assert_status(submit(host, "{\"userId\":\"ann\",\"score\":1}"), 200);
}

static void a_sum_that_is_not_finite_is_refused(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race",
                 DEFINITION("id-1", "desc", "sum", "lexical", "none", "none", "*"));
    EXPECT_SUBMIT(host, "id-1", "dl-", "s", "ann", "1e+308", "");
    reply_array(host, test_array(host, 0));
    struct test_answer *answer = submit(host, "{\"userId\":\"ann\",\"score\":1e308}");
    assert_status(answer, 422);
    assert_json(answer, "error", "sum_not_finite");
}

static void a_subscore_that_the_board_has_not_is_refused(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    struct test_answer *answer = submit(host, "{\"userId\":\"ann\",\"score\":1,\"subscore\":2}");
    assert_status(answer, 422);
    assert_json(answer, "error", "invalid_entry");
}

static void what_is_no_score_is_refused_and_nothing_is_asked(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "{\"userId\":\"ann\"}",
        "{\"userId\":\"ann\",\"score\":\"10\"}",
        "{\"userId\":\"ann\",\"score\":\"inf\"}",
        "{\"userId\":\"ann\",\"score\":[10]}",
        "{\"userId\":\"ann\",\"score\":null}",
        "{\"userId\":\"ann\",\"score\":1e999}",
        "{\"userId\":\"ann\",\"score\":1,\"subscore\":\"2\"}",
        "{\"userId\":\"ann\",\"score\":1,\"more\":2}",
        "{\"userId\":\"a b\",\"score\":1}",
        "{\"userId\":\"a\\u0000b\",\"score\":1}",
        "{\"userId\":\"a\\u200bb\",\"score\":1}",
        "{\"entries\":[]}",
        "{\"entries\":{}}",
        "{\"entries\":\"ann\"}",
        "{\"entries\":[{\"userId\":\"ann\",\"score\":1}],\"userId\":\"ann\"}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_status(submit(*state, bodies[i]), 422);
    assert_status(submit(*state, "{\"userId\":\"ann\",\"score\":Infinity}"), 400);
    assert_status(submit(*state, "{\"userId\":\"ann\",\"score\":1,\"score\":2}"), 400);
}

/* ---- Who ------------------------------------------------------------------------------------ */

static void only_writers_write(void **state)
{
    static const char body[] = "{\"userId\":\"ann\",\"score\":1,\"subscore\":0}";
    struct test_host *host = *state;
    test_client(host, "team", "team", "");
    expect_board(host, "board:race", TEAM);
    struct test_answer *answer = submit(host, body);
    assert_status(answer, 403);
    assert_json(answer, "error", "not_a_writer");
    test_client(host, "team-2", "team-2", "");
    EXPECT_SUBMIT(host, "id-1", "dls", "l", "ann", 1, "7fffffffffffffff");
    reply_array(host, test_array(host, 1, "1", 1, test_nil(), 1));
    assert_status(submit(host, body), 200);
}

static void nobody_is_refused_for_what_was_remembered(void **state)
{
    static const char body[] = "{\"userId\":\"ann\",\"score\":1}";
    struct test_host *host = *state;
    expect_board(host, "board:race",
                 DEFINITION("id-1", "desc", "best", "earliest", "none", "none", "team"));
    assert_status(submit(host, body), 403);
    expect_board(host, "board:race", RACE_AGAIN); /* in which everybody writes */
    EXPECT_SUBMIT(host, "id-2", "de-", "b", "ann", 1, "");
    reply_array(host, test_array(host, 1, "1", 1, test_nil(), 1));
    assert_status(submit(host, body), 200);
}

static void who_registered_itself_is_not_everybody(void **state)
{
    struct test_host *host = *state;
    test_identity(host, &(sluice_identity){
                            .size = sizeof(sluice_identity),
                            .kinds = SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_SELF_MADE,
                            .client = "guest",
                            .space = "guest",
                        });
    expect_board(host, "board:race", RACE);
    struct test_answer *answer = submit(host, "{\"userId\":\"ann\",\"score\":1}");
    assert_status(answer, 403);
    assert_json(answer, "error", "not_a_writer");
}

/* ---- Definitions that change ---------------------------------------------------------------- */

static void a_stale_definition_is_asked_for_again(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    EXPECT_SUBMIT(host, "id-1", "de-", "b", "ann", 1, "");
    reply_status(host, "stale");
    expect_board(host, "board:race", RACE_AGAIN);
    EXPECT_SUBMIT(host, "id-2", "de-", "b", "ann", 1, "");
    reply_array(host, test_array(host, 1, "1", 1, test_nil(), 1));
    assert_status(submit(host, "{\"userId\":\"ann\",\"score\":1}"), 200);
}

static void a_board_that_is_another_each_time_is_a_503(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++) {
        expect_board(host, "board:race", RACE);
        EXPECT_SUBMIT(host, "id-1", "de-", "b", "ann", 1, "");
        reply_status(host, "stale");
    }
    struct test_answer *answer = submit(host, "{\"userId\":\"ann\",\"score\":1}");
    assert_status(answer, 503);
    assert_json(answer, "error", "board_changing");
}

/* ---- Batches -------------------------------------------------------------------------------- */

static void a_refused_entry_has_its_index_and_stops_nobody(void **state)
{
    static const char body[] =
        "{\"entries\":[{\"userId\":\"ann\",\"score\":1},{\"userId\":\"bob\",\"score\":\"inf\"},7,"
        "{\"userId\":\"a b\",\"score\":1},{\"userId\":\"cy\",\"score\":2,\"more\":1},"
        "{\"userId\":\"dee\",\"score\":1e308},{\"userId\":\"eve\",\"score\":0,\"subscore\":1},"
        "{\"userId\":\"fay\",\"score\":-1}]}";
    struct test_host *host = *state;
    expect_board(host, "board:race",
                 DEFINITION("id-1", "desc", "sum", "lexical", "none", "none", "*"));
    EXPECT_SUBMIT(host, "id-1", "dl-", "s", "ann", 1, "", "dee", "1e+308", "", "fay", -1, "");
    reply_array(host, test_array(host, 1, "1", 1, test_nil(), 1), test_array(host, 0),
                test_array(host, 1, "-1", 3, test_nil(), 1));
    struct test_answer *answer = submit(host, body);
    assert_status(answer, 200);
    assert_json(answer, "/results/0/userId", "ann");
    assert_json(answer, "/results/1/index", 1);
    assert_json(answer, "/results/1/error", "invalid_entry");
    assert_json(answer, "/results/2/index", 2);
    assert_json(answer, "/results/3/index", 3);
    assert_json(answer, "/results/4/index", 4);
    assert_json(answer, "/results/5/index", 5);
    assert_json(answer, "/results/5/error", "sum_not_finite");
    assert_json(answer, "/results/6/index", 6);
    assert_json(answer, "/results/7/userId", "fay");
    assert_json(answer, "/results/7/rank", 3);
}

/* A batch of so many users, u0 u1 ..., each with its number as score. */
static const char *batch_of(int count)
{
    static char body[64 * 1024];
    int len = snprintf(body, sizeof body, "{\"entries\":[");
    for (int i = 0; i < count; i++)
        len += snprintf(body + len, sizeof body - (size_t)len,
                        "%s{\"userId\":\"u%d\",\"score\":%d}", i ? "," : "", i, i);
    (void)snprintf(body + len, sizeof body - (size_t)len, "]}");
    return body;
}

static void expect_part(struct test_host *host, int first, int count)
{
    static char users[1000][16];
    sluice_arg args[KEYS + FIXED_ARGS + 3 * 100];
    const sluice_arg fixed[] = {
        SLUICE_ARG_OF("board:race"),
        SLUICE_ARG_OF("leaderboard:race:all"),
        SLUICE_ARG_OF("leaderboard:race:all:users"),
        SLUICE_ARG_OF("leaderboard:race:all:distinct"),
        SLUICE_ARG_OF("leaderboard:race:all:counts"),
        SLUICE_ARG_OF("leaderboard:race:all"),
        SLUICE_ARG_OF("leaderboard:race:all:users"),
        SLUICE_ARG_OF("leaderboard:race:all:distinct"),
        SLUICE_ARG_OF("leaderboard:race:all:counts"),
        SLUICE_ARG_OF("leaderboard:race:periods"),
        SLUICE_ARG_OF("id-1"),
        SLUICE_ARG_OF("de-"),
        SLUICE_ARG_OF("b"),
    };
    uint32_t at = 0;
    for (; at < COUNT(fixed); at++)
        args[at] = fixed[at];
    for (; at < KEYS + FIXED_ARGS; at++)
        args[at] = test_any();
    for (int i = first; i < first + count; i++) {
        (void)snprintf(users[i], sizeof users[i], "u%d", i);
        args[at++] = SLUICE_ARG_OF(users[i]);
        args[at++] = SLUICE_ARG_OF(i);
        args[at++] = SLUICE_ARG_OF("");
    }
    test_expect_run(TEST_HERE(host), "submit", KEYS, args, at, sizeof args[0]);
}

static void reply_part(struct test_host *host, int first, int count)
{
    static char scores[1000][16];
    sluice_arg rows[100];
    for (int i = 0; i < count; i++) {
        (void)snprintf(scores[first + i], sizeof scores[0], "%d", first + i);
        rows[i] = test_array(host, 1, scores[first + i], 1, test_nil(), 1);
    }
    test_reply_array(TEST_HERE(host), rows, (uint32_t)count, sizeof rows[0]);
}

static void a_batch_goes_a_hundred_entries_at_a_time(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    for (int part = 0; part < 10; part++) {
        expect_part(host, part * 100, 100);
        reply_part(host, part * 100, 100);
    }
    struct test_answer *answer = submit(host, batch_of(1000));
    assert_status(answer, 200);
    assert_json(answer, "/results/0/userId", "u0");
    assert_json(answer, "/results/999/userId", "u999");
    assert_no_json(answer, "/results/1000");
}

static void more_than_a_thousand_entries_are_refused(void **state)
{
    struct test_answer *answer = submit(*state, batch_of(1001));
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/pointer", "/entries");
}

static void a_batch_that_redis_cuts_short_tells_what_was_taken(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    expect_part(host, 0, 100);
    reply_part(host, 0, 100);
    expect_part(host, 100, 100);
    reply_trouble(host);
    struct test_answer *answer = submit(host, batch_of(250));
    assert_status(answer, 200);
    assert_json(answer, "/results/99/userId", "u99");
    assert_json(answer, "/results/100/index", 100);
    assert_json(answer, "/results/100/error", "store_unavailable");
    assert_json(answer, "/results/100/detail",
                "the store did not answer; it may have taken this entry");
    assert_json(answer, "/results/249/index", 249);
    assert_json(answer, "/results/249/detail",
                "the store did not answer; this entry was not tried");
}

static void a_batch_whose_board_changes_tells_what_was_taken(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    expect_part(host, 0, 100);
    reply_part(host, 0, 100);
    expect_part(host, 100, 50);
    reply_status(host, "stale");
    struct test_answer *answer = submit(host, batch_of(150));
    assert_status(answer, 200);
    assert_json(answer, "/results/99/userId", "u99");
    assert_json(answer, "/results/100/error", "board_changing");
    assert_json(answer, "/results/149/index", 149);
}

static void a_batch_of_which_nothing_is_taken_is_a_503(void **state)
{
    struct test_host *host = *state;
    expect_board(host, "board:race", RACE);
    expect_part(host, 0, 100);
    reply_trouble(host);
    struct test_answer *answer = submit(host, batch_of(150));
    assert_status(answer, 503);
    assert_header(answer, "Retry-After", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_score_is_answered_with_its_rank),
        TEST(change_is_the_old_rank_less_the_new_one),
        TEST(scores_and_codes_are_sent_to_the_bit),
        TEST(a_daily_board_offers_this_day_and_the_next),
        TEST(a_sum_that_is_not_finite_is_refused),
        TEST(a_subscore_that_the_board_has_not_is_refused),
        TEST(what_is_no_score_is_refused_and_nothing_is_asked),
        TEST(only_writers_write),
        TEST(nobody_is_refused_for_what_was_remembered),
        TEST(who_registered_itself_is_not_everybody),
        TEST(a_stale_definition_is_asked_for_again),
        TEST(a_board_that_is_another_each_time_is_a_503),
        TEST(a_refused_entry_has_its_index_and_stops_nobody),
        TEST(a_batch_goes_a_hundred_entries_at_a_time),
        TEST(more_than_a_thousand_entries_are_refused),
        TEST(a_batch_that_redis_cuts_short_tells_what_was_taken),
        TEST(a_batch_whose_board_changes_tells_what_was_taken),
        TEST(a_batch_of_which_nothing_is_taken_is_a_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
