/* The test host when all goes well: conversations, time, requests, configuration.
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

/* ---- Questions and replies ---------------------------------------------------------------- */

static void a_conversation_reads_as_one(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANK", "board:scores", "ann");
    reply_int(host, 4);
    struct test_answer *answer = request(host, "GET", "/rank/ann", NULL);
    assert_status(answer, 200);
    assert_json(answer, "success", true);
    assert_json(answer, "rank", 5);
    assert_string_equal(answer->trail, "keyed > gate > rank > ranked > stamped > stamp > note");
}

static void a_nil_is_not_a_number(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANK", "board:scores", "ann/b");
    reply_nil(host);
    struct test_answer *answer = request(host, "GET", "/RANK/ann%2Fb/?x", NULL);
    assert_status(answer, 404);
    assert_json(answer, "error", "not_ranked");
    assert_json(answer, "instance", "/RANK/ann%2Fb/");
    assert_header(answer, "Content-Type", "application/problem+json");
}

static void the_prefix_stands_before_every_key(void **state)
{
    struct test_host *host = *state;
    test_prefix(host, "p:");
    expect_ask(host, "ZREVRANK", "p:board:scores", test_any());
    reply_int(host, 0);
    assert_json(request(host, "GET", "/rank/ann", NULL), "rank", 1);
    assert_string_equal(test_asked(host, 2), "ann");
    assert_null(test_asked(host, 3));
}

static void a_pipeline_gets_nested_replies(void **state)
{
    struct test_host *host = *state;
    expect_ask_all(host, SLUICE_COMMAND("ZCARD", "z"), SLUICE_COMMAND("ZRANGE", "z", 0, 9));
    reply_array(host, 2, test_array(host, "ann", "bob"));
    struct test_answer *answer = request(host, "GET", "/page", NULL);
    assert_json(answer, "total", 2);
    assert_json(answer, "/data/1/name", "bob");
    assert_string_equal(test_json(answer, "data"), "[{\"name\":\"ann\"},{\"name\":\"bob\"}]");
    assert_no_json(answer, "/data/2");
}

static void a_reply_may_come_after_the_question(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZREVRANK", "board:scores", "ann");
    expect_ask(host, "ZREVRANK", "board:scores", "bob");
    struct test_answer *ann = request(host, "GET", "/rank/ann", NULL);
    struct test_answer *bob = request(host, "GET", "/rank/bob", NULL);
    assert_waiting(ann);
    assert_string_equal(ann->waits_for, "the reply to ZREVRANK board:scores ann");
    reply_int(host, 0);
    assert_json(ann, "rank", 1);
    assert_waiting(bob);
    reply_int(host, 1);
    assert_json(bob, "rank", 2);
}

static void trouble_is_503_and_an_error_500(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++)
        expect_ask(host, "ZREVRANK", "board:scores", "ann");
    reply_trouble(host);
    reply_error(host, "LOADING Redis is loading the dataset in memory");
    reply_error(host, "WRONGTYPE Operation against a key");
    struct test_answer *answer = request(host, "GET", "/rank/ann", NULL);
    assert_status(answer, 503);
    assert_header(answer, "Retry-After", "1");
    assert_status(request(host, "GET", "/rank/ann", NULL), 503);
    assert_status(request(host, "GET", "/rank/ann", NULL), 500);
    assert_logged(host, SLUICE_LOG_ERROR, "WRONGTYPE");
}

/* ---- Scripts and undo ---------------------------------------------------------------------- */

static void a_script_gets_keys_and_arguments(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, "lock", test_any(), 250);
    reply_int(host, 77);
    struct test_answer *answer = request(host, "GET", "/take", NULL);
    assert_status(answer, 201);
    assert_json(answer, "fence", 77);
    assert_json(answer, "id", test_asked(host, 1));
}

static void random_bytes_repeat_from_a_seed(void **state)
{
    struct test_host *host = *state;
    test_seed(host, 42);
    expect_run(host, "take", 1, "lock", "95035294", 250);
    reply_int(host, 1);
    char first[16];
    (void)snprintf(first, sizeof first, "%s", test_json(request(host, "GET", "/take", NULL), "id"));
    test_seed(host, 42);
    expect_run(host, "take", 1, "lock", first, 250);
    reply_int(host, 1);
    assert_status(request(host, "GET", "/take", NULL), 201);
}

