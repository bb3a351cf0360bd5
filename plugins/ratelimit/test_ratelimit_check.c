/* Limits for the callers' own services, with a scripted Redis.
 *
 *   POST /v1/ratelimit/check is limited itself: the hook asks first, then the handler.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice_test.h>

#define NOW 1795423490123
#define POLICIES                                                                                   \
    "policies:\n"                                                                                  \
    "  mail: {capacity: 10, refill: 1/s}\n"                                                        \
    "  open: {on_store_error: open}\n"                                                             \
    "  closed: {on_store_error: closed}\n"
#define MAIL "0,10,1,1000,0" /* as take.lua has it */

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), POLICIES);
    test_client(*state, "acme", "space", "");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static struct test_answer *post(struct test_host *host, const char *body)
{
    test_header(host, "Content-Type", "application/json");
    return request(host, "POST", "/v1/ratelimit/check", body);
}

/* What the hook asks of every call. */
static void expect_hook(struct test_host *host)
{
    expect_run(host, "take", 1, "ratelimit:default:space:acme", test_any());
    reply_array(host, NOW, 20000, 0);
}

static struct test_answer *check(struct test_host *host, const char *body, int64_t cost,
                                 int64_t level)
{
    char call[96];
    (void)snprintf(call, sizeof call, "[[" MAIL "],[1],[1,1,1,%d],[]]", (int)cost);
    expect_hook(host);
    expect_run(host, "take", 1, "ratelimit:mail:space:check/ann", call);
    reply_array(host, NOW, level, 0);
    return post(host, body);
}

/* ---- Checking ------------------------------------------------------------------------------ */

static void a_check_takes_from_a_bucket_of_the_callers_space(void **state)
{
    struct test_answer *answer =
        check(*state, "{\"policy\":\"mail\",\"subject\":\"ann\",\"cost\":3}", 3, 10000);
    assert_status(answer, 200);
    assert_body(answer, "{\"allowed\":true,\"limit\":10,\"remaining\":7,\"retryAfterMs\":0,"
                        "\"resetMs\":3000,\"policy\":\"mail\"}");
}

static void a_refusal_is_an_answer_too(void **state)
{
    struct test_answer *answer = check(*state, "{\"policy\":\"mail\",\"subject\":\"ann\"}", 1, 400);
    assert_status(answer, 200);
    assert_json(answer, "allowed", false);
    assert_json(answer, "remaining", 0);
    assert_json(answer, "retryAfterMs", 600);
    assert_json(answer, "resetMs", 9600);
}

static void a_cost_of_0_looks_and_a_negative_one_gives_back(void **state)
{
    struct test_answer *answer =
        check(*state, "{\"policy\":\"mail\",\"subject\":\"ann\",\"cost\":0}", 0, 4000);
    assert_json(answer, "remaining", 4);
    answer = check(*state, "{\"policy\":\"mail\",\"subject\":\"ann\",\"cost\":-2}", -2, 4000);
    assert_json(answer, "allowed", true);
    assert_json(answer, "remaining", 6);
    answer = check(*state, "{\"policy\":\"mail\",\"subject\":\"ann\",\"cost\":-999}", -10, 4000);
    assert_json(answer, "remaining", 10);
}

static void what_costs_more_than_the_capacity_never_will_be_allowed(void **state)
{
    struct test_answer *answer =
        check(*state, "{\"policy\":\"mail\",\"subject\":\"ann\",\"cost\":11}", 0, 10000);
    assert_json(answer, "allowed", false);
    assert_json(answer, "remaining", 10);
    assert_no_json(answer, "retryAfterMs");
}

static void an_admin_checks_in_a_space_of_no_client(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_run(host, "take", 1, "ratelimit:mail::check/ann", test_any());
    reply_array(host, NOW, 10000, 0);
    assert_status(post(host, "{\"policy\":\"mail\",\"subject\":\"ann\"}"), 200);
}

static void what_could_mean_something_in_a_key_is_encoded(void **state)
{
    struct test_host *host = *state;
    expect_hook(host);
    expect_run(host, "take", 1, "ratelimit:mail:space:check/2001%3Adb8%3A%3A1%7Bx%7D", test_any());
    reply_array(host, NOW, 0, 0);
    assert_status(post(host, "{\"policy\":\"mail\",\"subject\":\"2001:db8::1{x}\"}"), 200);
}

