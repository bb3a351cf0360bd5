/* myplugin, in the test host: each test is a conversation with Redis, written down.
 *
 * <sluice_test.h> is the manual. */
#include <sluice_test.h>

#define DAY_MS 86400000

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), "greeting: good day\n"
                                            "turned_away: [EvilBot]\n");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static void a_greeting_is_counted(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "count", 1, "myplugin:ann", DAY_MS);
    reply_int(host, 3);
    struct test_answer *answer = request(host, "POST", "/myplugin/ann", NULL);
    assert_status(answer, 200);
    assert_json(answer, "greeting", "good day, ann");
    assert_json(answer, "times", 3);
}

static void a_look_counts_nothing(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "GET", "myplugin:ann");
    reply_text(host, "3");
    assert_json(request(host, "GET", "/myplugin/ann", NULL), "times", 3);
}

static void who_was_never_greeted_is_404(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "GET", "myplugin:bob");
    reply_nil(host);
    struct test_answer *answer = request(host, "GET", "/myplugin/bob", NULL);
    assert_status(answer, 404);
    assert_json(answer, "error", "not_greeted");
}

static void a_name_that_is_none_is_refused_without_asking(void **state)
{
    struct test_answer *answer = request(*state, "POST", "/myplugin/a%20b", NULL);
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/parameter", "who");
}

static void without_redis_the_answer_is_503(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "count", 1, "myplugin:ann", DAY_MS);
    reply_trouble(host);
    assert_status(request(host, "POST", "/myplugin/ann", NULL), 503);
}

static void some_are_turned_away_from_every_route(void **state)
{
    test_header(*state, "User-Agent", "EvilBot/2.0");
    struct test_answer *answer = request(*state, "GET", "/somebody/elses", NULL);
    assert_status(answer, 403);
    assert_json(answer, "error", "turned_away");
}

static void a_wrong_option_is_refused_with_its_place(void **state)
{
    (void)state;
    struct test_host *host = test_host_prepare(sluice_plugin(), "keep: 5\n");
    assert_non_null(strstr(test_errors(host), "options:1:7: myplugin.keep is \"5\""));
    test_host_free(host);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_greeting_is_counted),
        TEST(a_look_counts_nothing),
        TEST(who_was_never_greeted_is_404),
        TEST(a_name_that_is_none_is_refused_without_asking),
        TEST(without_redis_the_answer_is_503),
        TEST(some_are_turned_away_from_every_route),
        cmocka_unit_test(a_wrong_option_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
