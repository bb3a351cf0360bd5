/* What the tests of the lock's scripts have in common: the scripts as functions.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_SCRIPTS_H
#define TEST_SCRIPTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <test_redis.h>

#include "acquire.lua.h"
#include "leave.lua.h"
#include "look.lua.h"
#include "renew.lua.h"
#include "tend.lua.h"

#define DAY_MS 86400000LL
#define KEYS "4 lock:a:r lock:a:r:fence lock:a:r:q lock:a:r:w "

static redisContext *calls; /* subscribed to the channel "ch", by the tests that want to */

static inline int set_up(void **state)
{
    int failed = start_server(state);
    calls = failed ? NULL : connect_again();
    return calls ? 0 : -1;
}

static inline int tear_down(void **state)
{
    redisFree(calls);
    return stop_server(state);
}

/* ---- Asking ------------------------------------------------------------------------------- */

/* A script, with its arguments behind the keys. */
static redisReply *run(const char *script, const char *arguments, ...)
    __attribute__((format(printf, 2, 3)));
static redisReply *run(const char *script, const char *arguments, ...)
{
    va_list args;
    redisReply *loaded = ask("SCRIPT LOAD %s", script);
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

static inline struct outcome outcome_of(redisReply *reply)
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
static inline struct outcome acquire_as(const char *id, const char *ticket, long long ttl,
                                        int waits, long long lives)
{
    return outcome_of(
        run(acquire_lua, "%s %s %lld %s %d ch %lld %d", id, ticket, ttl, "", waits, lives, MOST));
}

static inline struct outcome acquire(const char *id, long long ttl)
{
    return acquire_as(id, id, ttl, 0, 3000);
}

static inline struct outcome queue(const char *id)
{
    return acquire_as(id, id, 10000, 1, 3000);
}

static inline long long leave(const char *id, const char *ticket, int lock_too)
{
    return number(run(leave_lua, "%s %s %d", id, ticket, lock_too));
}

static inline long long release(const char *id)
{
    return leave(id, "", 1);
}

static inline void assert_status(struct outcome outcome, const char *status)
{
    assert_string_equal(outcome.status, status);
}

static inline long long left(const char *key)
{
    return number(ask("PTTL %s", key));
}

static inline int exists(const char *key)
{
    return (int)number(ask("EXISTS %s", key));
}

static inline void wait_for_end_of(const char *key)
{
    for (int waited = 0; exists(key); waited++) {
        assert_true(waited < WAIT_MS);
        pause_1_ms();
    }
}

static inline long long server_us(void)
{
    redisReply *time = ask("TIME");
    long long us = atoll(time->element[0]->str) * 1000000 + atoll(time->element[1]->str);
    freeReplyObject(time);
    return us;
}

static inline void assert_holder(const char *state_and_id)
{
    char state[8] = "", id[64] = "", both[80];
    redisReply *value = ask("GET lock:a:r");
    assert_int_equal(value->type, REDIS_REPLY_STRING);
    assert_int_equal(sscanf(value->str, "%7s %*s %63s", state, id), 2);
    freeReplyObject(value);
    (void)snprintf(both, sizeof both, "%s %s", state, id);
    assert_string_equal(both, state_and_id);
}

#define TEST(name) cmocka_unit_test_setup(name, flush)

#endif
