/* Waiting for locks, with scripted replies: who is woken and when, and who leaves the queue.
 *
 * SPDX-License-Identifier: MIT */
#include "test_lock.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
