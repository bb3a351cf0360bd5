/* An executor: what its plugin sees of it.
 *
 *   execute -> receive (waits for the process's messages) ... send ... -> exit status
 *
 * SPDX-License-Identifier: MIT */
#include "executor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "clock.h"
#include "crash.h"
#include "frames.h"
#include "json_write.h"
#include "log.h"
#include "redis_blocking.h"

struct executor {
    sluice_executor abi; /* first */
    const struct executor_setup *setup;
    struct frames frames;
    struct arena arena;
    struct redis_blocking redis;
};

static struct executor *executor_of(sluice_executor *abi)
{
    return (struct executor *)(void *)abi;
}

/* ---- Messages ----------------------------------------------------------------------------- */

static int wait_for(const struct executor *executor, short events, int64_t until)
{
    struct pollfd fd = {.fd = executor->frames.fd, .events = events};
    int64_t left = until < 0 ? -1 : until - clock_monotonic_ms();
    log_flush();
    int ready = poll(&fd, 1, until < 0 ? -1 : left > 0 ? (int)left : 0);
    return ready < 0 && errno != EINTR ? -errno : ready > 0;
}

static int32_t receive(sluice_executor *abi, int64_t timeout_ms, sluice_bytes *ret_message)
{
    struct executor *executor = executor_of(abi);
    int64_t until = timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms;
    bool ended = false;
    for (;;) {
        int found = frames_next(&executor->frames, ret_message);
        if (found > 0)
            return 1;
        if (found < 0 || ended || wait_for(executor, POLLIN, until) < 0)
            return -1;
        int error = frames_read(&executor->frames);
        ended = error < 0 && error != -EAGAIN;
        if (!ended && until >= 0 && clock_monotonic_ms() >= until)
            return frames_next(&executor->frames, ret_message) > 0;
    }
}

static bool send_message(sluice_executor *abi, const void *message, uint64_t len)
{
    struct executor *executor = executor_of(abi);
    if (!frames_add(&executor->frames, message, len))
        return false;
    int error;
    while ((error = frames_write(&executor->frames)) == -EAGAIN)
        if (wait_for(executor, POLLOUT, -1) < 0)
            return false;
    return error == 0;
}

static int32_t fd(sluice_executor *abi)
{
    return executor_of(abi)->frames.fd;
}

/* ---- Handlers ----------------------------------------------------------------------------- */

static const sluice_job_handler *job_handler(sluice_executor *abi, uint32_t i)
{
    const struct plugin *plugin;
    return plugins_job_handler(&executor_of(abi)->setup->gateway->plugins, i, &plugin);
}

static void *job_self(sluice_executor *abi, uint32_t i)
{
    const struct plugin *plugin;
    if (!plugins_job_handler(&executor_of(abi)->setup->gateway->plugins, i, &plugin))
        return NULL;
    return plugin->self;
}

/* ---- Memory and values -------------------------------------------------------------------- */

static void *alloc(sluice_executor *abi, uint64_t size, uint64_t align)
{
    return arena_alloc(&executor_of(abi)->arena, size, align);
}

static void forget(sluice_executor *abi)
{
    arena_clear(&executor_of(abi)->arena);
}

static sluice_arg object(sluice_executor *abi, const sluice_arg *pairs, uint32_t count,
                         uint32_t stride)
{
    struct text text;
    text_init(&text, &executor_of(abi)->arena);
    json_add_object(&text, pairs, count, stride);
    return (sluice_arg){.type = SLUICE_ARG_JSON, .len = text.len, .u.text = text.data};
}

static sluice_list *list(sluice_executor *abi)
{
    return json_list_new(&executor_of(abi)->arena);
}

static void push(sluice_executor *abi, sluice_list *to, const sluice_arg *value)
{
    (void)abi;
    json_list_push(to, value);
}

/* ---- The world ---------------------------------------------------------------------------- */

static const sluice_reply *ask(sluice_executor *abi, const sluice_arg *argv, uint32_t argc,
                               uint32_t stride, int64_t timeout_ms)
{
    struct executor *executor = executor_of(abi);
    const struct reply *reply =
        redis_blocking_ask(&executor->redis, &executor->arena, argv, argc, stride, timeout_ms);
    return reply_abi(reply);
}

static const char *prefix(sluice_executor *abi)
{
    return executor_of(abi)->setup->gateway->settings.redis.prefix;
}

static int64_t monotonic(sluice_executor *abi)
{
    (void)abi;
    return clock_monotonic_ms();
}

static int64_t realtime(sluice_executor *abi)
{
    (void)abi;
    return clock_realtime_ms();
}

static void random_bytes(sluice_executor *abi, void *ret_bytes, uint64_t len)
{
    (void)abi;
    if (RAND_bytes(ret_bytes, (int)len) != 1) {
        log_error("OpenSSL has no random bytes; the executor ends");
        abort();
    }
}

static void log_for(sluice_executor *abi, uint32_t level, const char *message)
{
    enum log_level known = level > LOG_ERROR ? LOG_ERROR : (enum log_level)level;
    log_message(known, "%s: %s", executor_of(abi)->setup->process->plugin->name, message);
}

static void note(sluice_executor *abi, const char *what)
{
    crash_note(what ? executor_of(abi)->setup->process->plugin->name : NULL, what);
}

static const sluice_executor_api executor_api = {
    .size = sizeof executor_api,
    .receive = receive,
    .send = send_message,
    .fd = fd,
    .job_handler = job_handler,
    .job_self = job_self,
    .alloc = alloc,
    .forget = forget,
    .object = object,
    .list = list,
    .push = push,
    .ask = ask,
    .prefix = prefix,
    .monotonic = monotonic,
    .realtime = realtime,
    .random = random_bytes,
    .log = log_for,
    .note = note,
};

/* ---- The process -------------------------------------------------------------------------- */

static void take_over_process(const struct executor_setup *setup)
{
    char role[64];
    struct rlimit none = {0, 0};
    (void)snprintf(role, sizeof role, "%s executor %u", setup->process->row.name, setup->slot);
    log_role(role);
    crash_watch();
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

int executor_main(const struct executor_setup *setup)
{
    const struct process *process = setup->process;
    struct executor executor = {.abi = {&executor_api}, .setup = setup};
    take_over_process(setup);
    frames_open(&executor.frames, setup->socket);
    redis_blocking_init(&executor.redis, &setup->redis);
    int status = process->row.execute(&executor.abi, process->plugin->self, setup->slot);
    redis_blocking_close(&executor.redis);
    frames_close(&executor.frames);
    arena_release(&executor.arena);
    log_flush();
    return status;
}
