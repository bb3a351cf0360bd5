/* The lock plugin with scripted replies: what it asks, what it answers, who is woken and when.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <sluice/lock.h>
#include <sluice_test.h>

#include "lock.h"

#define KEYS "lock:acme:r", "lock:acme:r:fence", "lock:acme:r:q", "lock:acme:r:w"
#define FENCE INT64_C(1795423490123456)
#define EXPIRES INT64_C(1795423495123) /* 2026-11-23T08:44:55.123Z */
#define ID 4                           /* places of a question's arguments, behind the keys */
#define TICKET 5
#define CHANNEL 9

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

/* With a body that says what it is. */
#define send(host, method, target, body)                                                           \
    (test_header((host), "Content-Type", "application/json"),                                      \
     request((host), (method), (target), (body)))

/* ---- What is asked ------------------------------------------------------------------------- */

static void expect_try(struct test_host *host, int wants_place)
{
    expect_run(host, "acquire", 4, KEYS, test_any(), test_any(), test_any(), test_any(),
               wants_place, test_any(), 3000, 1000);
}

static void expect_leave(struct test_host *host, int lock_too)
{
    expect_run(host, "leave", 4, KEYS, "mine", test_any(), lock_too);
}

static void granted(struct test_host *host)
{
    reply_array(host, "granted", "mine", FENCE, EXPIRES, "");
}

static struct test_answer *acquire(struct test_host *host)
{
    return send(host, "POST", "/v1/locks/r", "{\"ttlMs\":5000,\"lockId\":\"mine\"}");
}

#define WAITING "{\"ttlMs\":5000,\"waitMs\":2500,\"lockId\":\"mine\"}"

/* In the queue of a lock that is held for 10 s. `ret_call` is what its call would say. */
static struct test_answer *queued(struct test_host *host, char ret_call[128], char ret_channel[128])
{
    expect_try(host, 1);
    struct test_answer *answer = send(host, "POST", "/v1/locks/r", WAITING);
    (void)snprintf(ret_call, 128, "%s lock:acme:r", test_asked(host, TICKET));
    (void)snprintf(ret_channel, 128, "%s", test_asked(host, CHANNEL));
    reply_array(host, "queued", "mine", 10000);
    assert_waiting(answer);
    return answer;
}

/* ---- Taking -------------------------------------------------------------------------------- */

static void a_free_lock_is_201_with_its_fence(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "acquire", 4, KEYS, "mine", test_any(), 5000, "cron", 0, test_any(), 3000,
               1000);
    reply_array(host, "granted", "mine", FENCE, EXPIRES, "cron");
    struct test_answer *answer =
        send(host, "POST", "/v1/locks/r",
             "{\"ttlMs\":5000,\"waitMs\":0,\"owner\":\"cron\",\"lockId\":\"mine\"}");
    assert_status(answer, 201);
    assert_json(answer, "resource", "r");
    assert_json(answer, "lockId", "mine");
    assert_json(answer, "fence", FENCE);
    assert_json(answer, "owner", "cron");
    assert_json(answer, "expiresAt", "2026-11-23T08:44:55.123Z");
}

static void without_a_lock_id_one_is_made_that_nobody_can_guess(void **state)
{
    struct test_host *host = *state;
    char first[64];
    expect_try(host, 0);
    (void)send(host, "POST", "/v1/locks/r", "{\"ttlMs\":1}");
    (void)snprintf(first, sizeof first, "%s", test_asked(host, ID));
    assert_int_equal(strlen(first), 32);
    expect_try(host, 0);
    (void)send(host, "POST", "/v1/locks/r", "{\"ttlMs\":1}");
    assert_string_not_equal(first, test_asked(host, ID));
}

static void every_attempt_has_a_ticket_of_its_own(void **state)
{
    struct test_host *host = *state;
    char first[64];
    expect_try(host, 0);
    (void)acquire(host);
    (void)snprintf(first, sizeof first, "%s", test_asked(host, TICKET));
    expect_try(host, 0);
    (void)acquire(host);
    assert_string_not_equal(first, test_asked(host, TICKET));
}

