/* Taking, holding and leaving a lock, against a real Redis.
 *
 * SPDX-License-Identifier: MIT */
#include "test_scripts.h"

/* ---- Taking ------------------------------------------------------------------------------- */

static void a_free_lock_is_granted_with_the_servers_time_as_its_fence(void **state)
{
    (void)state;
    long long before = server_us();
    struct outcome lease = acquire("x", 5000);
    assert_status(lease, "granted");
    assert_string_equal(lease.id, "x");
    assert_in_range(lease.number, before, server_us());
    assert_in_range(lease.expires_at, before / 1000 + 4990, server_us() / 1000 + 5000);
    assert_in_range(left("lock:a:r"), 1, 5000);
}

static void the_fence_is_kept_for_the_ttl_and_a_day(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    assert_in_range(left("lock:a:r:fence"), DAY_MS, DAY_MS + 5000);
}

static void fences_rise_after_a_release_and_after_the_lock_ran_out(void **state)
{
    (void)state;
    long long last = 0;
    for (int i = 0; i < 50; i++) {
        struct outcome lease = acquire("x", i % 5 ? 5000 : 1);
        assert_status(lease, "granted");
        assert_true(lease.number > last);
        last = lease.number;
        (void)release("x");
        wait_for_end_of("lock:a:r");
    }
}

static void fences_do_not_fall_when_the_clock_does(void **state)
{
    (void)state;
    long long future = server_us() + 3600000000LL;
    freeReplyObject(ask("SET lock:a:r:fence %lld", future));
    assert_int_equal(acquire("x", 5000).number, future + 1);
}

static void a_held_lock_is_refused_with_what_is_left(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    struct outcome refusal = acquire("y", 5000);
    assert_status(refusal, "held");
    assert_in_range(refusal.number, 1, 5000);
    assert_holder("held x");
}

static void acquiring_again_changes_neither_fence_nor_end(void **state)
{
    (void)state;
    struct outcome first = acquire("x", 5000);
    struct outcome again = acquire_as("x", "other", 60000, 0, 3000);
    assert_status(again, "kept");
    assert_int_equal(again.number, first.number);
    assert_in_range(left("lock:a:r"), 1, 5000);
}

static void what_an_attempt_has_got_it_is_told_again(void **state)
{
    (void)state;
    struct outcome first = acquire("x", 5000);
    struct outcome again = acquire("x", 5000);
    assert_status(again, "granted");
    assert_int_equal(again.number, first.number);
}

static void an_owner_may_be_any_text(void **state)
{
    (void)state;
    const char *owner = "  a b\nheld 1 x y ";
    struct outcome lease = outcome_of(run(acquire_lua, "x t 5000 %s 0 ch 3000 1000", owner));
    assert_string_equal(lease.owner, owner);
    assert_string_equal(acquire("x", 1).owner, owner);
    assert_int_equal(release("x"), 1);
}

static void wrong_arguments_write_nothing(void **state)
{
    (void)state;
    redisReply *reply = run(acquire_lua, "x t 0 %s 0 ch 3000 1000", "");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    reply = run(acquire_lua, "%s t 100 %s 0 ch 3000 1000", "x y", "");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    assert_int_equal(number(ask("DBSIZE")), 0);
}

/* ---- Giving up ---------------------------------------------------------------------------- */

static void a_lock_is_released_by_its_lock_id_alone(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    assert_int_equal(release("y"), 0);
    assert_holder("held x");
    assert_int_equal(release("x"), 1);
    assert_int_equal(release("x"), 0);
    assert_int_equal(exists("lock:a:r"), 0);
}

static void a_first_try_given_up_late_does_not_take_the_lock_from_its_retry(void **state)
{
    (void)state;
    assert_status(acquire_as("x", "first", 5000, 0, 3000), "granted");
    assert_status(acquire_as("x", "second", 5000, 0, 3000), "kept");
    assert_int_equal(leave("x", "first", 1), 0);
    assert_holder("held x");
    assert_int_equal(leave("x", "second", 1), 1);
}

static void who_only_leaves_the_queue_keeps_the_lock(void **state)
{
    (void)state;
    (void)acquire("x", 5000);
    assert_int_equal(leave("x", "x", 0), 0);
    assert_holder("held x");
}

/* ---- Holders ------------------------------------------------------------------------------ */

static void renewing_gives_the_lease_another_end(void **state)
{
    (void)state;
    struct outcome lease = acquire("x", 500);
    struct outcome renewed = outcome_of(run(renew_lua, "x 60000"));
    assert_status(renewed, "renewed");
    assert_int_equal(renewed.number, lease.number);
    assert_in_range(left("lock:a:r"), 59000, 60000);
    assert_in_range(left("lock:a:r:fence"), DAY_MS + 59000, DAY_MS + 60000);
}

static void only_the_holder_renews(void **state)
{
    (void)state;
    assert_status(outcome_of(run(renew_lua, "x 60000")), "lost");
    (void)acquire("x", 5000);
    assert_status(outcome_of(run(renew_lua, "y 60000")), "lost");
    (void)queue("y");
    (void)release("x");
    assert_status(outcome_of(run(renew_lua, "y 60000")), "lost"); /* a claim is no lease */
    assert_in_range(left("lock:a:r"), 1, 1000);
}

static void looking_shows_a_lease_and_no_claim(void **state)
{
    (void)state;
    redisReply *reply = run(look_lua, "%s", "");
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
    struct outcome lease = acquire("x", 5000);
    (void)queue("y");
    reply = run(look_lua, "%s", "");
    assert_int_equal(reply->elements, 4);
    assert_int_equal(atoll(reply->element[0]->str), lease.number);
    assert_int_equal(reply->element[3]->integer, 1);
    freeReplyObject(reply);
    (void)release("x");
    reply = run(look_lua, "%s", "");
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_free_lock_is_granted_with_the_servers_time_as_its_fence),
        TEST(the_fence_is_kept_for_the_ttl_and_a_day),
        TEST(fences_rise_after_a_release_and_after_the_lock_ran_out),
        TEST(fences_do_not_fall_when_the_clock_does),
        TEST(a_held_lock_is_refused_with_what_is_left),
        TEST(acquiring_again_changes_neither_fence_nor_end),
        TEST(what_an_attempt_has_got_it_is_told_again),
        TEST(an_owner_may_be_any_text),
        TEST(wrong_arguments_write_nothing),
        TEST(a_lock_is_released_by_its_lock_id_alone),
        TEST(a_first_try_given_up_late_does_not_take_the_lock_from_its_retry),
        TEST(who_only_leaves_the_queue_keeps_the_lock),
        TEST(renewing_gives_the_lease_another_end),
        TEST(only_the_holder_renews),
        TEST(looking_shows_a_lease_and_no_claim),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
