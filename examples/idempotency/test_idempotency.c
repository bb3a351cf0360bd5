/* idempotency, in the test host, around a route of the test's own.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice_test.h>

#include "seal.h"

#define DAY_MS 86400000
#define FLIGHT_MS 60000

/* ---- A plugin with a route ---------------------------------------------------------------- */

static sluice_step slept;
static int orders; /* how often the handler ran */

static sluice_verdict order(sluice_request *req, void *self, const sluice_reply *none)
{
    const char *how = sluice_query(req, "how");
    (void)none;
    orders++;
    if (how && strcmp(how, "fails") == 0)
        return sluice_problem(req, 500, "internal_error", "it fails");
    if (how && strcmp(how, "locked") == 0)
        return sluice_problem_with(req, 423, "locked", "not now", "retryAfter", 3);
    if (how && strcmp(how, "long") == 0)
        return sluice_respond(req, 200, "text/plain", sluice_bytes_of("0123456789abcdef!", 17));
    if (how && strcmp(how, "slow") == 0) {
        sluice_wait wait = SLUICE_THEN(slept, self);
        wait.flags = SLUICE_END_ON_HANGUP;
        return sluice_sleep_v(req, wait, 1000);
    }
    sluice_set_header(req, "Location", "/orders/7");
    return sluice_json(req, 201, "order", 7);
}

static sluice_verdict slept(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_respond_empty(req, 204);
}

