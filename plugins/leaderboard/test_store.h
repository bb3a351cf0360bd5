/* A Redis of the test program's own, for tests of scripts: on a unix socket, keeping nothing.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_STORE_H
#define TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHA_SIZE 41

static redisContext *redis;
static char store_folder[64], store_path[96];
static pid_t store;

/* The reply, which is none of Redis's errors. */
static inline redisReply *must(redisReply *reply)
{
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("Redis: %s", reply->str);
    return reply;
}

/* `format` has one %s, the argument's place. */
static inline void do_command(const char *format, const char *argument)
{
    freeReplyObject(must(redisCommand(redis, format, argument)));
}

static inline void load(const char *script, char ret_sha[SHA_SIZE])
{
    redisReply *reply = must(redisCommand(redis, "SCRIPT LOAD %s", script));
    assert_int_equal(strlen(reply->str), SHA_SIZE - 1);
    memcpy(ret_sha, reply->str, SHA_SIZE);
    freeReplyObject(reply);
}

static inline void run_redis(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", store_path, "--save", "",
           "--logfile", "/dev/null", (char *)NULL);
    _exit(127);
}

/* For the group's setup. */
static inline int start_redis(void **state)
{
    (void)state;
    (void)snprintf(store_folder, sizeof store_folder, "/tmp/sluice-boards-XXXXXX");
    if (!mkdtemp(store_folder))
        return -1;
    (void)snprintf(store_path, sizeof store_path, "%s/s", store_folder);
    store = fork();
    if (store == 0)
        run_redis();
    for (int i = 0; store > 0 && i < 1000; i++) {
        redis = redisConnectUnix(store_path);
        if (redis && !redis->err)
            return 0;
        redisFree(redis);
        redis = NULL;
        (void)poll(NULL, 0, 10);
    }
    return -1;
}

/* For the group's teardown. */
static inline int stop_redis(void **state)
{
    (void)state;
    redisFree(redis);
    (void)kill(store, SIGTERM);
    (void)waitpid(store, NULL, 0);
    (void)unlink(store_path);
    return rmdir(store_folder);
}

#endif
