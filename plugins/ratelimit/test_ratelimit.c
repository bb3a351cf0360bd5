/* The limiter's steps with a scripted Redis: who is limited by what, batches, answers, trouble.
 *
 * The plugin under test has a few more routes than the shipped one, to be limited.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice_test.h>

#include "test_fields.h"

#define NOW 1795423490123
#define DEFAULT "0,20,1,1000,0" /* as take.lua has it */
#define ONE "[[" DEFAULT "],[1],[1,1,1,1],[]]"

static sluice_verdict fine(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_json(req, 200, "fine", true);
}

static const sluice_route routes[] = {
    {"GET", "/things", SLUICE_STEP(fine), "client", NULL, 0, 0, 0},
    {"GET", "/open/{id}", SLUICE_STEP(fine), "none", NULL, 0, 0, 0},
    {"GET", "/free", SLUICE_STEP(fine), "none", "none", 0, 0, 0},
    {"GET", "/burst", SLUICE_STEP(fine), "client", "burst", 0, 0, 0},
    {"GET", "/both", SLUICE_STEP(fine), "client", "default+burst", 0, 0, 0},
    {"GET", "/shadowed", SLUICE_STEP(fine), "client", "default+shadowed", 0, 0, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    sluice_routes(host, routes);
    return sluice_plugin()->configure(host, self);
}

static const sluice_descriptor *plugin(void)
{
    static sluice_descriptor descriptor;
    descriptor = *sluice_plugin();
    descriptor.configure = configure;
    return &descriptor;
}

#define POLICIES                                                                                   \
    "policies:\n"                                                                                  \
    "  burst: {capacity: 2, refill: 1/s}\n"                                                        \
    "  shadowed: {capacity: 1, refill: 1/s, shadow: true}\n"                                       \
    "  window: {algorithm: fixed-window, capacity: 100}\n"                                         \
    "  slide: {algorithm: sliding-window, capacity: 10, window: 1s}\n"                             \
    "  keys: {per: key}\n"                                                                         \
    "  addresses: {per: address}\n"                                                                \
    "  routes: {per: route, cost: 5}\n"                                                            \
    "  open: {on_store_error: open}\n"                                                             \
    "  closed: {on_store_error: closed}\n"

static int set_up(void **state)
{
    *state = test_host_new(plugin(), POLICIES);
    test_client(*state, "acme", "space", "");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static void as_client_of(struct test_host *host, const char *policy)
{
    sluice_identity who = {.size = sizeof who,
                           .kinds = SLUICE_IDENTITY_CLIENT,
                           .client = "acme",
                           .space = "space",
                           .scopes = "",
                           .key = "7",
                           .policy = policy};
    test_identity(host, &who);
}

/* ---- Passing and refusing ------------------------------------------------------------------ */

static void a_request_takes_a_token_of_its_clients_bucket(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, "ratelimit:default:space:acme", ONE);
    reply_array(host, NOW, 20000, 0);
    struct test_answer *answer = request(host, "GET", "/things", NULL);
    assert_status(answer, 200);
    assert_header(answer, "RateLimit-Policy", "\"default\";q=20;w=20");
    assert_header(answer, "RateLimit", "\"default\";r=19;t=1");
    assert_header(answer, "X-RateLimit-Limit", "20");
    assert_header(answer, "X-RateLimit-Remaining", "19");
    assert_header(answer, "X-RateLimit-Reset", "1795423492"); /* 490.123 + 1, rounded up */
}

static void an_empty_bucket_refuses_with_everything_the_client_needs(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, "ratelimit:default:space:acme", ONE);
    reply_array(host, NOW, 999, 0);
    struct test_answer *answer = request(host, "GET", "/things", NULL);
    assert_status(answer, 429);
    assert_json(answer, "type", "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_json(answer, "error", "rate_limited");
    assert_json(answer, "retryAfter", 1);
    assert_json(answer, "/violated-policies/0", "default");
    assert_header(answer, "Retry-After", "1"); /* 1 ms, rounded up */
    assert_header(answer, "RateLimit", "\"default\";r=0;t=1");
}

static void retry_after_is_rounded_up(void **state)
{
    struct test_host *host = *state;
    as_client_of(host, "slide");
    expect_run(host, "take", 1, "ratelimit:slide:space:acme",
               "[[2,10,10,1000,0],[1],[1,1,1,1],[]]");
    reply_array(host, NOW, 10, -123, 0);
    struct test_answer *answer = request(host, "GET", "/things", NULL);
    assert_status(answer, 429);
    assert_header(answer, "Retry-After", "1"); /* 877 ms and a tenth of the next window */
    expect_run(host, "take", 1, "ratelimit:slide:space:acme", test_any());
    reply_array(host, NOW, 10, -1, 0);
    assert_header(request(host, "GET", "/things", NULL), "Retry-After", "2");
}

static void all_policies_of_a_route_are_asked_in_one_call(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 2, "ratelimit:default:space:acme", "ratelimit:burst:space:acme",
               "[[" DEFAULT ",0,2,1,1000,0],[1,2],[1,2,1,1,2,1],[]]");
    reply_array(host, NOW, 20000, 0, 500, 0);
    struct test_answer *answer = request(host, "GET", "/both", NULL);
    assert_status(answer, 429);
    assert_json(answer, "/violated-policies/0", "burst");
    assert_no_json(answer, "/violated-policies/1");
    assert_header(answer, "RateLimit", "\"default\";r=20, \"burst\";r=0;t=1");
    assert_header(answer, "X-RateLimit-Limit", "2"); /* of the strictest */
}