static void what_was_granted_to_someone_gone_is_undone(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, "lock", test_any(), 250);
    struct test_answer *answer = request(host, "GET", "/take", NULL);
    char id[16];
    (void)snprintf(id, sizeof id, "%s", test_asked(host, 1));
    test_hang_up(answer);
    assert_gone(answer);
    expect_ask(host, "DEL", "lock", id);
    reply_int(host, 77);
    reply_int(host, 1);
    assert_logged(host, SLUICE_LOG_INFO, "given back: 1");
}

static void a_late_reply_reaches_the_undo_step_alone(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, "lock", test_any(), 250);
    reply_late(host);
    struct test_answer *answer = request(host, "GET", "/take", NULL);
    assert_status(answer, 202);
    assert_json(answer, "why", "no answer in time");
    expect_ask(host, "DEL", "lock", test_any());
    reply_int(host, 77);
    reply_int(host, 0);
    assert_logged(host, SLUICE_LOG_INFO, "given back: 0");
}

static void trouble_after_the_end_undoes_nothing(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, "lock", test_any(), 250);
    struct test_answer *answer = request(host, "GET", "/take", NULL);
    test_drain(host);
    assert_status(answer, 503);
    assert_json(answer, "error", "shutting_down");
    reply_trouble(host);
    assert_not_logged(host, "given back");
}

static void a_hang_up_ends_no_wait_that_did_not_say_so(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = request(host, "GET", "/nap", NULL);
    test_hang_up(answer);
    assert_waiting(answer);
    test_advance(host, 1500);
    assert_status(answer, 200);
}

/* ---- Time --------------------------------------------------------------------------------- */

static void sleeping_takes_as_long_as_was_asked(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = request(host, "GET", "/nap", NULL);
    test_advance(host, 1499);
    assert_waiting(answer);
    test_advance(host, 1);
    assert_json(answer, "nil", true);
    assert_json(answer, "now", TEST_EPOCH_MS + 1500);
    test_set_time(host, 5);
    assert_int_equal(sluice_realtime(test_worker(host)), 5);
}

static void a_parked_request_is_woken_once(void **state)
{
    struct test_host *host = *state;
    struct config *config = test_self(host);
    sluice_worker *worker = test_worker(host);
    struct test_answer *answer = request(host, "GET", "/park", NULL);
    assert_true(sluice_wake(worker, config->parked, "granted", 7));
    assert_false(sluice_wake(worker, config->parked, "again"));
    assert_waiting(answer);
    test_advance(host, 0);
    assert_json(answer, "first", "granted");
    assert_json(answer, "second", 7);
    assert_false(sluice_wake(worker, config->parked, "stale"));
}

static void a_park_runs_out(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = request(host, "GET", "/park", NULL);
    test_advance(host, 4999);
    assert_waiting(answer);
    test_advance(host, 1);
    assert_status(answer, 503);
}

static void timers_ring_at_their_own_time(void **state)
{
    struct test_host *host = *state;
    for (int i = 1; i <= 3; i++) {
        expect_ask(host, "INCR", "ticks");
        reply_int(host, i);
    }
    test_advance(host, 180000);
    assert_logged(host, SLUICE_LOG_INFO, "tick 3");
    expect_ask(host, "INCR", "ticks");
    reply_trouble(host);
    test_advance(host, 60000);
    assert_logged(host, SLUICE_LOG_WARN, "no tick: not connected");
}

/* ---- Requests ------------------------------------------------------------------------------ */

static void a_handler_sees_the_whole_request(void **state)
{
    struct test_host *host = *state;
    test_address(host, "203.0.113.9");
    test_header(host, "X-H", "one");
    test_header(host, "Cookie", "a=1; c=two");
    struct test_answer *answer = request(host, "POST", "/echo?q=a%20b", "the body");
    assert_json(answer, "body", "the body");
    assert_json(answer, "q", "a b");
    assert_json(answer, "h", "one");
    assert_json(answer, "c", "two");
    assert_json(answer, "route", "/echo");
    assert_json(answer, "address", "203.0.113.9");
    assert_json(answer, "id", "request-1");
    assert_json(answer, "limit", "slow");
    assert_json(answer, "method", "POST");
    assert_logged(host, SLUICE_LOG_ERROR, "can't be sent: \"Bad Name\"");
    assert_int_equal(((struct config *)test_self(host))->ended, 1);
    assert_no_json(request(host, "POST", "/echo", NULL), "h");
}