static void acquiring_again_is_201_with_the_same_fence(void **state)
{
    struct test_host *host = *state;
    expect_try(host, 0);
    reply_array(host, "kept", "mine", FENCE, EXPIRES, "");
    struct test_answer *answer = acquire(host);
    assert_status(answer, 201);
    assert_json(answer, "fence", FENCE);
    assert_no_json(answer, "owner");
}

static void a_held_lock_is_423_and_its_retry_after_is_rounded_up(void **state)
{
    struct test_host *host = *state;
    expect_try(host, 0);
    reply_array(host, "held", "mine", 2001);
    struct test_answer *answer = acquire(host);
    assert_status(answer, 423);
    assert_json(answer, "error", "locked");
    assert_header(answer, "Retry-After", "3");
    expect_try(host, 0);
    reply_array(host, "held", "mine", 1);
    assert_header(acquire(host), "Retry-After", "1");
}

static void a_full_queue_is_429(void **state)
{
    struct test_host *host = *state;
    expect_try(host, 1);
    reply_array(host, "full", "mine", 4000);
    struct test_answer *answer = send(host, "POST", "/v1/locks/r", WAITING);
    assert_status(answer, 429);
    assert_json(answer, "error", "too_many_waiters");
    assert_header(answer, "Retry-After", "4");
}

static void what_is_out_of_bounds_is_422(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"ttlMs\":0}",
        "{\"ttlMs\":86400001}",
        "{\"ttlMs\":\"5000\"}",
        "{\"ttlMs\":1,\"waitMs\":30001}",
        "{\"ttlMs\":1,\"waitMs\":-1}",
        "{\"ttlMs\":1,\"lockId\":\"a:b\"}",
        "{\"ttlMs\":1,\"owner\":7}",
        "{\"ttlMs\":1,\"ttl\":1}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_status(send(*state, "POST", "/v1/locks/r", bodies[i]), 422);
    assert_status(send(*state, "POST", "/v1/locks/a:b", "{\"ttlMs\":1}"), 422);
}

