/* leaderboard's steps, with a scripted Redis.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice_test.h>

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), NULL);
    test_client(*state, "acme", "acme", "");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static struct test_answer *post(struct test_host *host, const char *path, const char *body)
{
    test_header(host, "Content-Type", "application/json");
    return request(host, "POST", path, body);
}

/* ---- Submitting --------------------------------------------------------------------------- */

static void a_score_is_stored_and_answered(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZADD", "leaderboard:zset", "12.5", "ann");
    reply_int(host, 1);
    struct test_answer *answer =
        post(host, "/leaderboard/score", "{\"userId\":\"ann\",\"score\":12.5}");
    assert_status(answer, 200);
    assert_json(answer, "success", true);
    assert_json(answer, "newScore", 12.5);
}

static void zero_and_negative_scores_are_scores(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZADD", "leaderboard:zset", "0", "ann");
    reply_int(host, 0);
    assert_status(post(host, "/leaderboard/score", "{\"userId\":\"ann\",\"score\":0}"), 200);
    expect_ask(host, "ZADD", "leaderboard:zset", "-3", "ann");
    reply_int(host, 0);
    assert_status(post(host, "/leaderboard/score", "{\"userId\":\"ann\",\"score\":-3}"), 200);
}

static void unknown_members_are_ignored_on_the_classic_path(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZADD", "leaderboard:zset", "1", "ann");
    reply_int(host, 1);
    assert_status(post(host, "/leaderboard/score", "{\"userId\":\"ann\",\"score\":1,\"extra\":[]}"),
                  200);
}

static void what_is_no_score_is_refused_and_nothing_is_asked(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "{\"userId\":\"ann\"}",
        "{\"score\":1}",
        "{\"userId\":\"ann\",\"score\":\"10\"}",
        "{\"userId\":\"ann\",\"score\":[10]}",
        "{\"userId\":\"ann\",\"score\":{}}",
        "{\"userId\":\"ann\",\"score\":null}",
        "{\"userId\":\"ann\",\"score\":true}",
        "{\"userId\":[\"ann\"],\"score\":1}",
        "{\"userId\":\"\",\"score\":1}",
        "{\"userId\":\"a b\",\"score\":1}",
        "{\"userId\":7,\"score\":1}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_status(post(*state, "/leaderboard/score", bodies[i]), 422);
    assert_status(post(*state, "/leaderboard/score", "{\"userId\":\"ann\",\"score\":NaN}"), 400);
    assert_status(post(*state, "/leaderboard/score", "{\"userId\":\"ann\",\"score\":1e999}"), 422);
    assert_status(
        post(*state, "/leaderboard/score", "{\"userId\":\"a\",\"userId\":\"b\",\"score\":1}"), 400);
}

static void all_that_is_wrong_is_told_at_once(void **state)
{
    struct test_answer *answer =
        post(*state, "/leaderboard/score", "{\"userId\":7,\"score\":\"x\"}");
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/pointer", "/userId");
    assert_json(answer, "/errors/1/pointer", "/score");
}

/* ---- One user ----------------------------------------------------------------------------- */

static void the_first_place_is_one(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANK", "leaderboard:zset", "ann");
    reply_int(host, 0);
    struct test_answer *answer = request(host, "GET", "/leaderboard/rank/ann", NULL);
    assert_status(answer, 200);
    assert_json(answer, "UserRank", 1);
}

static void a_user_without_score_is_404(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANK", "leaderboard:zset", "ann");
    reply_nil(host);
    struct test_answer *answer = request(host, "GET", "/leaderboard/rank/ann", NULL);
    assert_status(answer, 404);
    assert_json(answer, "error", "not_ranked");
    expect_ask(host, "ZSCORE", "leaderboard:zset", "ann");
    reply_nil(host);
    assert_status(request(host, "GET", "/leaderboard/score/ann", NULL), 404);
}

static void a_score_is_told_as_a_number(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZSCORE", "leaderboard:zset", "ann");
    reply_text(host, "1234567.25");
    struct test_answer *answer = request(host, "GET", "/leaderboard/score/ann", NULL);
    assert_json(answer, "score", 1234567.25);
}

static void a_user_id_that_is_none_is_refused(void **state)
{
    assert_status(request(*state, "GET", "/leaderboard/rank/a%20b", NULL), 422);
    assert_status(request(*state, "GET", "/leaderboard/score/%ff", NULL), 422);
    test_admin(*state);
    assert_status(request(*state, "DELETE", "/leaderboard/delete/a%0Ab", NULL), 422);
}

static void classic_paths_ignore_case_and_a_trailing_slash(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANK", "leaderboard:zset", "Ann");
    reply_int(host, 4);
    assert_json(request(host, "GET", "/LeaderBoard/RANK/Ann/", NULL), "UserRank", 5);
}

/* ---- Many --------------------------------------------------------------------------------- */

