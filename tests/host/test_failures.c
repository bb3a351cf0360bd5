/* The test host when a test must fail: which mistakes it finds, and what it says.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "sample.h"
#include "sluice_test.h"

static int set_up(void **state)
{
    *state = test_host_new(&sample, "limit: 20\n");
    test_client(*state, "acme", "acme", "");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static jmp_buf escape;
static char failure[4096];

static void caught(const char *file, int line, const char *message)
{
    (void)snprintf(failure, sizeof failure, "%s:%d: %s", file, line, message);
    longjmp(escape, 1);
}

/* Runs `act`, which must fail its test with a message that contains `part`. */
static void must_fail(void (*act)(struct test_host *host), struct test_host *host, const char *part)
{
    failure[0] = '\0';
    test_on_failure(caught);
    if (setjmp(escape) == 0)
        act(host);
    test_on_failure(NULL);
    if (!strstr(failure, part))
        fail_msg("expected a failure with \"%s\", not \"%s\"", part, failure);
}

static void ask_rank(struct test_host *host)
{
    (void)request(host, "GET", "/rank/ann", NULL);
}

static void a_question_nobody_expected_fails(void **state)
{
    must_fail(ask_rank, *state,
              "step rank asked, and nothing more was expected:\n  ZREVRANK board:scores ann");
}

static void another_question_fails_with_both_and_the_difference(void **state)
{
    expect_ask((struct test_host *)*state, "ZREVRANK", "board:scores", "bob b");
    must_fail(ask_rank, *state, "expected: ZREVRANK board:scores \"bob b\"");
    assert_non_null(strstr(failure, "asked:    ZREVRANK board:scores ann"));
    assert_non_null(strstr(failure, "argument 2: expected \"bob b\", not ann"));
    assert_non_null(strstr(failure, "test_failures.c:"));
}

static void another_kind_of_question_fails(void **state)
{
    expect_run((struct test_host *)*state, "take", 0, "x");
    must_fail(ask_rank, *state, "expected: script take with 0 keys: x");
}

static void another_count_of_arguments_fails(void **state)
{
    expect_ask((struct test_host *)*state, "ZREVRANK", "board:scores");
    must_fail(ask_rank, *state, "2 arguments were expected, 3 came");
}

static void what_was_never_asked_fails_at_the_end(void **unused)
{
    (void)unused;
    struct test_host *host = test_host_new(&sample, NULL);
    expect_ask(host, "PING");
    must_fail(test_host_free, host, "expected and never asked: PING");
}

static void new_with_bad_options(struct test_host *unused)
{
    (void)unused;
    (void)test_host_new(&sample, "limit: 13\n");
}

static void bad_options_fail_a_new_host(void **unused)
{
    (void)unused;
    must_fail(new_with_bad_options, NULL, "brings bad luck");
}

static void reply_to_nothing(struct test_host *host)
{
    reply_nil(host);
}

static void a_reply_to_nothing_fails(void **state)
{
    must_fail(reply_to_nothing, *state, "a reply to nothing");
}

static void expect_200(struct test_host *host)
{
    assert_status(request(host, "GET", "/nap", NULL), 200);
}

static void a_waiting_request_has_no_status(void **state)
{
    must_fail(expect_200, *state, "still waits for the end of its sleep");
}

static void expect_json(struct test_host *host)
{
    assert_json(request(host, "POST", "/echo", "abc"), "body", "abd");
}

static void another_value_fails_with_both(void **state)
{
    must_fail(expect_json, *state, "expected \"body\" to be \"abd\", not \"abc\"");
}

static const char *how;

static void do_wrong(struct test_host *host)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/wrong/%s", how);
    (void)request(host, "GET", path, NULL);
}

static void each_mistake_of_a_step_is_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *how, *message;
    } mistakes[] = {
        {"wait", "step wrong returned SLUICE_WAIT without asking"},
        {"next", "step wrong is a handler's and returned SLUICE_NEXT"},
        {"done", "step wrong returned SLUICE_DONE without an answer"},
        {"verdict", "step wrong returned an unknown verdict"},
        {"deadline", "step wrong parked without a deadline"},
        {"then", "step wrong asked without naming a next step"},
        {"twice", "step wrong asked twice"},
        {"forgot", "step wrong asked and did not return the verdict"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct test_host *host = test_host_new(&sample, NULL);
        how = mistakes[i].how;
        must_fail(do_wrong, host, mistakes[i].message);
        test_host_free(host);
    }
}

static void spin(sluice_worker *worker, void *state, const sluice_reply *none)
{
    (void)none;
    sluice_timer(worker, 0, spin, state);
}

static void start_spinning(struct test_host *host)
{
    sluice_timer(test_worker(host), 0, spin, NULL);
    test_advance(host, 0);
}

static void a_plugin_that_never_rests_fails(void **state)
{
    must_fail(start_spinning, *state, "never comes to rest");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_question_nobody_expected_fails),
        TEST(another_question_fails_with_both_and_the_difference),
        TEST(another_kind_of_question_fails),
        TEST(another_count_of_arguments_fails),
        cmocka_unit_test(what_was_never_asked_fails_at_the_end),
        cmocka_unit_test(bad_options_fail_a_new_host),
        TEST(a_reply_to_nothing_fails),
        TEST(a_waiting_request_has_no_status),
        TEST(another_value_fails_with_both),
        cmocka_unit_test(each_mistake_of_a_step_is_named),
        TEST(a_plugin_that_never_rests_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