static void the_fields_are_structured_fields(void **state)
{
    struct test_host *host = *state;
    struct item items[ITEMS_MAX];
    expect_run(host, "take", 2, test_any(), test_any(), test_any());
    reply_array(host, NOW, 20000, 0, 2000, 0);
    struct test_answer *answer = request(host, "GET", "/both", NULL);
    assert_int_equal(parse_list(test_answer_header(answer, "RateLimit-Policy"), items), 2);
    assert_string_equal(items[0].name, "default");
    assert_int_equal(parameter(&items[0], 'q'), 20);
    assert_int_equal(parameter(&items[0], 'w'), 20);
    assert_int_equal(parse_list(test_answer_header(answer, "RateLimit"), items), 2);
    assert_string_equal(items[1].name, "burst");
    assert_int_equal(parameter(&items[1], 'r'), 1);
    assert_int_equal(parameter(&items[1], 't'), 1);
}

static void a_shadow_policy_logs_and_refuses_nobody(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 2, test_any(), "ratelimit:shadowed:space:acme",
               "[[" DEFAULT ",0,1,1,1000,1],[1,2],[1,2,1,1,2,1],[]]");
    reply_array(host, NOW, 20000, 0, 0, 0);
    struct test_answer *answer = request(host, "GET", "/shadowed", NULL);
    assert_status(answer, 200);
    assert_header(answer, "RateLimit-Policy", "\"default\";q=20;w=20");
    assert_logged(host, SLUICE_LOG_INFO, "shadow policy shadowed would have refused 1 requests");
}

/* ---- Who is limited by what ---------------------------------------------------------------- */

static void assert_asks_for(struct test_host *host, const char *target, const char *key)
{
    expect_run(host, "take", 1, key, test_any());
    reply_array(host, NOW, 20000, 0, 0);
    (void)request(host, "GET", target, NULL);
}

static void some_are_not_limited(void **state)
{
    struct test_host *host = *state; /* which expects no question */
    struct test_answer *answer = request(host, "GET", "/free", NULL);
    assert_status(answer, 200);
    assert_header(answer, "RateLimit", NULL);
    assert_status(request(host, "GET", "/nowhere", NULL), 404);
    assert_status(request(host, "POST", "/things", NULL), 405);
    assert_status(request(host, "OPTIONS", "/things", NULL), 204);
    test_admin(host);
    assert_status(request(host, "GET", "/burst", NULL), 403); /* not a client, and not counted */
}

static void a_route_names_its_policy(void **state)
{
    assert_asks_for(*state, "/burst", "ratelimit:burst:space:acme");
}

static void a_clients_own_policy_stands_for_the_default(void **state)
{
    as_client_of(*state, "keys");
    assert_asks_for(*state, "/things", "ratelimit:keys:space:key/acme/7");
    assert_asks_for(*state, "/burst", "ratelimit:burst:space:acme");
    as_client_of(*state, "gone-from-the-configuration");
    assert_asks_for(*state, "/things", "ratelimit:default:space:acme");
}

