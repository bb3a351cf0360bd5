/* The lock's scripts against a real Redis: a redis-server of the test's own, on a unix socket in a
 * directory of its own.
 *
 *   acquire, leave, renew, look, tend -> what they answer, whom they call, what is left in the keys
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "acquire.lua.h"
#include "common.lua.h"
#include "leave.lua.h"
#include "look.lua.h"
#include "renew.lua.h"
#include "tend.lua.h"

#define WAIT_MS 10000 /* for what happens by itself */
#define DAY_MS 86400000LL
#define KEYS "4 lock:a:r lock:a:r:fence lock:a:r:q lock:a:r:w "

struct server {
    char dir[64], socket[96];
    pid_t pid;
    redisContext *redis, *calls;
};

/* Of the test that runs: commands, and a subscription to the channel "ch". */
static redisContext *redis, *calls;

/* ---- The server --------------------------------------------------------------------------- */

static void pause_1_ms(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static pid_t launch(const struct server *server)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server->socket, "--save",
           "", "--dir", server->dir, "--logfile", "/dev/null", (char *)NULL);
    perror("redis-server");
    _exit(127);
}

static redisContext *connected(const char *socket)
{
    for (int waited = 0; waited < WAIT_MS; waited++) {
        redisContext *context = redisConnectUnix(socket);
        if (context && !context->err)
            return context;
        redisFree(context);
        pause_1_ms();
    }
    return NULL;
}

static int start_server(void **state)
{
    struct server *server = calloc(1, sizeof *server);
    *state = server;
    if (!server)
        return -1;
    (void)snprintf(server->dir, sizeof server->dir, "/tmp/sluice-lock-XXXXXX");
    if (!mkdtemp(server->dir))
        return -1;
    (void)snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->dir);
    server->pid = launch(server);
    server->redis = server->pid > 0 ? connected(server->socket) : NULL;
    server->calls = server->redis ? connected(server->socket) : NULL;
    return server->calls ? 0 : -1;
}