static void wrong_input_is_told_all_at_once(void **state)
{
    struct test_host *host = *state;
    expect_hook(host);
    struct test_answer *answer =
        post(host, "{\"policy\":\"male\",\"subject\":\"a b\",\"cost\":\"1\",\"more\":1}");
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/pointer", "/subject");
    assert_json(answer, "/errors/1/pointer", "/cost");
    assert_json(answer, "/errors/2/pointer", "/policy");
    assert_json(answer, "/errors/3/pointer", "/more");
}

/* ---- Trouble ------------------------------------------------------------------------------- */

static void without_redis_the_policy_says_what_happens(void **state)
{
    struct test_host *host = *state;
    test_redis_ready(host, false);
    struct test_answer *answer = post(host, "{\"policy\":\"mail\",\"subject\":\"ann\",\"cost\":4}");
    assert_json(answer, "allowed", true);
    assert_json(answer, "remaining", 6);
    answer = post(host, "{\"policy\":\"open\",\"subject\":\"ann\"}");
    assert_json(answer, "allowed", true);
    assert_no_json(answer, "remaining");
    assert_status(post(host, "{\"policy\":\"closed\",\"subject\":\"ann\"}"), 503);
}

/* ---- Looking and resetting ----------------------------------------------------------------- */

static void an_admin_looks_into_a_bucket(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_run(host, "take", 1, "ratelimit:mail:space:check/ann", "[[" MAIL "],[1],[1,1,1,0],[]]");
    reply_array(host, NOW, 4000, 0);
    struct test_answer *answer = request(host, "GET", "/v1/ratelimit/mail/ann?space=space", NULL);
    assert_status(answer, 200);
    assert_json(answer, "remaining", 4);
    assert_json(answer, "resetMs", 6000);
    assert_json(answer, "policy", "mail");
}

static void an_admin_resets_a_bucket(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_ask(host, "DEL", "ratelimit:mail:space:check/ann");
    reply_int(host, 1);
    assert_status(request(host, "DELETE", "/v1/ratelimit/mail/ann?space=space", NULL), 204);
    expect_ask(host, "DEL", "ratelimit:default:space:acme");
    reply_int(host, 0);
    assert_status(request(host, "DELETE", "/v1/ratelimit/default/acme?space=space&of=client", NULL),
                  204);
    expect_ask(host, "DEL", "ratelimit:default::address/2001-0db8-0000-0000");
    reply_int(host, 0);
    assert_status(request(host, "DELETE", "/v1/ratelimit/default/2001:db8::1?of=address", NULL),
                  204);
}

static void a_bucket_that_nobody_could_mean_is_refused(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    assert_status(request(host, "GET", "/v1/ratelimit/mail/ann", NULL), 422);
    assert_status(request(host, "GET", "/v1/ratelimit/mail/ann?space=a:b", NULL), 422);
    assert_status(request(host, "GET", "/v1/ratelimit/mail/ann?space=a&of=all", NULL), 422);
    struct test_answer *answer = request(host, "GET", "/v1/ratelimit/male/ann?space=a", NULL);
    assert_status(answer, 404);
    assert_json(answer, "error", "policy_not_found");
}

static void only_an_admin_looks_and_resets(void **state)
{
    struct test_host *host = *state;
    expect_hook(host);
    assert_status(request(host, "GET", "/v1/ratelimit/mail/ann?space=space", NULL), 403);
    expect_hook(host);
    assert_status(request(host, "DELETE", "/v1/ratelimit/mail/ann?space=space", NULL), 403);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_check_takes_from_a_bucket_of_the_callers_space),
        TEST(a_refusal_is_an_answer_too),
        TEST(a_cost_of_0_looks_and_a_negative_one_gives_back),
        TEST(what_costs_more_than_the_capacity_never_will_be_allowed),
        TEST(an_admin_checks_in_a_space_of_no_client),
        TEST(what_could_mean_something_in_a_key_is_encoded),
        TEST(wrong_input_is_told_all_at_once),
        TEST(without_redis_the_policy_says_what_happens),
        TEST(an_admin_looks_into_a_bucket),
        TEST(an_admin_resets_a_bucket),
        TEST(a_bucket_that_nobody_could_mean_is_refused),
        TEST(only_an_admin_looks_and_resets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