static void a_fixed_window_has_the_classic_key(void **state)
{
    as_client_of(*state, "window");
    assert_asks_for(*state, "/things", "ratelimit:acme:window");
}

static void everybody_on_a_route_can_share_a_bucket(void **state)
{
    struct test_host *host = *state;
    as_client_of(host, "routes");
    expect_run(host, "take", 1, "ratelimit:routes::route/GET/things",
               "[[0,20,1,1000,0],[1],[1,1,1,5],[]]");
    reply_array(host, NOW, 20000, 0);
    struct test_answer *answer = request(host, "HEAD", "/things", NULL);
    assert_header(answer, "RateLimit", "\"routes\";r=15;t=1");
}

static void who_has_no_identity_is_an_address(void **state)
{
    test_nobody(*state);
    assert_asks_for(*state, "/open/1", "ratelimit:default::address/192.0.2.1");
    test_address(*state, "2001:db8:0:1:aaaa::7");
    assert_asks_for(*state, "/open/1", "ratelimit:default::address/2001-0db8-0000-0001");
}

static void a_prefix_stands_before_every_key(void **state)
{
    test_prefix(*state, "stage:");
    assert_asks_for(*state, "/things", "stage:ratelimit:default:space:acme");
}

/* ---- Batches ------------------------------------------------------------------------------- */

static void those_who_wait_go_together(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answers[4];
    expect_run(host, "take", 1, "ratelimit:default:space:acme", ONE);
    for (int i = 0; i < 4; i++)
        assert_waiting(answers[i] = request(host, "GET", "/things", NULL));
    expect_run(host, "take", 1, "ratelimit:default:space:acme", "[[" DEFAULT "],[1],[3,1,1,1],[]]");
    reply_array(host, NOW, 20000, 0);
    assert_status(answers[0], 200);
    assert_waiting(answers[1]);
    reply_array(host, NOW, 2000, 0);
    assert_status(answers[1], 200);
    assert_header(answers[1], "RateLimit", "\"default\";r=1;t=1");
    assert_status(answers[2], 200);
    assert_header(answers[2], "RateLimit", "\"default\";r=0;t=1");
    assert_status(answers[3], 429);
}

static void several_buckets_go_together_and_keep_their_order(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), test_any());
    struct test_answer *first = request(host, "GET", "/things", NULL);
    static const char *const targets[] = {"/things", "/burst", "/things", "/both", "/burst"};
    struct test_answer *answers[5];
    for (int i = 0; i < 5; i++)
        answers[i] = request(host, "GET", targets[i], NULL);
    /* /things twice, /burst, /both, /burst: the last can't be joined to the first of its kind */
    expect_run(host, "take", 2, "ratelimit:default:space:acme", "ratelimit:burst:space:acme",
               "[[" DEFAULT ",0,2,1,1000,0],[1,2],[2,1,1,1,1,1,2,1,1,2,1,1,2,1,1,1,2,1],[]]");
    reply_array(host, NOW, 20000, 0);
    assert_status(first, 200);
    reply_array(host, NOW, 19000, 0, 2000, 0);
    for (int i = 0; i < 4; i++)
        assert_status(answers[i], 200);
    assert_status(answers[4], 429);
}

static void ask_for_things(struct test_host *host, int count)
{
    for (int i = 0; i < count; i++)
        (void)request(host, "GET", "/things", NULL);
}

static void many_do_not_wait_for_the_call_in_flight(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), ONE);
    ask_for_things(host, 1);
    ask_for_things(host, 15); /* not many yet */
    for (int i = 0; i < 3; i++) {
        expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[16,1,1,1],[]]");
        ask_for_things(host, i == 0 ? 1 : 16);
    }
    ask_for_things(host, 40); /* four calls are in flight: more have to wait */
    expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[40,1,1,1],[]]");
    for (int i = 0; i < 5; i++)
        reply_array(host, NOW, 20000, 0);
}

static void a_call_has_256_requests_at_most(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 4; i++)
        expect_run(host, "take", 1, test_any(), test_any());
    ask_for_things(host, 1 + 3 * 16 + 258);
    expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[256,1,1,1],[]]");
    for (int i = 0; i < 4; i++)
        reply_array(host, NOW, 20000, 0);
    expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[2,1,1,1],[]]");
    for (int i = 0; i < 2; i++)
        reply_array(host, NOW, 0, 0);
}

