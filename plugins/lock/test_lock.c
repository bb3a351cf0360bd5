/* Taking and holding locks, with scripted replies.
 *
 * SPDX-License-Identifier: MIT */
#include "test_lock.h"

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
        TEST(a_grant_that_comes_too_late_is_taken_back),
        TEST(a_lock_that_was_held_before_is_not_taken_back),
        TEST(a_holder_renews),
        TEST(who_has_lost_the_lock_can_neither_renew_nor_release_it),
        TEST(a_lock_is_released_in_two_ways),
        TEST(releasing_needs_a_lock_id),
        TEST(a_look_shows_everything_but_the_lock_id),
        TEST(a_fence_passes_until_a_newer_one_was_handed_out),
        TEST(an_update_counts_under_the_lock),
        TEST(an_update_of_what_is_locked_is_423),
        TEST(an_update_that_fails_gives_the_lock_up),
        TEST(an_update_whose_lock_comes_too_late_gives_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
