/* ratelimit: how many requests a client may make, shared by all gateways of one Redis.
 *
 *   configure: policies, script, hook, routes -> start: the batch, what is known locally -> stop
 *
 * SPDX-License-Identifier: MIT */
#include "ratelimit.h"

#include <stddef.h>

#include "local.h"
#include "question.h"
#include "take.lua.h"

static const sluice_hook hooks[] = {
    {SLUICE_BEFORE, 0, SLUICE_STEP(limit_request)},
};

/* An admin may check as well, in a space of no client: so the limiter also runs without apikey. */
static const sluice_route routes[] = {
    {"POST", "/v1/ratelimit/check", SLUICE_STEP(check_limit), "client,admin", NULL, 0, 0, 0},
    {"GET", "/v1/ratelimit/{policy}/{subject}", SLUICE_STEP(show_limit), "admin", NULL, 0, 0, 0},
    {"DELETE", "/v1/ratelimit/{policy}/{subject}", SLUICE_STEP(reset_limit), "admin", NULL, 0, 0,
     0},
};

static int32_t configure(sluice_host *host, void *self)
{
    struct ratelimit *ratelimit = self;
    if (!policies_check(host, &ratelimit->policies))
        return -1;
    ratelimit->take = sluice_add_script(host, "take", take_lua);
    sluice_hooks(host, hooks);
    sluice_routes(host, routes);
    return 0;
}

static int32_t start(sluice_worker *worker, void *self)
{
    struct ratelimit *ratelimit = self;
    uint64_t seed;
    sluice_random(worker, &seed, sizeof seed);
    ratelimit->local = local_new(seed, sluice_worker_count(worker) * sluice_gateways(worker));
    ratelimit->batch = ratelimit->local ? question_batch(ratelimit->local) : NULL;
    if (ratelimit->batch)
        return 0;
    sluice_log(worker, SLUICE_LOG_ERROR, "can't start: out of memory");
    return -1;
}

static void stop(sluice_worker *worker, void *self)
{
    struct ratelimit *ratelimit = self;
    (void)worker;
    batch_free(ratelimit->batch);
    local_free(ratelimit->local);
    ratelimit->batch = NULL;
    ratelimit->local = NULL;
}

static const sluice_option options[] = {
    {.name = "policies",
     .type = SLUICE_MAP,
     .offset = offsetof(struct ratelimit, policies),
     .max = POLICIES_MAX - 1,
     .help = "by name; `default` is for every route that names none, 20 at 1/s unless told here",
     .rows = policy_options,
     .item_size = sizeof(struct policy),
     .row_count = POLICY_OPTION_COUNT,
     .row_stride = sizeof(sluice_option)},
};

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "ratelimit",
        .version = "0.1.0",
        .summary = "limits how often clients may ask, over all gateways together",
        .self_size = sizeof(struct ratelimit),
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .option_stride = sizeof options[0],
        .configure = configure,
        .start = start,
        .stop = stop,
    };
    return &descriptor;
}