static void routes_refuse_as_in_the_gateway(void **state)
{
    struct test_host *host = *state;
    assert_status(request(host, "GET", "/nowhere", NULL), 404);
    assert_status(request(host, "GET", "/rank/%zz", NULL), 400);
    struct test_answer *answer = request(host, "DELETE", "/echo", NULL);
    assert_status(answer, 405);
    assert_header(answer, "Allow", "OPTIONS, POST");
    assert_status(request(host, "OPTIONS", "/echo", NULL), 204);
    char big[66];
    memset(big, 'x', 65);
    assert_status(request_bytes(host, "POST", "/echo", sluice_bytes_of(big, 65)), 413);
    assert_status(request_bytes(host, "POST", "/echo", sluice_bytes_of(big, 64)), 200);
}

static void auth_is_judged_as_in_the_gateway(void **state)
{
    struct test_host *host = *state;
    test_nobody(host);
    struct test_answer *answer = request(host, "GET", "/clients/ann", NULL);
    assert_status(answer, 401);
    assert_json(answer, "error", "unauthenticated");
    assert_header(answer, "WWW-Authenticate", "Bearer realm=\"sluice\"");
    test_header(host, "X-Key", "bad");
    assert_json(request(host, "GET", "/clients/ann", NULL), "error", "bad_key");
    test_header(host, "X-Key", "good");
    assert_json(request(host, "GET", "/clients/ann", NULL), "client", "ann");
    test_client(host, "bob", "bob", NULL);
    assert_status(request(host, "GET", "/clients/ann", NULL), 403);
    test_session(host, "bob", "u1", "s1");
    assert_json(request(host, "GET", "/clients/ann", NULL), "user", "u1");
    test_admin(host);
    answer = request(host, "GET", "/clients/ann", NULL);
    assert_status(answer, 200);
    assert_no_json(answer, "client");
}

static void a_before_hook_may_answer_or_fail_open(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++)
        expect_ask(host, "GET", "gate");
    reply_status(host, "shut");
    reply_nil(host);
    reply_trouble(host);
    test_header(host, "X-Gate", "1");
    struct test_answer *answer = request(host, "POST", "/echo", "{}");
    assert_status(answer, 429);
    assert_header(answer, "Retry-After", "7");
    test_header(host, "X-Gate", "1");
    assert_status(request(host, "POST", "/echo", "{}"), 200);
    test_header(host, "X-Gate", "1");
    assert_status(request(host, "POST", "/echo", "{}"), 200);
}

static void after_hooks_run_in_reverse_and_log_hooks_last(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = request(host, "GET", "/nowhere", NULL);
    assert_header(answer, "X-First", "late");
    assert_header(answer, "X-Third", NULL);
    assert_logged(host, SLUICE_LOG_DEBUG, "sent 404");
}

/* ---- Configuration ------------------------------------------------------------------------- */

static void options_come_from_yaml(void **state)
{
    struct test_host *host = *state;
    const struct config *config = test_self(host);
    assert_int_equal(config->limit, 20);
    assert_string_equal(config->board, "scores");
    assert_int_equal(test_provides(host), SLUICE_IDENTITY_CLIENT);
    assert_true(test_has_policy(host, "slow"));
    assert_false(test_has_policy(host, "fast"));
    assert_ptr_equal(test_offered(host, "taker", 1), &sample_service);
    assert_null(test_offered(host, "taker", 3));
    assert_int_equal(sluice_worker_count(test_worker(host)), 1);
    test_workers(host, 2, 4);
    assert_int_equal(sluice_worker_index(test_worker(host)), 2);
    assert_int_equal(sluice_gateways(test_worker(host)), 1);
    test_gateways(host, 3);
    assert_int_equal(sluice_gateways(test_worker(host)), 3);
    test_redis_ready(host, false);
    assert_false(sluice_redis_ready(test_worker(host)));
}

