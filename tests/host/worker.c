/* The table behind a sluice_worker in tests: a clock that the test moves, chance that repeats, and
 * Redis outside requests.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

static void *self(sluice_worker *abi)
{
    return worker_host(abi)->self;
}

static uint32_t index_of(sluice_worker *abi)
{
    return worker_host(abi)->worker_index;
}

static uint32_t gateways(sluice_worker *abi)
{
    return worker_host(abi)->gateways;
}

static uint32_t count_of(sluice_worker *abi)
{
    return worker_host(abi)->worker_count;
}

static int64_t monotonic(sluice_worker *abi)
{
    return worker_host(abi)->now_ms;
}

static int64_t realtime(sluice_worker *abi)
{
    const struct test_host *host = worker_host(abi);
    return host->now_ms + host->realtime_shift;
}

void test_set_time(struct test_host *host, int64_t realtime_ms)
{
    host->realtime_shift = realtime_ms - host->now_ms;
}

/* SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). */
static uint64_t next_random(struct test_host *host)
{
    uint64_t bits = host->random += UINT64_C(0x9e3779b97f4a7c15);
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    return bits ^ (bits >> 31);
}

static void random_bytes(sluice_worker *abi, void *ret_bytes, uint64_t len)
{
    unsigned char *bytes = ret_bytes;
    for (uint64_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)next_random(worker_host(abi));
}

/* One of another plugin, which the test gave, or of the plugin itself. */
static const void *service(sluice_worker *abi, const char *name, uint32_t version)
{
    struct test_host *host = worker_host(abi);
    for (const struct test_service *each = host->services; each; each = each->next)
        if (each->version >= version && strcmp(each->name, name) == 0)
            return each->table;
    return test_offered(host, name, version);
}

/* ---- Redis outside a request, timers ------------------------------------------------------- */

static void ask(sluice_worker *abi, sluice_worker_step *then, void *state, const sluice_arg *argv,
                uint32_t argc, uint32_t stride)
{
    struct test_host *host = worker_host(abi);
    struct question question = question_of(&host->arena, argv, argc, stride);
    script_ask(host, "a worker step", &question, &(struct asker){.then = then, .state = state});
}

static void run(sluice_worker *abi, sluice_worker_step *then, void *state,
                const sluice_script *script, uint32_t keys, const sluice_arg *argv, uint32_t argc,
                uint32_t stride)
{
    struct test_host *host = worker_host(abi);
    if (!script || keys > argc)
        host_fail(host, "a worker step ran a script with fewer arguments than keys, or none");
    struct question question = question_of(&host->arena, argv, argc, stride);
    question.script = script->name;
    question.source = script->source;
    question.keys = keys;
    script_ask(host, "a worker step", &question, &(struct asker){.then = then, .state = state});
}

static void timer(sluice_worker *abi, int64_t ms, sluice_worker_step *then, void *state)
{
    timer_add(worker_host(abi), ms, &(struct asker){.then = then, .state = state}, false);
}

static bool wake(sluice_worker *abi, sluice_token token, const sluice_arg *values, uint32_t count,
                 uint32_t stride)
{
    return wait_wake(worker_host(abi), token, values, count, stride);
}

static void log_for(sluice_worker *abi, uint32_t level, const char *message)
{
    host_log(worker_host(abi), level, message);
}

static bool redis_ready(sluice_worker *abi)
{
    return worker_host(abi)->redis_ready;
}

const sluice_worker_api test_worker_api = {
    .size = sizeof test_worker_api,
    .self = self,
    .index = index_of,
    .count = count_of,
    .gateways = gateways,
    .job_handler = worker_job_handler,
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
    .prefix = subscribe_prefix,
    .subscribe = subscribe_channel,
    .track = subscribe_track,
    .tracked_until = subscribe_tracked_until,
};