static void who_has_gone_while_queued_is_not_asked_for(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), test_any());
    struct test_answer *first = request(host, "GET", "/things", NULL);
    struct test_answer *queued = request(host, "GET", "/things", NULL);
    test_drain(host);
    assert_status(queued, 503);
    assert_status(first, 503);
    reply_array(host, NOW, 20000, 0); /* and nothing more is asked */
}

static void nobody_waits_longer_than_a_second(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), test_any());
    struct test_answer *first = request(host, "GET", "/things", NULL);
    struct test_answer *queued = request(host, "GET", "/things", NULL);
    test_advance(host, 1000);
    assert_status(first, 200); /* by what is known locally */
    assert_status(queued, 200);
    reply_array(host, NOW, 20000, 0);
}

/* ---- Trouble ------------------------------------------------------------------------------- */

static void without_redis_a_worker_limits_its_share(void **state)
{
    struct test_host *host = test_host_prepare(plugin(), POLICIES);
    (void)state;
    test_workers(host, 0, 5);
    test_gateways(host, 2);
    test_start(host);
    test_client(host, "acme", "space", "");
    test_redis_ready(host, false);
    assert_header(request(host, "GET", "/things", NULL), "RateLimit", "\"default\";r=1;t=10");
    assert_status(request(host, "GET", "/things", NULL), 200);
    struct test_answer *refused = request(host, "GET", "/things", NULL);
    assert_status(refused, 429);
    assert_header(refused, "Retry-After", "10");
    test_advance(host, 9999);
    assert_status(request(host, "GET", "/things", NULL), 429);
    test_advance(host, 1);
    assert_status(request(host, "GET", "/things", NULL), 200);
    test_host_free(host);
}

static void the_share_starts_with_what_was_known(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), test_any());
    reply_array(host, NOW, 2500, 0);
    assert_status(request(host, "GET", "/things", NULL), 200);
    expect_run(host, "take", 1, test_any(), test_any());
    reply_trouble(host);
    assert_status(request(host, "GET", "/things", NULL), 200);
    test_redis_ready(host, false);
    assert_status(request(host, "GET", "/things", NULL), 429);
    assert_logged(host, SLUICE_LOG_WARN, "take.lua failed");
}

static void when_redis_is_back_it_is_told_what_was_spent(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), test_any());
    reply_array(host, NOW, 16000, 0);
    assert_status(request(host, "GET", "/things", NULL), 200); /* 15 left */
    test_redis_ready(host, false);
    for (int i = 0; i < 3; i++)
        assert_status(request(host, "GET", "/things", NULL), 200);
    test_redis_ready(host, true);
    expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[1,1,1,1],[1,15,3]]");
    reply_trouble(host); /* not told after all: this one makes four */
    assert_status(request(host, "GET", "/things", NULL), 200);
    expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[1,1,1,1],[1,15,4]]");
    reply_array(host, NOW, 11000, 0);
    assert_header(request(host, "GET", "/things", NULL), "X-RateLimit-Remaining", "10");
    expect_run(host, "take", 1, test_any(), ONE);
    reply_array(host, NOW, 10000, 0);
    assert_status(request(host, "GET", "/things", NULL), 200);
}

static void what_was_spent_is_told_once_also_when_many_ask(void **state)
{
    struct test_host *host = *state;
    test_redis_ready(host, false);
    ask_for_things(host, 3);
    test_redis_ready(host, true);
    expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[1,1,1,1],[1,20,3]]");
    ask_for_things(host, 20);
    expect_run(host, "take", 1, test_any(), "[[" DEFAULT "],[1],[19,1,1,1],[]]");
    reply_array(host, NOW, 17000, 0);
    reply_array(host, NOW, 16000, 0);
}

static void an_open_policy_lets_pass_and_says_so(void **state)
{
    struct test_host *host = *state;
    as_client_of(host, "open");
    test_redis_ready(host, false);
    for (int i = 0; i < 30; i++)
        assert_status(request(host, "GET", "/things", NULL), 200);
    assert_logged(host, SLUICE_LOG_WARN, "policy open let 1 requests pass uncounted");
}