static void nobody_without_a_key_gets_a_lock(void **state)
{
    test_nobody(*state);
    assert_status(acquire(*state), 401);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void who_is_called_asks_again_and_has_the_lock(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_try(host, 1);
    test_message(host, channel, call);
    granted(host);
    assert_status(answer, 201);
    assert_string_equal(answer->trail, "acquire_lock > tried > woken > tried");
}

static void a_call_to_another_wakes_nobody(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    test_message(host, channel, "stranger.1 lock:acme:r");
    test_message(host, channel, "stranger.1 lock:acme:other");
    test_message(host, channel, "nonsense");
    assert_waiting(answer);
    expect_leave(host, 0);
    test_hang_up(answer);
}

static void a_call_that_comes_before_its_waiter_is_parked_is_not_lost(void **state)
{
    struct test_host *host = *state;
    char call[128];
    expect_try(host, 1);
    struct test_answer *answer = send(host, "POST", "/v1/locks/r", WAITING);
    (void)snprintf(call, sizeof call, "%s lock:acme:r", test_asked(host, TICKET));
    test_message(host, test_asked(host, CHANNEL), call);
    expect_try(host, 1);
    reply_array(host, "queued", "mine", 10000);
    granted(host);
    assert_status(answer, 201);
}

static void when_its_time_is_over_a_waiter_tries_once_more_and_gives_its_place_up(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    for (int i = 0; i < 2; i++) {
        expect_run(host, "tend", 4, KEYS, channel, 3000);
        reply_array(host, 9000, 1);
    }
    test_advance(host, 2499);
    assert_waiting(answer);
    expect_try(host, 0);
    test_advance(host, 1);
    reply_array(host, "held", "mine", 7500);
    assert_status(answer, 423);
    assert_header(answer, "Retry-After", "8");
}

static void who_hangs_up_leaves_the_queue(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_leave(host, 0);
    test_hang_up(answer);
    assert_gone(answer);
    test_advance(host, 60000); /* nobody is tended any more */
}

static void who_hangs_up_while_it_asks_gives_back_what_comes(void **state)
{
    struct test_host *host = *state;
    expect_try(host, 1);
    struct test_answer *answer = send(host, "POST", "/v1/locks/r", WAITING);
    test_hang_up(answer);
    expect_leave(host, 1);
    granted(host);
    expect_try(host, 1);
    answer = send(host, "POST", "/v1/locks/r", WAITING);
    test_hang_up(answer);
    expect_leave(host, 0);
    reply_int(host, 1); /* to the first one's leave */
    reply_array(host, "queued", "mine", 10000);
}

static void a_worker_that_ends_takes_its_waiters_out_of_the_queue(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_leave(host, 0);
    test_drain(host);
    assert_status(answer, 503);
}

/* ---- Tending ------------------------------------------------------------------------------- */

static void a_lock_is_looked_at_when_it_runs_out(void **state)
{
    struct test_host *host = *state;
    expect_try(host, 1);
    struct test_answer *answer = send(host, "POST", "/v1/locks/r", WAITING);
    reply_array(host, "queued", "mine", 300);
    test_advance(host, 300);
    expect_run(host, "tend", 4, KEYS, test_any(), 3000);
    test_advance(host, 1);
    reply_array(host, 1000, 1);
    expect_leave(host, 0);
    test_hang_up(answer);
}

static void waiters_of_one_lock_are_tended_together(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *first = queued(host, call, channel);
    struct test_answer *second = queued(host, call, channel);
    expect_run(host, "tend", 4, KEYS, channel, 3000);
    test_advance(host, 1000);
    reply_array(host, 9000, 2);
    expect_leave(host, 0);
    expect_leave(host, 0);
    test_hang_up(first);
    test_hang_up(second);
}

static void tending_goes_on_when_redis_was_away(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_run(host, "tend", 4, KEYS, channel, 3000);
    reply_trouble(host);
    test_advance(host, 1000);
    expect_run(host, "tend", 4, KEYS, channel, 3000);
    test_advance(host, 1000);
    expect_leave(host, 0);
    test_hang_up(answer);
}

static void when_the_queue_was_lost_everybody_asks_again(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_run(host, "tend", 4, KEYS, channel, 3000);
    test_advance(host, 1000);
    expect_try(host, 1);
    reply_array(host, -2, 0);
    granted(host);
    assert_status(answer, 201);
}

static void when_calls_may_have_been_missed_everybody_asks_again(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    test_redis_ready(host, false);
    test_subscriptions(host, false); /* there is nobody to ask */
    assert_waiting(answer);
    test_redis_ready(host, true);
    expect_try(host, 1);
    test_subscriptions(host, true);
    granted(host);
    assert_status(answer, 201);
}

static void a_waiter_outlives_an_outage(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_try(host, 1);
    reply_trouble(host);
    test_message(host, channel, call);
    assert_waiting(answer);
    expect_try(host, 1);
    granted(host);
    test_subscriptions(host, true);
    assert_status(answer, 201);
}

static void a_waiter_that_is_granted_the_lock_late_still_gets_it(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_try(host, 1);
    reply_late(host);
    test_message(host, channel, call);
    assert_waiting(answer);
    expect_try(host, 1);
    granted(host);
    assert_waiting(answer);
    granted(host);
    assert_status(answer, 201);
}

static void a_waiter_that_hangs_up_after_a_late_grant_gives_the_lock_up(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_try(host, 1);
    reply_late(host);
    test_message(host, channel, call);
    expect_try(host, 1);
    granted(host);
    expect_leave(host, 1);
    test_hang_up(answer);
}

static void a_script_that_fails_is_500_and_logged(void **state)
{
    struct test_host *host = *state;
    char call[128], channel[128];
    struct test_answer *answer = queued(host, call, channel);
    expect_try(host, 1);
    reply_error(host, "WRONGTYPE it is a list");
    expect_leave(host, 0);
    test_message(host, channel, call);
    assert_status(answer, 500);
    assert_logged(host, SLUICE_LOG_ERROR, "WRONGTYPE");
}

/* ---- Late grants --------------------------------------------------------------------------- */

static void a_grant_that_comes_too_late_is_taken_back(void **state)
{
    struct test_host *host = *state;
    expect_try(host, 0);
    reply_late(host);
    struct test_answer *answer = acquire(host);
    assert_status(answer, 503);
    expect_leave(host, 1);
    granted(host);
}

static void a_lock_that_was_held_before_is_not_taken_back(void **state)
{
    struct test_host *host = *state;
    expect_try(host, 0);
    reply_late(host);
    assert_status(acquire(host), 503);
    reply_array(host, "kept", "mine", FENCE, EXPIRES, "");
}

/* ---- Holders ------------------------------------------------------------------------------- */

static void a_holder_renews(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "renew", 4, KEYS, "mine", 9000);
    reply_array(host, "renewed", "mine", FENCE, EXPIRES, "cron");
    struct test_answer *answer =
        send(host, "PUT", "/v1/locks/r", "{\"lockId\":\"mine\",\"ttlMs\":9000}");
    assert_status(answer, 200);
    assert_json(answer, "fence", FENCE);
    assert_json(answer, "expiresAt", "2026-11-23T08:44:55.123Z");
}

