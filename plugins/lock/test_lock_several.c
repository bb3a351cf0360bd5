/* Several locks at once, and the service lock/1, with scripted replies.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/lock.h>

#include "test_lock.h"

/* ---- Several ------------------------------------------------------------------------------- */

static void expect_take(struct test_host *host, const char *key, const char *status)
{
    char fence[64], queue[64], waiting[64];
    (void)snprintf(fence, sizeof fence, "%s:fence", key);
    (void)snprintf(queue, sizeof queue, "%s:q", key);
    (void)snprintf(waiting, sizeof waiting, "%s:w", key);
    expect_run(host, "acquire", 4, key, fence, queue, waiting, "mine", test_any(), 5000, "", 0,
               test_any(), 3000, 1000);
    if (strcmp(status, "held") == 0)
        reply_array(host, status, "mine", 1500);
    else
        reply_array(host, status, "mine", FENCE, EXPIRES, "");
}

static void expect_give_back(struct test_host *host, const char *key)
{
    char fence[64], queue[64], waiting[64];
    (void)snprintf(fence, sizeof fence, "%s:fence", key);
    (void)snprintf(queue, sizeof queue, "%s:q", key);
    (void)snprintf(waiting, sizeof waiting, "%s:w", key);
    expect_run(host, "leave", 4, key, fence, queue, waiting, "mine", test_any(), 1);
}

static struct test_answer *acquire_all(struct test_host *host)
{
    return send(host, "POST", "/v1/locks",
                "{\"resources\":[\"c\",\"a\",\"b\"],\"ttlMs\":5000,\"lockId\":\"mine\"}");
}

static void several_are_taken_in_the_order_of_their_names_and_told_in_the_callers(void **state)
{
    struct test_host *host = *state;
    expect_take(host, "lock:acme:a", "granted");
    expect_take(host, "lock:acme:b", "granted");
    expect_take(host, "lock:acme:c", "granted");
    struct test_answer *answer = acquire_all(host);
    assert_status(answer, 201);
    assert_json(answer, "/locks/0/resource", "c");
    assert_json(answer, "/locks/1/resource", "a");
    assert_json(answer, "/locks/2/fence", FENCE);
    assert_no_json(answer, "/locks/3");
}

static void when_one_is_held_those_taken_by_this_request_are_given_back(void **state)
{
    struct test_host *host = *state;
    expect_take(host, "lock:acme:a", "granted");
    expect_take(host, "lock:acme:b", "kept");
    expect_take(host, "lock:acme:c", "held");
    expect_give_back(host, "lock:acme:a");
    reply_int(host, 1);
    struct test_answer *answer = acquire_all(host);
    assert_status(answer, 423);
    assert_json(answer, "resource", "c");
    assert_header(answer, "Retry-After", "2");
}

static void when_redis_goes_away_those_taken_are_given_back(void **state)
{
    struct test_host *host = *state;
    expect_take(host, "lock:acme:a", "granted");
    expect_run(host, "acquire", 4, "lock:acme:b", test_any(), test_any(), test_any(), "mine",
               test_any(), 5000, "", 0, test_any(), 3000, 1000);
    reply_trouble(host);
    expect_give_back(host, "lock:acme:a");
    assert_status(acquire_all(host), 503);
}

static void what_can_not_be_several_is_422(void **state)
{
    static const char *const bodies[] = {
        "{\"ttlMs\":1}",
        "{\"ttlMs\":1,\"resources\":[]}",
        "{\"ttlMs\":1,\"resources\":\"a\"}",
        "{\"ttlMs\":1,\"resources\":[\"a\",\"b\",\"a\"]}",
        "{\"resources\":[\"a\"]}",
        "{\"ttlMs\":1,\"waitMs\":1,\"resources\":[\"a\"]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_status(send(*state, "POST", "/v1/locks", bodies[i]), 422);
    struct test_answer *answer =
        send(*state, "POST", "/v1/locks", "{\"ttlMs\":1,\"resources\":[\"a\",\"b:c\"]}");
    assert_json(answer, "/errors/0/pointer", "/resources/1");
}

/* ---- The service --------------------------------------------------------------------------- */

#define OWN_KEYS "p:lock:::job", "p:lock:::job:fence", "p:lock:::job:q", "p:lock:::job:w"

static sluice_step use, got, gone;
static const char *lock_name;

static sluice_verdict use(sluice_request *req, void *self, const sluice_reply *none)
{
    const sluice_lock *lock = sluice_service(sluice_worker_of(req), SLUICE_LOCK, 1);
    sluice_wait wait = SLUICE_THEN(got, self);
    (void)none;
    return lock->acquire(lock, req, &wait, lock_name, NULL, 1000);
}

static sluice_verdict got(sluice_request *req, void *self, const sluice_reply *lease)
{
    const sluice_lock *lock = sluice_service(sluice_worker_of(req), SLUICE_LOCK, 1);
    sluice_wait wait = SLUICE_THEN(gone, self);
    if (!sluice_lock_granted(lease))
        return sluice_respond_empty(req, 204);
    lock->give_back(lock, sluice_worker_of(req), lock_name, sluice_lock_id(lease));
    return lock->release(lock, req, &wait, lock_name, sluice_lock_id(lease));
}

static sluice_verdict gone(sluice_request *req, void *self, const sluice_reply *released)
{
    (void)self;
    return sluice_json(req, 200, "released", sluice_int(released));
}

static int32_t configure_with_user(sluice_host *host, void *self)
{
    static const sluice_route routes[] = {{"GET", "/use", SLUICE_STEP(use), "none", NULL, 0, 0, 0}};
    sluice_routes(host, routes);
    return sluice_plugin()->configure(host, self);
}

static struct test_host *host_with_user(const char *name)
{
    static sluice_descriptor with_user;
    with_user = *sluice_plugin();
    with_user.configure = configure_with_user;
    lock_name = name;
    struct test_host *host = test_host_prepare(&with_user, NULL);
    test_prefix(host, "p:");
    test_start(host);
    return host;
}

static void other_plugins_lock_where_no_client_can(void **unused)
{
    (void)unused;
    struct test_host *host = host_with_user("job");
    expect_run(host, "acquire", 4, OWN_KEYS, test_any(), test_any(), 1000, "", 0, test_any(), 3000,
               1000);
    granted(host);
    expect_run(host, "leave", 4, OWN_KEYS, "mine", "", 1);
    expect_run(host, "leave", 4, OWN_KEYS, "mine", "", 1);
    reply_int(host, 1);
    reply_int(host, 0);
    assert_json(request(host, "GET", "/use", NULL), "released", 0);
    test_host_free(host);
}

static void a_name_that_is_none_is_a_mistake_of_the_other_plugin(void **unused)
{
    (void)unused;
    struct test_host *host = host_with_user("a:b");
    assert_status(request(host, "GET", "/use", NULL), 500);
    assert_logged(host, SLUICE_LOG_ERROR, "\"a:b\"");
    test_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(several_are_taken_in_the_order_of_their_names_and_told_in_the_callers),
        TEST(when_one_is_held_those_taken_by_this_request_are_given_back),
        TEST(when_redis_goes_away_those_taken_are_given_back),
        TEST(what_can_not_be_several_is_422),
        cmocka_unit_test(other_plugins_lock_where_no_client_can),
        cmocka_unit_test(a_name_that_is_none_is_a_mistake_of_the_other_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