static void the_top_is_ten_unless_asked_otherwise(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANGE", "leaderboard:zset", 0, 9, "WITHSCORES");
    reply_array(host, "ann", "7", "bob", "6.5");
    struct test_answer *answer = request(host, "GET", "/leaderboard/top", NULL);
    assert_body(answer, "{\"success\":true,\"topScores\":[{\"userId\":\"ann\",\"score\":7},"
                        "{\"userId\":\"bob\",\"score\":6.5}]}");
    expect_ask(host, "ZREVRANGE", "leaderboard:zset", 0, 99, "WITHSCORES");
    reply_empty_array(host);
    assert_body(request(host, "GET", "/leaderboard/top?limit=100", NULL),
                "{\"success\":true,\"topScores\":[]}");
}

static void a_page_is_one_trip(void **state)
{
    struct test_host *host = *state;
    expect_ask_all(host, SLUICE_COMMAND("ZCARD", "leaderboard:zset"),
                   SLUICE_COMMAND("ZREVRANGE", "leaderboard:zset", 10, 14, "WITHSCORES"));
    reply_array(host, 42, test_array(host, "ann", "7"));
    struct test_answer *answer = request(host, "GET", "/leaderboard/page?page=3&size=5", NULL);
    assert_body(answer, "{\"success\":true,\"page\":3,\"size\":5,\"total\":42,"
                        "\"data\":[{\"userId\":\"ann\",\"score\":7}]}");
}

static void limits_out_of_range_are_refused_never_everything(void **state)
{
    static const char *const targets[] = {
        "/leaderboard/top?limit=0",        "/leaderboard/top?limit=101",
        "/leaderboard/top?limit=-1",       "/leaderboard/top?limit=x",
        "/leaderboard/top?limit=",         "/leaderboard/top?limit=1e1",
        "/leaderboard/top?limit=10.0",     "/leaderboard/top?limit=99999999999999999999",
        "/leaderboard/page?page=0",        "/leaderboard/page?size=0",
        "/leaderboard/page?page=x",        "/leaderboard/page?size=1000",
        "/leaderboard/page?page=99999999",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        assert_status(request(*state, "GET", targets[i], NULL), 422);
}

/* ---- Managing ----------------------------------------------------------------------------- */

static void only_managers_delete_and_reset(void **state)
{
    struct test_host *host = *state;
    assert_status(request(host, "DELETE", "/leaderboard/delete/ann", NULL), 403);
    assert_status(request(host, "DELETE", "/leaderboard/reset", NULL), 403);
    test_client(host, "ops", "ops", "leaderboard:manage");
    expect_ask(host, "ZREM", "leaderboard:zset", "ann");
    reply_int(host, 1);
    assert_status(request(host, "DELETE", "/leaderboard/delete/ann", NULL), 200);
    expect_ask(host, "ZREM", "leaderboard:zset", "ann");
    reply_int(host, 0);
    assert_status(request(host, "DELETE", "/leaderboard/delete/ann", NULL), 404);
    test_admin(host);
    expect_ask(host, "UNLINK", "leaderboard:zset");
    reply_int(host, 0);
    assert_status(request(host, "DELETE", "/leaderboard/reset", NULL), 200);
}

static void nobody_gets_nothing(void **state)
{
    test_nobody(*state);
    assert_status(request(*state, "GET", "/leaderboard/top", NULL), 401);
}

/* ---- Weather ------------------------------------------------------------------------------ */

static void redis_away_is_a_503(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANK", "leaderboard:zset", "ann");
    reply_trouble(host);
    struct test_answer *answer = request(host, "GET", "/leaderboard/rank/ann", NULL);
    assert_status(answer, 503);
    assert_header(answer, "Retry-After", "1");
}

static void a_page_of_which_redis_refuses_half_is_a_503(void **state)
{
    struct test_host *host = *state;
    expect_ask_all(host, SLUICE_COMMAND("ZCARD", "leaderboard:zset"),
                   SLUICE_COMMAND("ZREVRANGE", "leaderboard:zset", 0, 9, "WITHSCORES"));
    reply_array(host, sluice_error("LOADING Redis is loading the dataset in memory"),
                test_array(host, "ann", "7"));
    assert_status(request(host, "GET", "/leaderboard/page", NULL), 503);
}

static void keys_have_the_configured_prefix(void **state)
{
    struct test_host *host = *state;
    test_prefix(host, "staging:");
    expect_ask(host, "ZREVRANK", "staging:leaderboard:zset", "ann");
    reply_int(host, 0);
    assert_status(request(host, "GET", "/leaderboard/rank/ann", NULL), 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_score_is_stored_and_answered),
        TEST(zero_and_negative_scores_are_scores),
        TEST(unknown_members_are_ignored_on_the_classic_path),
        TEST(what_is_no_score_is_refused_and_nothing_is_asked),
        TEST(all_that_is_wrong_is_told_at_once),
        TEST(the_first_place_is_one),
        TEST(a_user_without_score_is_404),
        TEST(a_score_is_told_as_a_number),
        TEST(a_user_id_that_is_none_is_refused),
        TEST(classic_paths_ignore_case_and_a_trailing_slash),
        TEST(the_top_is_ten_unless_asked_otherwise),
        TEST(a_page_is_one_trip),
        TEST(limits_out_of_range_are_refused_never_everything),
        TEST(only_managers_delete_and_reset),
        TEST(nobody_gets_nothing),
        TEST(redis_away_is_a_503),
        TEST(a_page_of_which_redis_refuses_half_is_a_503),
        TEST(keys_have_the_configured_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