static void who_has_lost_the_lock_can_neither_renew_nor_release_it(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "renew", 4, KEYS, "mine", 9000);
    reply_array(host, "lost", "mine");
    struct test_answer *answer =
        send(host, "PUT", "/v1/locks/r", "{\"lockId\":\"mine\",\"ttlMs\":9000}");
    assert_status(answer, 409);
    assert_json(answer, "error", "not_holder");
    expect_run(host, "leave", 4, KEYS, "mine", "", 1);
    reply_int(host, 0);
    answer = request(host, "DELETE", "/v1/locks/r?lockId=mine", NULL);
    assert_status(answer, 409);
}

static void a_lock_is_released_in_two_ways(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "leave", 4, KEYS, "mine", "", 1);
    reply_int(host, 1);
    assert_status(request(host, "DELETE", "/v1/locks/r?lockId=mine", NULL), 204);
    expect_run(host, "leave", 4, KEYS, "mine", "", 1);
    reply_int(host, 1);
    assert_status(send(host, "POST", "/v1/locks/r/release", "{\"lockId\":\"mine\"}"), 204);
}

static void releasing_needs_a_lock_id(void **state)
{
    assert_status(request(*state, "DELETE", "/v1/locks/r", NULL), 422);
    assert_status(request(*state, "DELETE", "/v1/locks/r?lockId=a:b", NULL), 422);
    assert_status(send(*state, "POST", "/v1/locks/r/release", "{}"), 422);
}

static void a_look_shows_everything_but_the_lock_id(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "look", 4, KEYS);
    reply_array(host, FENCE, EXPIRES, "cron", 2);
    struct test_answer *answer = request(host, "GET", "/v1/locks/r", NULL);
    assert_body(answer, "{\"resource\":\"r\",\"fence\":1795423490123456,\"owner\":\"cron\","
                        "\"expiresAt\":\"2026-11-23T08:44:55.123Z\",\"waiting\":2}");
    expect_run(host, "look", 4, KEYS);
    reply_nil(host);
    assert_json(request(host, "GET", "/v1/locks/r", NULL), "error", "lock_not_found");
}

static void check(struct test_host *host, uint32_t status)
{
    struct test_answer *answer =
        send(host, "POST", "/v1/locks/r/check", "{\"fence\":1795423490123456}");
    assert_status(answer, status);
    if (status != 200)
        assert_json(answer, "error", "stale_fence");
}

static void a_fence_passes_until_a_newer_one_was_handed_out(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++)
        expect_ask(host, "GET", "lock:acme:r:fence");
    reply_text(host, "1795423490123456");
    reply_text(host, "1795423490123457");
    reply_nil(host);
    check(host, 200);
    check(host, 412);
    check(host, 412);
}

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

/* ---- The classic path ---------------------------------------------------------------------- */

static void expect_lock(struct test_host *host)
{
    expect_run(host, "acquire", 4, KEYS, test_any(), test_any(), 5000, "", 0, test_any(), 3000,
               1000);
}

static void expect_unlock(struct test_host *host)
{
    expect_run(host, "leave", 4, KEYS, test_any(), test_any(), 1);
}

