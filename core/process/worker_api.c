/* The table behind every sluice_worker: time, chance, services, timers, and Redis outside requests.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <openssl/rand.h>

#include "clock.h"
#include "crash.h"
#include "links.h"
#include "log.h"
#include "memory.h"
#include "worker_internal.h"

#define BLOCKING_US 50000

static struct worker_handle *handle_of(sluice_worker *abi)
{
    return (struct worker_handle *)(void *)abi;
}

struct worker_handle *worker_handle_of(struct worker *worker, const struct plugin *plugin)
{
    return &worker->handles[plugin ? plugin->index : worker->gateway->plugins.count];
}

static const char *name_of(const struct worker_handle *handle)
{
    return handle->plugin ? handle->plugin->name : "core";
}

void worker_step(struct worker_handle *handle, sluice_worker_step *step, void *state,
                 const sluice_reply *reply)
{
    crash_note(name_of(handle), "of the worker");
    int64_t before = clock_monotonic_us();
    step(&handle->abi, state, reply);
    int64_t took = clock_monotonic_us() - before;
    crash_note(NULL, NULL);
    if (took > BLOCKING_US)
        log_warn("%s: a worker step held the loop for %lld ms", name_of(handle),
                 (long long)(took / 1000));
}

static void *self(sluice_worker *abi)
{
    const struct plugin *plugin = handle_of(abi)->plugin;
    return plugin ? plugin->self : NULL;
}

static uint32_t index_of(sluice_worker *abi)
{
    return handle_of(abi)->worker->setup->index;
}

static uint32_t count_of(sluice_worker *abi)
{
    return handle_of(abi)->worker->setup->count;
}

static uint32_t gateways(sluice_worker *abi)
{
    return (uint32_t)handle_of(abi)->worker->gateway->settings.gateways;
}

static int64_t monotonic(sluice_worker *abi)
{
    (void)abi;
    return clock_monotonic_ms();
}

static int64_t realtime(sluice_worker *abi)
{
    (void)abi;
    return clock_realtime_ms();
}

/* RAND_bytes fails only when the system has no entropy source at all: nothing that needs secrets
 * may go on then. */
static void random_bytes(sluice_worker *abi, void *ret_bytes, uint64_t len)
{
    (void)abi;
    if (RAND_bytes(ret_bytes, (int)len) != 1) {
        log_error("OpenSSL has no random bytes; the worker ends");
        abort();
    }
}

static const void *service(sluice_worker *abi, const char *name, uint32_t version)
{
    const struct worker *worker = handle_of(abi)->worker;
    const struct service *found = plugins_service(&worker->gateway->plugins, name, version);
    return found ? found->table : NULL;
}

/* ---- Redis outside a request --------------------------------------------------------------- */

static void answered(void *context, int status, const struct reply *reply)
{
    struct ask *ask = context;
    if (status != REDIS_LATE) {
        struct reply seen = reply_seen(status, reply);
        worker_step(ask->asker, ask->then, ask->state, reply_abi(&seen));
    }
    if (status != -ETIMEDOUT) /* REDIS_LATE follows */
        ask_give(ask);
}

static struct redis_call question(struct worker_handle *handle, sluice_worker_step *then,
                                  void *state)
{
    struct ask *ask = ask_take(handle->worker);
    ask->asker = handle;
    ask->then = then;
    ask->state = state;
    return (struct redis_call){.done = answered, .context = ask};
}

static void ask(sluice_worker *abi, sluice_worker_step *then, void *state, const sluice_arg *argv,
                uint32_t argc, uint32_t stride)
{
    struct redis_call call = question(handle_of(abi), then, state);
    call.argv = argv;
    call.argc = argc;
    call.stride = stride;
    redis_send(handle_of(abi)->worker->redis, &call);
}

static void run(sluice_worker *abi, sluice_worker_step *then, void *state,
                const sluice_script *script, uint32_t keys, const sluice_arg *argv, uint32_t argc,
                uint32_t stride)
{
    struct redis_call call = question(handle_of(abi), then, state);
    call.script = script;
    call.keys = keys;
    call.argv = argv;
    call.argc = argc;
    call.stride = stride;
    redis_send(handle_of(abi)->worker->redis, &call);
}

static bool redis_ready(sluice_worker *abi)
{
    return redis_is_ready(handle_of(abi)->worker->redis);
}

static const char *prefix(sluice_worker *abi)
{
    return handle_of(abi)->worker->gateway->settings.redis.prefix;
}

/* ---- Subscriptions ------------------------------------------------------------------------- */

/* What a plugin asked to be told of; as long-lived as the worker, freed with it. */
struct listener {
    struct worker_handle *handle;
    sluice_worker_step *then;
    void *state;
};

static void told(void *context, const struct reply *news)
{
    const struct listener *listener = context;
    worker_step(listener->handle, listener->then, listener->state, reply_abi(news));
}

static struct listener *listener(struct worker_handle *handle, sluice_worker_step *then,
                                 void *state)
{
    struct listener *made = arena_new(&handle->worker->arena, struct listener);
    *made = (struct listener){handle, then, state};
    return made;
}

static const char *prefixed(struct worker_handle *handle, const char *name)
{
    return arena_printf(&handle->worker->arena, "%s%s",
                        handle->worker->gateway->settings.redis.prefix, name);
}

