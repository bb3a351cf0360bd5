/* The queue of a lock, against a real Redis: who is called, who is skipped, what is left.
 *
 * SPDX-License-Identifier: MIT */
#include "test_scripts.h"

/* ---- The queue ---------------------------------------------------------------------------- */

static void the_first_of_the_queue_is_called_when_the_lock_is_left(void **state)
{
    (void)state;
    freeReplyObject(redisCommand(calls, "SUBSCRIBE ch"));
    (void)acquire("x", 5000);
    assert_status(queue("y"), "queued");
    assert_status(queue("z"), "queued");
    (void)release("x");
    redisReply *message = NULL;
    assert_int_equal(redisGetReply(calls, (void **)&message), REDIS_OK);
    assert_string_equal(message->element[2]->str, "y lock:a:r");
    freeReplyObject(message);
    freeReplyObject(redisCommand(calls, "UNSUBSCRIBE ch"));
    assert_holder("claim y");
    assert_in_range(left("lock:a:r"), 1, 1000);
}

static void a_claim_becomes_a_lease_for_its_waiter_alone(void **state)
{
    (void)state;
    long long fence = acquire("x", 5000).number;
    (void)queue("y");
    (void)release("x");
    assert_status(acquire("z", 5000), "held");
    struct outcome lease = queue("y");
    assert_status(lease, "granted");
    assert_true(lease.number > fence);
    assert_in_range(left("lock:a:r"), 1001, 10000);
}

static void waiters_get_the_lock_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    char id[16];
    (void)acquire("x", 5000);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(id, sizeof id, "w%d", i);
        assert_status(queue(id), "queued");
    }
    (void)release("x");
    for (int i = 0; i < 50; i++) {
        (void)snprintf(id, sizeof id, "w%d", i);
        assert_status(queue(id), "granted");
        assert_int_equal(release(id), 1);
    }
    assert_int_equal(exists("lock:a:r"), 0);
}

static void who_does_not_wait_never_passes_those_who_do(void **state)
{
    (void)state;
    (void)acquire("x", 1);
    (void)queue("y");
    wait_for_end_of("lock:a:r");
    assert_status(acquire("z", 5000), "held");
    assert_holder("claim y");
}

static void asking_again_keeps_the_place(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)queue("y");
    (void)queue("z");
    assert_status(acquire_as("y", "again", 5000, 1, 3000), "queued");
    assert_int_equal(number(ask("LLEN lock:a:r:q")), 2);
    (void)release("x");
    assert_holder("claim y");
}

static void waiters_of_a_dead_gateway_are_skipped(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)outcome_of(run(acquire_lua, "y y 5000 %s 1 dead 0 1000", ""));
    (void)queue("z");
    (void)release("x");
    assert_holder("claim z");
}

static void a_claim_that_nobody_takes_goes_to_the_next(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)queue("y");
    (void)queue("z");
    (void)release("x");
    freeReplyObject(ask("PEXPIRE lock:a:r 1"));
    wait_for_end_of("lock:a:r");
    assert_status(queue("z"), "granted");
}

static void who_leaves_the_queue_keeps_nobody_waiting(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)queue("y");
    (void)queue("z");
    assert_int_equal(leave("y", "another", 0), 0);
    assert_int_equal(number(ask("LLEN lock:a:r:q")), 2);
    assert_int_equal(leave("y", "y", 0), 0);
    (void)release("x");
    assert_holder("claim z");
}

static void who_hangs_up_with_a_claim_passes_it_on(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)queue("y");
    (void)queue("z");
    (void)release("x");
    assert_holder("claim y");
    (void)leave("y", "y", 0);
    assert_holder("claim z");
}

static void the_last_try_gives_the_place_up(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)queue("y");
    assert_status(acquire("y", 5000), "held");
    assert_int_equal(exists("lock:a:r:q"), 0);
    assert_int_equal(exists("lock:a:r:w"), 0);
}

static void a_full_queue_takes_no_more_but_forgets_the_dead(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    assert_status(outcome_of(run(acquire_lua, "a a 5000 %s 1 ch 3000 2", "")), "queued");
    assert_status(outcome_of(run(acquire_lua, "b b 5000 %s 1 dead 0 2", "")), "queued");
    assert_status(outcome_of(run(acquire_lua, "c c 5000 %s 1 ch 3000 2", "")), "queued");
    struct outcome refusal = outcome_of(run(acquire_lua, "d d 5000 %s 1 ch 3000 2", ""));
    assert_status(refusal, "full");
    assert_in_range(refusal.number, 1, 5000);
    assert_status(outcome_of(run(acquire_lua, "a a 5000 %s 1 ch 3000 2", "")), "queued");
}

static void nothing_is_left_of_a_queue_that_ended(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)queue("y");
    (void)queue("z");
    (void)leave("z", "z", 0);
    (void)release("x");
    assert_status(queue("y"), "granted");
    assert_int_equal(exists("lock:a:r:q"), 0);
    assert_int_equal(exists("lock:a:r:w"), 0);
}

static void a_queue_that_nobody_tends_ends_by_itself(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    (void)queue("y");
    assert_in_range(left("lock:a:r:q"), 1, 60000);
    assert_in_range(left("lock:a:r:w"), 1, 60000);
}

/* ---- Tending ------------------------------------------------------------------------------ */

static long long tend(const char *channel, long long ret_left[1])
{
    redisReply *reply = run(tend_lua, "%s 3000", channel);
    assert_int_equal(reply->elements, 2);
    *ret_left = reply->element[0]->integer;
    long long waiting = reply->element[1]->integer;
    freeReplyObject(reply);
    return waiting;
}

static void tending_keeps_waiters_alive(void **state)
{
    (void)state;
    long long ms;
    (void)acquire("x", 5000);
    (void)acquire_as("y", "y", 5000, 1, 0);
    assert_int_equal(tend("ch", &ms), 1);
    assert_in_range(ms, 1, 5000);
    (void)release("x");
    assert_holder("claim y");
}

static void tending_passes_on_what_a_dead_holder_left(void **state)
{
    (void)state;
    long long ms;
    (void)acquire("x", 1);
    (void)queue("y");
    wait_for_end_of("lock:a:r");
    assert_int_equal(tend("ch", &ms), 1);
    assert_in_range(ms, 1, 1000);
    assert_holder("claim y");
}

static void tending_says_when_the_queue_was_lost(void **state)
{
    (void)state;
    long long ms;
    (void)acquire("x", 5000);
    assert_int_equal(tend("ch", &ms), 0);
    assert_in_range(ms, 1, 5000);
    assert_int_equal(exists("lock:a:r:w"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_of_the_queue_is_called_when_the_lock_is_left),
        TEST(a_claim_becomes_a_lease_for_its_waiter_alone),
        TEST(waiters_get_the_lock_in_the_order_in_which_they_came),
        TEST(who_does_not_wait_never_passes_those_who_do),
        TEST(asking_again_keeps_the_place),
        TEST(waiters_of_a_dead_gateway_are_skipped),
        TEST(a_claim_that_nobody_takes_goes_to_the_next),
        TEST(who_leaves_the_queue_keeps_nobody_waiting),
        TEST(who_hangs_up_with_a_claim_passes_it_on),
        TEST(the_last_try_gives_the_place_up),
        TEST(a_full_queue_takes_no_more_but_forgets_the_dead),
        TEST(nothing_is_left_of_a_queue_that_ended),
        TEST(a_queue_that_nobody_tends_ends_by_itself),
        TEST(tending_keeps_waiters_alive),
        TEST(tending_passes_on_what_a_dead_holder_left),
        TEST(tending_says_when_the_queue_was_lost),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