static void an_update_counts_under_the_lock(void **state)
{
    struct test_host *host = *state;
    expect_lock(host);
    granted(host);
    expect_ask(host, "INCR", "resource:acme:r");
    reply_int(host, 7);
    expect_unlock(host);
    reply_int(host, 1);
    struct test_answer *answer = request(host, "POST", "/Resource/Update/r/", NULL);
    assert_status(answer, 200);
    assert_json(answer, "success", true);
    assert_json(answer, "value", 7);
}

static void an_update_of_what_is_locked_is_423(void **state)
{
    struct test_host *host = *state;
    expect_lock(host);
    reply_array(host, "held", "mine", 400);
    assert_status(request(host, "POST", "/resource/update/r", NULL), 423);
}

static void an_update_that_fails_gives_the_lock_up(void **state)
{
    struct test_host *host = *state;
    expect_lock(host);
    granted(host);
    expect_ask(host, "INCR", "resource:acme:r");
    reply_error(host, "ERR value is not an integer or out of range");
    expect_unlock(host);
    assert_status(request(host, "POST", "/resource/update/r", NULL), 500);
}

static void an_update_whose_lock_comes_too_late_gives_it_back(void **state)
{
    struct test_host *host = *state;
    expect_lock(host);
    reply_late(host);
    assert_status(request(host, "POST", "/resource/update/r", NULL), 503);
    expect_unlock(host);
    granted(host);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_free_lock_is_201_with_its_fence),
        TEST(without_a_lock_id_one_is_made_that_nobody_can_guess),
        TEST(every_attempt_has_a_ticket_of_its_own),
        TEST(acquiring_again_is_201_with_the_same_fence),
        TEST(a_held_lock_is_423_and_its_retry_after_is_rounded_up),
        TEST(a_full_queue_is_429),
        TEST(what_is_out_of_bounds_is_422),
        TEST(nobody_without_a_key_gets_a_lock),
        TEST(who_is_called_asks_again_and_has_the_lock),
        TEST(a_call_to_another_wakes_nobody),
        TEST(a_call_that_comes_before_its_waiter_is_parked_is_not_lost),
        TEST(when_its_time_is_over_a_waiter_tries_once_more_and_gives_its_place_up),
        TEST(who_hangs_up_leaves_the_queue),
        TEST(who_hangs_up_while_it_asks_gives_back_what_comes),
        TEST(a_worker_that_ends_takes_its_waiters_out_of_the_queue),
        TEST(a_lock_is_looked_at_when_it_runs_out),
        TEST(waiters_of_one_lock_are_tended_together),
        TEST(tending_goes_on_when_redis_was_away),
        TEST(when_the_queue_was_lost_everybody_asks_again),
        TEST(when_calls_may_have_been_missed_everybody_asks_again),
        TEST(a_waiter_outlives_an_outage),
        TEST(a_waiter_that_is_granted_the_lock_late_still_gets_it),
        TEST(a_waiter_that_hangs_up_after_a_late_grant_gives_the_lock_up),
        TEST(a_script_that_fails_is_500_and_logged),
        TEST(a_grant_that_comes_too_late_is_taken_back),
        TEST(a_lock_that_was_held_before_is_not_taken_back),
        TEST(a_holder_renews),
        TEST(who_has_lost_the_lock_can_neither_renew_nor_release_it),
        TEST(a_lock_is_released_in_two_ways),
        TEST(releasing_needs_a_lock_id),
        TEST(a_look_shows_everything_but_the_lock_id),
        TEST(a_fence_passes_until_a_newer_one_was_handed_out),
        TEST(several_are_taken_in_the_order_of_their_names_and_told_in_the_callers),
        TEST(when_one_is_held_those_taken_by_this_request_are_given_back),
        TEST(when_redis_goes_away_those_taken_are_given_back),
        TEST(what_can_not_be_several_is_422),
        TEST(an_update_counts_under_the_lock),
        TEST(an_update_of_what_is_locked_is_423),
        TEST(an_update_that_fails_gives_the_lock_up),
        TEST(an_update_whose_lock_comes_too_late_gives_it_back),
        cmocka_unit_test(other_plugins_lock_where_no_client_can),
        cmocka_unit_test(a_name_that_is_none_is_a_mistake_of_the_other_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