static void a_closed_policy_lets_nothing_pass(void **state)
{
    struct test_host *host = *state;
    as_client_of(host, "closed");
    expect_run(host, "take", 1, test_any(), test_any());
    reply_trouble(host);
    struct test_answer *answer = request(host, "GET", "/things", NULL);
    assert_status(answer, 503);
    assert_json(answer, "error", "store_unavailable");
    assert_header(answer, "Retry-After", "1");
}

static void a_script_that_fails_is_trouble(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), test_any());
    reply_error(host, "ERR user_script:1: what");
    assert_status(request(host, "GET", "/things", NULL), 200);
    assert_logged(host, SLUICE_LOG_WARN, "ERR user_script:1: what");
}

static void an_answer_that_does_not_fit_is_trouble(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "take", 1, test_any(), test_any());
    reply_array(host, NOW, 20000);
    assert_status(request(host, "GET", "/things", NULL), 200);
    assert_logged(host, SLUICE_LOG_ERROR, "do not fit together");
}

/* ---- Options ------------------------------------------------------------------------------- */

static void assert_refused(const char *options, const char *error)
{
    struct test_host *host = test_host_prepare(plugin(), options);
    if (!strstr(test_errors(host), error))
        fail_msg("expected \"%s\", got: %s", error, test_errors(host));
    test_host_free(host);
}

static void there_is_always_a_default_policy(void **state)
{
    struct test_host *host = test_host_new(plugin(), NULL);
    (void)state;
    assert_true(test_has_policy(host, "default"));
    test_host_free(host);
    assert_true(test_has_policy(*state, "default"));
    assert_true(test_has_policy(*state, "burst"));
    assert_false(test_has_policy(*state, "bursts"));
}

static void what_can_not_be_is_told_at_its_place(void **state)
{
    (void)state;
    assert_refused("policies: {a: {capacity: 1000000000, refill: 1/9007200ms}}",
                   "more than 2^53, beyond which Redis can't count exactly");
    assert_refused("policies: {a: {capacity: 4, cost: 5}}", "options:1:");
    assert_refused("policies: {a: {capacity: 4, cost: 5}}", "no request could pass");
    assert_refused("policies: {a: {algorithm: fixed-window, refill: 1/s}}",
                   "write window: 60s instead");
    assert_refused("policies: {a: {window: 1s}}", "write refill: 1/s instead");
    assert_refused("policies: {a: {refill: 1/367d}}", "366d at most");
    assert_refused("policies: {a: {algorithm: bucket}}", "token-bucket");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_takes_a_token_of_its_clients_bucket),
        TEST(an_empty_bucket_refuses_with_everything_the_client_needs),
        TEST(retry_after_is_rounded_up),
        TEST(all_policies_of_a_route_are_asked_in_one_call),
        TEST(the_fields_are_structured_fields),
        TEST(a_shadow_policy_logs_and_refuses_nobody),
        TEST(some_are_not_limited),
        TEST(a_route_names_its_policy),
        TEST(a_clients_own_policy_stands_for_the_default),
        TEST(a_fixed_window_has_the_classic_key),
        TEST(everybody_on_a_route_can_share_a_bucket),
        TEST(who_has_no_identity_is_an_address),
        TEST(a_prefix_stands_before_every_key),
        TEST(those_who_wait_go_together),
        TEST(several_buckets_go_together_and_keep_their_order),
        TEST(many_do_not_wait_for_the_call_in_flight),
        TEST(a_call_has_256_requests_at_most),
        TEST(who_has_gone_while_queued_is_not_asked_for),
        TEST(nobody_waits_longer_than_a_second),
        TEST(without_redis_a_worker_limits_its_share),
        TEST(the_share_starts_with_what_was_known),
        TEST(when_redis_is_back_it_is_told_what_was_spent),
        TEST(what_was_spent_is_told_once_also_when_many_ask),
        TEST(an_open_policy_lets_pass_and_says_so),
        TEST(a_closed_policy_lets_nothing_pass),
        TEST(a_script_that_fails_is_trouble),
        TEST(an_answer_that_does_not_fit_is_trouble),
        TEST(there_is_always_a_default_policy),
        TEST(what_can_not_be_is_told_at_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
