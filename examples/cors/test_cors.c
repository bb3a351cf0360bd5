/* cors, in the test host.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice_test.h>

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), "origins: [https://app.example.org]\n");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static void a_preflight_is_answered_without_the_route(void **state)
{
    test_header(*state, "Origin", "https://app.example.org");
    test_header(*state, "Access-Control-Request-Method", "PUT");
    struct test_answer *answer = request(*state, "OPTIONS", "/anything", NULL);
    assert_status(answer, 204);
    assert_header(answer, "Access-Control-Allow-Origin", "https://app.example.org");
    assert_header(answer, "Access-Control-Max-Age", "600");
}

static void a_refusal_can_be_read_by_the_page(void **state)
{
    test_header(*state, "Origin", "https://app.example.org");
    struct test_answer *answer = request(*state, "GET", "/nowhere", NULL);
    assert_status(answer, 404);
    assert_header(answer, "Access-Control-Allow-Origin", "https://app.example.org");
    assert_header(answer, "Vary", "Origin");
}

static void another_origin_gets_no_leave(void **state)
{
    test_header(*state, "Origin", "https://evil.example.org");
    test_header(*state, "Access-Control-Request-Method", "PUT");
    struct test_answer *answer = request(*state, "OPTIONS", "/anything", NULL);
    assert_header(answer, "Access-Control-Allow-Origin", NULL);
    assert_header(answer, "Access-Control-Allow-Methods", NULL);
}

static void cookies_from_everywhere_are_refused_at_start(void **state)
{
    (void)state;
    struct test_host *host =
        test_host_prepare(sluice_plugin(), "origins: [\"*\"]\ncredentials: true\n");
    assert_non_null(strstr(test_errors(host), "options:2:14: cors: credentials: cookies"));
    test_host_free(host);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_preflight_is_answered_without_the_route),
        TEST(a_refusal_can_be_read_by_the_page),
        TEST(another_origin_gets_no_leave),
        cmocka_unit_test(cookies_from_everywhere_are_refused_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