static int stop_server(void **state)
{
    struct server *server = *state;
    redisFree(server->calls);
    redisFree(server->redis);
    if (kill(server->pid, SIGTERM) < 0 || waitpid(server->pid, NULL, 0) < 0)
        return -1;
    (void)unlink(server->socket);
    int failed = rmdir(server->dir);
    free(server);
    return failed;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static redisReply *ask(const char *format, ...) __attribute__((format(printf, 1, 2)));
static redisReply *ask(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(redis, format, args);
    va_end(args);
    assert_non_null(reply);
    return reply;
}

static long long number(redisReply *reply)
{
    assert_true(reply->type == REDIS_REPLY_INTEGER || reply->type == REDIS_REPLY_STRING);
    long long value = reply->type == REDIS_REPLY_INTEGER ? reply->integer : atoll(reply->str);
    freeReplyObject(reply);
    return value;
}

static int begin(void **state)
{
    const struct server *server = *state;
    redis = server->redis;
    calls = server->calls;
    freeReplyObject(ask("FLUSHALL"));
    return 0;
}

/* A script with what they share in front, and its arguments behind the keys. */
static redisReply *run(const char *script, const char *arguments, ...)
    __attribute__((format(printf, 2, 3)));
static redisReply *run(const char *script, const char *arguments, ...)
{
    static char text[16384];
    va_list args;
    (void)snprintf(text, sizeof text, "%s%s", common_lua, script);
    redisReply *loaded = ask("SCRIPT LOAD %s", text);
    char format[512];
    (void)snprintf(format, sizeof format, "EVALSHA %s " KEYS "%s", loaded->str, arguments);
    freeReplyObject(loaded);
    va_start(args, arguments);
    redisReply *reply = redisvCommand(redis, format, args);
    va_end(args);
    assert_non_null(reply);
    return reply;
}

struct outcome {
    char status[16], id[64], owner[64];
    long long number; /* the fence, or the ms that are left */
    long long expires_at;
};

static struct outcome outcome_of(redisReply *reply)
{
    struct outcome outcome = {.status = ""};
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    const redisReply *third = reply->elements > 2 ? reply->element[2] : NULL;
    (void)snprintf(outcome.status, sizeof outcome.status, "%s", reply->element[0]->str);
    (void)snprintf(outcome.id, sizeof outcome.id, "%s", reply->element[1]->str);
    if (third)
        outcome.number = third->str ? atoll(third->str) : third->integer;
    if (reply->elements == 5) {
        outcome.expires_at = atoll(reply->element[3]->str);
        (void)snprintf(outcome.owner, sizeof outcome.owner, "%s", reply->element[4]->str);
    }
    freeReplyObject(reply);
    return outcome;
}

#define MOST 1000

/* `ticket` has its waiter's channel behind it: "t1" listens on "ch". */
static struct outcome acquire_as(const char *id, const char *ticket, long long ttl, int waits,
                                 long long lives)
{
    return outcome_of(
        run(acquire_lua, "%s %s %lld %s %d ch %lld %d", id, ticket, ttl, "", waits, lives, MOST));
}

static struct outcome acquire(const char *id, long long ttl)
{
    return acquire_as(id, id, ttl, 0, 3000);
}

static struct outcome queue(const char *id)
{
    return acquire_as(id, id, 10000, 1, 3000);
}

static long long leave(const char *id, const char *ticket, int lock_too)
{
    return number(run(leave_lua, "%s %s %d", id, ticket, lock_too));
}

static long long release(const char *id)
{
    return leave(id, "", 1);
}

static void assert_status(struct outcome outcome, const char *status)
{
    assert_string_equal(outcome.status, status);
}

static long long left(const char *key)
{
    return number(ask("PTTL %s", key));
}

static int exists(const char *key)
{
    return (int)number(ask("EXISTS %s", key));
}

static void wait_for_end_of(const char *key)
{
    for (int waited = 0; exists(key); waited++) {
        assert_true(waited < WAIT_MS);
        pause_1_ms();
    }
}

static long long server_us(void)
{
    redisReply *time = ask("TIME");
    long long us = atoll(time->element[0]->str) * 1000000 + atoll(time->element[1]->str);
    freeReplyObject(time);
    return us;
}

static void assert_holder(const char *state_and_id)
{
    char state[8] = "", id[64] = "", both[80];
    redisReply *value = ask("GET lock:a:r");
    assert_int_equal(value->type, REDIS_REPLY_STRING);
    assert_int_equal(sscanf(value->str, "%7s %*s %63s", state, id), 2);
    freeReplyObject(value);
    (void)snprintf(both, sizeof both, "%s %s", state, id);
    assert_string_equal(both, state_and_id);
}

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

static void
acquiring_again_with_the_lock_id_that_holds_it_changes_neither_fence_nor_end(void **state)
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

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_free_lock_is_granted_with_the_servers_time_as_its_fence),
        TEST(the_fence_is_kept_for_the_ttl_and_a_day),
        TEST(fences_rise_after_a_release_and_after_the_lock_ran_out),
        TEST(fences_do_not_fall_when_the_clock_does),
        TEST(a_held_lock_is_refused_with_what_is_left),
        TEST(acquiring_again_with_the_lock_id_that_holds_it_changes_neither_fence_nor_end),
        TEST(what_an_attempt_has_got_it_is_told_again),
        TEST(an_owner_may_be_any_text),
        TEST(wrong_arguments_write_nothing),
        TEST(a_lock_is_released_by_its_lock_id_alone),
        TEST(a_first_try_given_up_late_does_not_take_the_lock_from_its_retry),
        TEST(who_only_leaves_the_queue_keeps_the_lock),
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
        TEST(renewing_gives_the_lease_another_end),
        TEST(only_the_holder_renews),
        TEST(looking_shows_a_lease_and_no_claim),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
