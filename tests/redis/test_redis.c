/* A redis-server of a test program's own.
 *
 * SPDX-License-Identifier: MIT */
#include "test_redis.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

redisContext *redis;
static char folder[64], path[96];
static pid_t server;

void pause_1_ms(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

/* ---- The server --------------------------------------------------------------------------- */

static void serve(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
           "--dir", folder, "--logfile", "/dev/null", (char *)NULL);
    perror("redis-server");
    _exit(127);
}

redisContext *connect_again(void)
{
    for (int waited = 0; waited < WAIT_MS; waited++) {
        redisContext *context = redisConnectUnix(path);
        if (context && !context->err)
            return context;
        redisFree(context);
        pause_1_ms();
    }
    return NULL;
}

int start_server(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/sluice-redis-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/redis.sock", folder);
    server = fork();
    if (server == 0)
        serve();
    redis = server > 0 ? connect_again() : NULL;
    return redis ? 0 : -1;
}

int stop_server(void **state)
{
    (void)state;
    redisFree(redis);
    if (kill(server, SIGTERM) < 0 || waitpid(server, NULL, 0) < 0)
        return -1;
    (void)unlink(path);
    return rmdir(folder);
}

int flush(void **state)
{
    (void)state;
    freeReplyObject(ask("FLUSHALL"));
    return 0;
}

/* ---- Asking ------------------------------------------------------------------------------- */

redisReply *ask(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(redis, format, args);
    va_end(args);
    assert_non_null(reply);
    return reply;
}

redisReply *run_script(const char *script, int argc, const char *const *argv)
{
    const char **all = calloc((size_t)argc + 2, sizeof *all);
    redisReply *loaded = ask("SCRIPT LOAD %s", script);
    assert_non_null(all);
    if (loaded->type == REDIS_REPLY_ERROR)
        fail_msg("%s", loaded->str);
    all[0] = "EVALSHA";
    all[1] = loaded->str;
    memcpy(all + 2, argv, (size_t)argc * sizeof *argv);
    redisReply *reply = redisCommandArgv(redis, argc + 2, all, NULL);
    freeReplyObject(loaded);
    free(all);
    assert_non_null(reply);
    return reply;
}

long long number(redisReply *reply)
{
    long long value = reply->type == REDIS_REPLY_NIL ? -1 : reply->integer;
    if (reply->type == REDIS_REPLY_STRING)
        value = atoll(reply->str);
    else if (reply->type == REDIS_REPLY_ERROR || reply->type == REDIS_REPLY_ARRAY)
        fail_msg("no number: %s", reply->str ? reply->str : "an array");
    freeReplyObject(reply);
    return value;
}