static char told[64];

static void note(sluice_worker *worker, void *state, const sluice_reply *news)
{
    (void)worker;
    const char *what = "nil";
    if (sluice_is_trouble(news))
        what = "trouble";
    else if (sluice_length(news) == 2)
        what = sluice_text(sluice_at(news, 1));
    else if (!sluice_is_nil(news))
        what = sluice_text(news);
    (void)snprintf(told, sizeof told, "%s:%s", (const char *)state, what);
}

static void subscriptions_are_told_what_the_test_says(void **state)
{
    static char channel[] = "channel", track[] = "track";
    struct test_host *host = *state;
    sluice_worker *worker = test_worker(host);
    sluice_subscribe(worker, "news", note, channel);
    sluice_track(worker, "key:", note, track);
    test_message(host, "news", "hello");
    assert_string_equal(told, "channel:hello");
    test_message(host, "other", "nobody");
    assert_string_equal(told, "channel:hello");
    test_changed(host, "key:1");
    assert_string_equal(told, "track:key:1");
    test_changed(host, "kex:1");
    assert_string_equal(told, "track:key:1");
    test_changed(host, NULL);
    assert_string_equal(told, "track:nil");
    assert_int_equal(sluice_tracked_until(worker), 0);
    test_tracked(host, 2000);
    assert_int_equal(sluice_tracked_until(worker), sluice_monotonic(worker) + 2000);
    test_subscriptions(host, false);
    assert_string_equal(told, "channel:trouble");
    assert_int_equal(sluice_tracked_until(worker), 0);
}

static void configuration_errors_are_told(void **unused)
{
    (void)unused;
    struct test_host *host = test_host_prepare(&sample, "board: x\nlimit: 13\n");
    assert_string_equal(test_errors(host), "options:2:8: sample: limit: 13 brings bad luck\n");
    test_host_free(host);
    host = test_host_prepare(&sample, "limit: 1000\nbord: x\n");
    assert_non_null(strstr(test_errors(host), "options:1:8"));
    assert_non_null(strstr(test_errors(host), "\"board\""));
    test_host_free(host);
}

static const char *hello(void)
{
    return "hello";
}

static void services_of_other_plugins_are_given_by_the_test(void **unused)
{
    (void)unused;
    static const struct greeter greeter = {sizeof greeter, hello};
    struct test_host *host = test_host_prepare(&sample, NULL);
    assert_string_equal(test_errors(host), "");
    test_service(host, "greeter", 1, &greeter);
    test_start(host);
    test_admin(host);
    assert_json(request(host, "GET", "/clients/ann", NULL), "greeting", "hello");
    test_host_free(host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_conversation_reads_as_one),
        TEST(subscriptions_are_told_what_the_test_says),
        TEST(a_nil_is_not_a_number),
        TEST(the_prefix_stands_before_every_key),
        TEST(a_pipeline_gets_nested_replies),
        TEST(a_reply_may_come_after_the_question),
        TEST(trouble_is_503_and_an_error_500),
        TEST(a_script_gets_keys_and_arguments),
        TEST(random_bytes_repeat_from_a_seed),
        TEST(what_was_granted_to_someone_gone_is_undone),
        TEST(a_late_reply_reaches_the_undo_step_alone),
        TEST(trouble_after_the_end_undoes_nothing),
        TEST(a_hang_up_ends_no_wait_that_did_not_say_so),
        TEST(sleeping_takes_as_long_as_was_asked),
        TEST(a_parked_request_is_woken_once),
        TEST(a_park_runs_out),
        TEST(timers_ring_at_their_own_time),
        TEST(a_handler_sees_the_whole_request),
        TEST(routes_refuse_as_in_the_gateway),
        TEST(auth_is_judged_as_in_the_gateway),
        TEST(a_before_hook_may_answer_or_fail_open),
        TEST(after_hooks_run_in_reverse_and_log_hooks_last),
        TEST(options_come_from_yaml),
        cmocka_unit_test(configuration_errors_are_told),
        cmocka_unit_test(services_of_other_plugins_are_given_by_the_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