static const sluice_route routes[] = {
    {"POST", "/orders", SLUICE_STEP(order), "client", NULL, 0, 0, 0},
    {"POST", "/open", SLUICE_STEP(order), "none", NULL, 0, 0, 0},
    {"PUT", "/orders", SLUICE_STEP(order), "client", NULL, 0, 0, 0},
    {"POST", "/v1/clients", SLUICE_STEP(order), "client", NULL, 0, 0, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    sluice_routes(host, routes);
    return sluice_plugin()->configure(host, self);
}

static struct test_host *new_host(const char *options)
{
    static sluice_descriptor with_routes;
    with_routes = *sluice_plugin();
    with_routes.configure = configure;
    orders = 0;
    struct test_host *host = test_host_new(&with_routes, options);
    test_client(host, "acme", "acme", "");
    return host;
}

static int set_up(void **state)
{
    *state = new_host("answer_max: 16\n");
    return 0;
}

static int set_up_open(void **state)
{
    *state = new_host("on_store_error: open\n");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

/* ---- The conversation --------------------------------------------------------------------- */

static void expect_claim(struct test_host *host)
{
    expect_run(host, "claim", 1, test_any(), test_any(), test_any(), FLIGHT_MS);
}

static void expect_release(struct test_host *host)
{
    expect_run(host, "release", 1, test_any(), test_any());
    reply_int(host, 1);
}

static struct test_answer *post(struct test_host *host, const char *target, const char *key,
                                const char *body)
{
    test_header(host, "Idempotency-Key", key);
    return request(host, "POST", target, body);
}

/* What the claim of a request like this is asked with: 0 its record, 1 its fingerprint. */
static void asked_for(struct test_host *host, uint32_t i, const char *target, const char *key,
                      const char *body, char ret_text[128])
{
    expect_claim(host);
    reply_array(host, "differs");
    assert_status(post(host, target, key, body), 422);
    (void)snprintf(ret_text, 128, "%s", test_asked(host, i));
}

/* ---- The first time ----------------------------------------------------------------------- */

static void the_first_answer_is_stored_before_it_is_sent(void **state)
{
    struct test_host *host = *state;
    expect_claim(host);
    reply_array(host, "claimed");
    expect_run(host, "store", 1, test_any(), test_any(), DAY_MS, 201, "{\"order\":7}",
               "Content-Type", "application/json", "Location", "/orders/7");
    struct test_answer *answer = post(host, "/orders", "k1", "{}");
    assert_waiting(answer);
    reply_int(host, 1);
    assert_status(answer, 201);
    assert_header(answer, "Idempotency-Replayed", NULL);
    assert_int_equal(orders, 1);
}

static void without_a_key_nothing_is_asked(void **state)
{
    assert_status(request(*state, "POST", "/orders", "{}"), 201);
}

static void other_methods_ignore_the_key(void **state)
{
    test_header(*state, "Idempotency-Key", "k1");
    assert_status(request(*state, "PUT", "/orders", "{}"), 201);
}

/* ---- Secrets ------------------------------------------------------------------------------ */

static void a_seal_is_opened_by_its_key_alone(void **state)
{
    unsigned char key[SEAL_KEY_SIZE] = {1}, nonce[SEAL_NONCE_SIZE] = {2};
    unsigned char sealed[6 + SEAL_EXTRA] = {0}, text[sizeof sealed];
    const sluice_bytes all = sluice_bytes_of(sealed, sizeof sealed);
    size_t len = 0;
    (void)state;
    assert_true(seal_close(key, nonce, sluice_bytes_of("secret", 6), sealed));
    assert_memory_not_equal(sealed + SEAL_EXTRA, "secret", 6);
    assert_true(seal_open(key, all, text, &len));
    assert_int_equal(len, 6);
    assert_memory_equal(text, "secret", 6);
    key[0]++;
    assert_false(seal_open(key, all, text, &len));
    key[0]--;
    sealed[sizeof sealed - 1] ^= 1;
    assert_false(seal_open(key, all, text, &len));
    assert_false(seal_open(key, sluice_bytes_of(sealed, SEAL_EXTRA - 1), text, &len));
}

static void a_secret_for_other_credentials_is_not_told(void **state)
{
    struct test_host *host = *state;
    expect_claim(host);
    reply_array(host, "replay", "201", "sealed for somebody else, once upon a time");
    assert_status(post(host, "/v1/clients", "k1", "{}"), 409);
    assert_int_equal(orders, 0);
}

/* ---- The second time ---------------------------------------------------------------------- */

static void the_second_time_replays_status_headers_and_body(void **state)
{
    struct test_host *host = *state;
    expect_claim(host);
    reply_array(host, "replay", "201", "{\"order\":7}", "Location", "/orders/7", "Content-Type",
                "application/json");
    struct test_answer *answer = post(host, "/orders", "k1", "{}");
    assert_status(answer, 201);
    assert_body(answer, "{\"order\":7}");
    assert_header(answer, "Location", "/orders/7");
    assert_header(answer, "Content-Type", "application/json");
    assert_header(answer, "Idempotency-Replayed", "true");
    assert_int_equal(orders, 0);
}

static void an_answer_without_body_is_replayed_without(void **state)
{
    expect_claim(*state);
    reply_array(*state, "replay", "204", "");
    struct test_answer *answer = post(*state, "/orders", "k1", "{}");
    assert_status(answer, 204);
    assert_header(answer, "Content-Type", NULL);
}

static void another_request_under_the_key_is_422(void **state)
{
    expect_claim(*state);
    reply_array(*state, "differs");
    struct test_answer *answer = post(*state, "/orders", "k1", "{}");
    assert_status(answer, 422);
    assert_json(answer, "error", "idempotency_key_reused");
    assert_int_equal(orders, 0);
}

static void a_request_in_flight_is_409(void **state)
{
    expect_claim(*state);
    reply_array(*state, "busy", 2500);
    struct test_answer *answer = post(*state, "/orders", "k1", "{}");
    assert_status(answer, 409);
    assert_json(answer, "error", "idempotency_key_in_use");
    assert_header(answer, "Retry-After", "3");
    assert_int_equal(orders, 0);
}

/* ---- Records and fingerprints ------------------------------------------------------------- */

static void clients_do_not_meet_under_the_same_key(void **state)
{
    struct test_host *host = *state;
    char acme[128], other[128], open[128];
    asked_for(host, 0, "/orders", "k1", "{}", acme);
    test_client(host, "other", "other", "");
    asked_for(host, 0, "/orders", "k1", "{}", other);
    asked_for(host, 0, "/open", "k1", "{}", open);
    assert_string_not_equal(acme, other);
    assert_string_not_equal(other, open);
    assert_memory_equal(acme, "idempotency:", 12);
}

static void nobody_is_known_by_address(void **state)
{
    struct test_host *host = *state;
    char here[128], there[128];
    asked_for(host, 0, "/open", "k1", "{}", here);
    test_address(host, "192.0.2.99");
    asked_for(host, 0, "/open", "k1", "{}", there);
    assert_string_not_equal(here, there);
}

static void body_and_target_are_in_the_fingerprint_and_not_in_the_record(void **state)
{
    struct test_host *host = *state;
    const char *const targets[] = {"/orders", "/orders?n=1", "/orders"};
    const char *const bodies[] = {"{}", "{}", "{ }"};
    char record[3][128], print[3][128];
    for (size_t i = 0; i < 3; i++) {
        asked_for(host, 0, targets[i], "k1", bodies[i], record[i]);
        asked_for(host, 1, targets[i], "k1", bodies[i], print[i]);
    }
    assert_string_equal(record[0], record[1]);
    assert_string_equal(record[0], record[2]);
    assert_string_not_equal(print[0], print[1]);
    assert_string_not_equal(print[0], print[2]);
}

static void quotes_do_not_make_another_key(void **state)
{
    char plain[128], quoted[128], longer[128];
    asked_for(*state, 0, "/orders", "k1", "{}", plain);
    asked_for(*state, 0, "/orders", "\"k1\"", "{}", quoted);
    asked_for(*state, 0, "/orders", "k1k", "{}", longer);
    assert_string_equal(plain, quoted);
    assert_string_not_equal(plain, longer);
}

static void what_is_no_key_is_400(void **state)
{
    char text[257];
    memset(text, 'x', 256);
    text[256] = '\0';
    assert_json(post(*state, "/orders", "", "{}"), "error", "idempotency_key_invalid");
    assert_status(post(*state, "/orders", "\"\"", "{}"), 400);
    assert_status(post(*state, "/orders", "a\tb", "{}"), 400);
    assert_status(post(*state, "/orders", "caf\xc3\xa9", "{}"), 400);
    assert_status(post(*state, "/orders", text, "{}"), 400);
    assert_int_equal(orders, 0);
}

/* ---- What is not stored ------------------------------------------------------------------- */

static void assert_released(struct test_host *host, const char *target, uint32_t status)
{
    expect_claim(host);
    reply_array(host, "claimed");
    expect_release(host);
    assert_status(post(host, target, "k1", "{}"), status);
}

static void a_failure_frees_the_key(void **state)
{
    assert_released(*state, "/orders?how=fails", 500);
}

static void an_answer_that_says_try_again_frees_the_key(void **state)
{
    assert_released(*state, "/orders?how=locked", 423);
}

static void an_answer_that_is_too_long_frees_the_key(void **state)
{
    assert_released(*state, "/orders?how=long", 200);
}

static void only_the_owner_of_the_claim_releases_it(void **state)
{
    struct test_host *host = *state;
    char owner[128];
    expect_claim(host);
    struct test_answer *answer = post(host, "/orders?how=fails", "k1", "{}");
    (void)snprintf(owner, sizeof owner, "%s", test_asked(host, 2));
    expect_run(host, "release", 1, test_any(), owner);
    reply_array(host, "claimed");
    reply_int(host, 1);
    assert_status(answer, 500);
}

/* ---- Ends before the end ------------------------------------------------------------------ */

static void a_client_that_goes_leaves_a_free_key(void **state)
{
    struct test_host *host = *state;
    expect_claim(host);
    reply_array(host, "claimed");
    struct test_answer *answer = post(host, "/orders?how=slow", "k1", "{}");
    expect_release(host);
    test_hang_up(answer);
    assert_gone(answer);
}

static void a_claim_that_comes_after_the_end_is_taken_back(void **state)
{
    struct test_host *host = *state;
    expect_claim(host);
    struct test_answer *answer = post(host, "/orders", "k1", "{}");
    test_drain(host);
    assert_status(answer, 503);
    expect_run(host, "release", 1, test_any(), test_any());
    reply_array(host, "claimed");
    reply_int(host, 1);
    assert_int_equal(orders, 0);
}

static void a_late_replay_takes_nothing_back(void **state)
{
    struct test_host *host = *state;
    expect_claim(host);
    reply_late(host);
    assert_status(post(host, "/orders", "k1", "{}"), 503);
    reply_array(host, "replay", "201", "{}");
}

/* ---- Without Redis ------------------------------------------------------------------------ */

static void without_redis_nothing_is_done(void **state)
{
    expect_claim(*state);
    reply_trouble(*state);
    struct test_answer *answer = post(*state, "/orders", "k1", "{}");
    assert_status(answer, 503);
    assert_header(answer, "Retry-After", "1");
    assert_int_equal(orders, 0);
}

static void open_without_redis_it_is_done_as_ever(void **state)
{
    expect_claim(*state);
    reply_trouble(*state);
    assert_status(post(*state, "/orders", "k1", "{}"), 201);
    assert_int_equal(orders, 1);
}

static void an_answer_that_can_not_be_stored_is_sent_all_the_same(void **state)
{
    struct test_host *host = *state;
    expect_claim(host);
    reply_array(host, "claimed");
    expect_run(host, "store", 1, test_any(), test_any(), DAY_MS, 201, "{\"order\":7}",
               "Content-Type", "application/json", "Location", "/orders/7");
    reply_trouble(host);
    assert_status(post(host, "/orders", "k1", "{}"), 201);
    assert_logged(host, SLUICE_LOG_WARN, "is not kept for a retry");
}

static void less_than_a_day_is_refused(void **state)
{
    (void)state;
    struct test_host *host = test_host_prepare(sluice_plugin(), "keep: 23h\n");
    assert_non_null(strstr(test_errors(host), "a duration from 1d to 31d"));
    test_host_free(host);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_answer_is_stored_before_it_is_sent),
        TEST(without_a_key_nothing_is_asked),
        TEST(other_methods_ignore_the_key),
        TEST(a_seal_is_opened_by_its_key_alone),
        TEST(a_secret_for_other_credentials_is_not_told),
        TEST(the_second_time_replays_status_headers_and_body),
        TEST(an_answer_without_body_is_replayed_without),
        TEST(another_request_under_the_key_is_422),
        TEST(a_request_in_flight_is_409),
        TEST(clients_do_not_meet_under_the_same_key),
        TEST(nobody_is_known_by_address),
        TEST(body_and_target_are_in_the_fingerprint_and_not_in_the_record),
        TEST(quotes_do_not_make_another_key),
        TEST(what_is_no_key_is_400),
        TEST(a_failure_frees_the_key),
        TEST(an_answer_that_says_try_again_frees_the_key),
        TEST(an_answer_that_is_too_long_frees_the_key),
        TEST(only_the_owner_of_the_claim_releases_it),
        TEST(a_client_that_goes_leaves_a_free_key),
        TEST(a_claim_that_comes_after_the_end_is_taken_back),
        TEST(a_late_replay_takes_nothing_back),
        TEST(without_redis_nothing_is_done),
        cmocka_unit_test_setup_teardown(open_without_redis_it_is_done_as_ever, set_up_open,
                                        tear_down),
        TEST(an_answer_that_can_not_be_stored_is_sent_all_the_same),
        cmocka_unit_test(less_than_a_day_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