static void subscribe(sluice_worker *abi, const char *channel, sluice_worker_step *then,
                      void *state)
{
    struct worker_handle *handle = handle_of(abi);
    subscriber_channel(handle->worker->subscriber, prefixed(handle, channel), told,
                       listener(handle, then, state));
}

static void track(sluice_worker *abi, const char *key_prefix, sluice_worker_step *then, void *state)
{
    struct worker_handle *handle = handle_of(abi);
    subscriber_track(handle->worker->subscriber, prefixed(handle, key_prefix), told,
                     listener(handle, then, state));
}

static int64_t tracked_until(sluice_worker *abi)
{
    return subscriber_tracked_until(handle_of(abi)->worker->subscriber);
}

/* ---- Timers -------------------------------------------------------------------------------- */

/* On the worker's list while it runs, so that the worker can end before it rings. */
struct once {
    uv_timer_t timer; /* first */
    struct worker_handle *handle;
    sluice_worker_step *then;
    void *state;
    struct once *next, **from;
};

static void freed(uv_handle_t *timer)
{
    free(timer);
}

static void drop(struct once *once)
{
    *once->from = once->next;
    if (once->next)
        once->next->from = once->from;
    uv_close((uv_handle_t *)&once->timer, freed);
}

static void rang(uv_timer_t *timer)
{
    struct once *once = (struct once *)timer;
    struct worker_handle *handle = once->handle;
    sluice_worker_step *then = once->then;
    void *state = once->state;
    drop(once);
    worker_step(handle, then, state, NULL);
}

void worker_timer(struct worker_handle *handle, int64_t ms, sluice_worker_step *then, void *state)
{
    struct worker *worker = handle->worker;
    struct once *once = memory_new(struct once);
    once->handle = handle;
    once->then = then;
    once->state = state;
    once->next = worker->timers;
    once->from = &worker->timers;
    if (once->next)
        once->next->from = &once->next;
    worker->timers = once;
    uv_update_time(&worker->loop); /* the loop's own time is that of the turn's begin: too early */
    uv_timer_init(&worker->loop, &once->timer);
    uv_timer_start(&once->timer, rang, ms > 0 ? (uint64_t)ms : 0, 0);
}

void worker_timers_close(struct worker *worker)
{
    while (worker->timers)
        drop(worker->timers);
}

static void timer(sluice_worker *abi, int64_t ms, sluice_worker_step *then, void *state)
{
    worker_timer(handle_of(abi), ms, then, state);
}

static bool wake(sluice_worker *abi, sluice_token token, const sluice_arg *values, uint32_t count,
                 uint32_t stride)
{
    return wait_wake(handle_of(abi)->worker, token, values, count, stride);
}

static void log_for(sluice_worker *abi, uint32_t level, const char *message)
{
    enum log_level known = level > LOG_ERROR ? LOG_ERROR : (enum log_level)level;
    log_message(known, "%s: %s", name_of(handle_of(abi)), message);
}

/* ---- Processes of plugins ------------------------------------------------------------------ */

static const sluice_job_handler *job_handler(sluice_worker *abi, uint32_t i)
{
    const struct plugin *plugin;
    return plugins_job_handler(&handle_of(abi)->worker->gateway->plugins, i, &plugin);
}

static bool is_process(const struct worker_handle *handle, const char *what)
{
    if (handle->worker->setup->process)
        return true;
    log_error("%s: %s is for a process of a plugin, this is an http worker", name_of(handle), what);
    return false;
}

static void block(sluice_worker *abi, sluice_worker_step *then, void *state, const sluice_arg *argv,
                  uint32_t argc, uint32_t stride, int64_t timeout_ms)
{
    struct worker_handle *handle = handle_of(abi);
    struct redis_call call = question(handle, then, state);
    call.argv = argv;
    call.argc = argc;
    call.stride = stride;
    call.timeout_ms = timeout_ms;
    redis_send(is_process(handle, "block") ? handle->worker->blocking : handle->worker->redis,
               &call);
}

static void drained(sluice_worker *abi)
{
    if (is_process(handle_of(abi), "drained"))
        handle_of(abi)->worker->drained = true;
}

static void executor_start(sluice_worker *abi, uint32_t slot)
{
    if (is_process(handle_of(abi), "executor_start"))
        links_start(handle_of(abi)->worker->links, slot);
}

static void executor_send(sluice_worker *abi, uint32_t slot, const void *message, uint64_t len)
{
    if (is_process(handle_of(abi), "executor_send"))
        links_send(handle_of(abi)->worker->links, slot, message, len);
}

static void executor_signal(sluice_worker *abi, uint32_t slot, int32_t number)
{
    if (is_process(handle_of(abi), "executor_signal"))
        links_signal(handle_of(abi)->worker->links, slot, number);
}

const sluice_worker_api worker_api = {
    .size = sizeof worker_api,
    .self = self,
    .index = index_of,
    .count = count_of,
    .monotonic = monotonic,
    .realtime = realtime,
    .random = random_bytes,
    .service = service,
    .ask = ask,
    .run = run,
    .timer = timer,
    .wake = wake,
    .log = log_for,
    .redis_ready = redis_ready,
    .prefix = prefix,
    .subscribe = subscribe,
    .track = track,
    .tracked_until = tracked_until,
    .gateways = gateways,
    .job_handler = job_handler,
    .block = block,
    .drained = drained,
    .executor_start = executor_start,
    .executor_send = executor_send,
    .executor_signal = executor_signal,
};
