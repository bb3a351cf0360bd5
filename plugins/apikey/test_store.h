/* A redis-server of a test's own, on a unix socket in a directory of its own, and what the scripts of
 * apikey left in it. For the two suites of scripts.
 *
 *   script(text, keys, KEYS .., ARGV .., NULL) -> reply
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_TEST_STORE_H
#define APIKEY_TEST_STORE_H

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
#include <jansson.h>


#define META "client:acme:meta"
#define INDEX "client:acme:apiKeys"
#define USED "client:acme:used"
#define HOUR_MS 3600000LL
#define WAIT_MS 10000 /* for what happens by itself */

struct server {
    char dir[64], socket[96];
    pid_t pid;
    redisContext *redis;
};

static redisContext *redis; /* of the test that runs */

/* ---- The server --------------------------------------------------------------------------- */

static void pause_10_ms(void)
{
    nanosleep(&(struct timespec){0, 10000000}, NULL);
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
    for (int waited = 0; waited < WAIT_MS; waited += 10) {
        redisContext *context = redisConnectUnix(socket);
        if (context && !context->err)
            return context;
        redisFree(context);
        pause_10_ms();
    }
    return NULL;
}

static int start_server(void **state)
{
    struct server *server = calloc(1, sizeof *server);
    *state = server;
    if (!server)
        return -1;
    (void)snprintf(server->dir, sizeof server->dir, "/tmp/sluice-apikey-XXXXXX");
    if (!mkdtemp(server->dir))
        return -1;
    (void)snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->dir);
    server->pid = launch(server);
    server->redis = server->pid > 0 ? connected(server->socket) : NULL;
    return server->redis ? 0 : -1;
}

static int stop_server(void **state)
{
    struct server *server = *state;
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

/* The reply as a number, -1 for nil. */
static long long number(redisReply *reply)
{
    long long value = reply->type == REDIS_REPLY_NIL ? -1 : reply->integer;
    if (reply->type == REDIS_REPLY_STRING)
        value = atoll(reply->str);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    return value;
}

#define SCRIPT_ARGS_MAX 24

static redisReply *script(const char *text, const char *keys, ...)
{
    const char *argv[SCRIPT_ARGS_MAX] = {"EVAL", text, keys};
    int argc = 3;
    va_list args;
    va_start(args, keys);
    for (const char *arg; (arg = va_arg(args, const char *)) != NULL;) {
        assert_true(argc < SCRIPT_ARGS_MAX);
        argv[argc++] = arg;
    }
    va_end(args);
    redisReply *reply = redisCommandArgv(redis, argc, argv, NULL);
    assert_non_null(reply);
    return reply;
}

/* ms that a key still works; -1: no end, -2: it is gone. */
static long long left(const char *hash)
{
    return number(ask("PTTL apiKey:%s", hash));
}

static json_t *entry_of(const char *hash)
{
    redisReply *reply = ask("GET apiKey:%s", hash);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    json_t *entry = json_loads(reply->str, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(entry);
    freeReplyObject(reply);
    return entry;
}

static void assert_member(const char *hash, const char *name, const char *expected)
{
    json_t *entry = entry_of(hash);
    const char *value = json_string_value(json_object_get(entry, name));
    assert_non_null(value);
    assert_string_equal(value, expected);
    json_decref(entry);
}

/* Every entry is in the index and every indexed hash has its entry. */
static void assert_index_and_entries_agree(long long count)
{
    redisReply *index = ask("ZRANGE %s 0 -1", INDEX);
    assert_int_equal((long long)index->elements, count);
    for (size_t i = 0; i < index->elements; i++)
        assert_int_equal(number(ask("EXISTS apiKey:%s", index->element[i]->str)), 1);
    freeReplyObject(index);
    redisReply *entries = ask("KEYS apiKey:*");
    assert_int_equal((long long)entries->elements, count);
    freeReplyObject(entries);
}

static int empty(void **state)
{
    redis = ((struct server *)*state)->redis;
    (void)number(ask("FLUSHALL"));
    return 0;
}

#endif
