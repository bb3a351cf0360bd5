/* What the tests of the lock's scripts have in common: a redis-server of the test's own, on a unix
 * socket in a directory of its own, and the scripts as functions.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_SCRIPTS_H
#define TEST_SCRIPTS_H

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

static inline void pause_1_ms(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static inline pid_t launch(const struct server *server)
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

static inline int start_server(void **state)
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

static inline int stop_server(void **state)
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

static inline long long number(redisReply *reply)
{
    assert_true(reply->type == REDIS_REPLY_INTEGER || reply->type == REDIS_REPLY_STRING);
    long long value = reply->type == REDIS_REPLY_INTEGER ? reply->integer : atoll(reply->str);
    freeReplyObject(reply);
    return value;
}

static inline int begin(void **state)
{
    const struct server *server = *state;
    redis = server->redis;
    calls = server->calls;
    freeReplyObject(ask("FLUSHALL"));
    return 0;
}

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

#define TEST(name) cmocka_unit_test_setup(name, begin)

#endif
