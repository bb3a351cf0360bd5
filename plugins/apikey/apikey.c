/* apikey: clients, their API keys, and who a request is by the key that it brings.
 *
 *   configure: scripts, routes, hook -> start: digest, failure table -> requests -> stop
 *
 * SPDX-License-Identifier: MIT */
#include "apikey.h"
#include "cache.h"

#include <stddef.h>

#include <sluice/plugin.h>

#include "create.lua.h"
#include "rotate.lua.h"
#include "withdraw.lua.h"

#define DAY_MS INT64_C(86400000)

static const sluice_hook hooks[] = {
    {SLUICE_AUTHENTICATE, 0, SLUICE_STEP(apikey_authenticate)},
};

static const sluice_route routes[] = {
    {"POST", "/clients/rotateKey/{id}", SLUICE_STEP(rotate_key), "self", NULL, 0, SLUICE_CLASSIC,
     0},
    {"GET", "/clients/client/{id}", SLUICE_STEP(show_client), "self", NULL, 0, SLUICE_CLASSIC, 0},
};

/* Classic paths ignore case: this is /clients/createCLient as well. */
static const sluice_route registration[] = {
    {"POST", "/clients/createClient", SLUICE_STEP(create_client), "admin", NULL, 0, SLUICE_CLASSIC,
     0},
};

static const sluice_route open_registration[] = {
    {"POST", "/clients/createClient", SLUICE_STEP(create_client), "none", NULL, 0, SLUICE_CLASSIC,
     0},
};

static int32_t configure(sluice_host *host, void *self)
{
    struct apikey *apikey = self;
    apikey->create = sluice_add_script(host, "create", create_lua);
    apikey->withdraw = sluice_add_script(host, "withdraw", withdraw_lua);
    apikey->rotate = sluice_add_script(host, "rotate", rotate_lua);
    sluice_hooks(host, hooks);
    sluice_routes(host, routes);
    if (apikey->open_registration)
        sluice_routes(host, open_registration);
    else
        sluice_routes(host, registration);
    sluice_provide(host, SLUICE_IDENTITY_CLIENT);
    return 0;
}

static int32_t start(sluice_worker *worker, void *self)
{
    struct apikey *apikey = self;
    uint64_t seed;
    sluice_random(worker, &seed, sizeof seed);
    apikey->failures = failures_new(apikey->failing.capacity, apikey->failing.refill, seed);
    apikey->cache = cache_new();
    if (hasher_init(&apikey->hasher) && apikey->failures && apikey->cache) {
        cache_track(apikey->cache, worker);
        return 0;
    }
    sluice_log(worker, SLUICE_LOG_ERROR,
               "can't start: there is no SHA-256 in OpenSSL's configuration, or no memory");
    return -1;
}

static void stop(sluice_worker *worker, void *self)
{
    struct apikey *apikey = self;
    (void)worker;
    hasher_release(&apikey->hasher);
    failures_free(apikey->failures);
    cache_free(apikey->cache);
    apikey->failures = NULL;
    apikey->cache = NULL;
}

static const sluice_option failure_options[] = {
    {.name = "capacity",
     .type = SLUICE_INT,
     .offset = offsetof(struct failing, capacity),
     .fallback = "20",
     .min = 1,
     .max = 1000000,
     .help = "failed attempts that an address has at once"},
    {.name = "refill",
     .type = SLUICE_RATE,
     .offset = offsetof(struct failing, refill),
     .fallback = "1/s",
     .min = 1,
     .max = 1000000,
     .help = "how fast they come back"},
};

static const sluice_option options[] = {
    {.name = "grace",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct apikey, grace),
     .fallback = "7d",
     .min = 0,
     .max = 3650 * DAY_MS,
     .help = "how long a key still works after it was rotated; 0: not at all"},
    {.name = "retention",
     .type = SLUICE_INT,
     .offset = offsetof(struct apikey, retention),
     .fallback = "2",
     .min = 1,
     .max = 100,
     .help = "keys that a client keeps when one is rotated, the new one included"},
    {.name = "open_registration",
     .type = SLUICE_BOOL,
     .offset = offsetof(struct apikey, open_registration),
     .fallback = "false",
     .help = "anyone may make a client; otherwise only an admin"},
    {.name = "accept_unprefixed",
     .type = SLUICE_BOOL,
     .offset = offsetof(struct apikey, accept_unprefixed),
     .fallback = "false",
     .help = "also take the classic server's keys: 43 characters without slc_"},
    {.name = "failures",
     .type = SLUICE_GROUP,
     .offset = offsetof(struct apikey, failing),
     .help = "failed attempts per address (IPv6: per /64) before 401 becomes 429, in each worker",
     .rows = failure_options,
     .row_count = sizeof failure_options / sizeof failure_options[0],
     .row_stride = sizeof failure_options[0]},
};

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "apikey",
        .version = "0.1.0",
        .summary = "clients, their API keys, and authentication by them",
        .self_size = sizeof(struct apikey),
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .option_stride = sizeof options[0],
        .configure = configure,
        .start = start,
        .stop = stop,
    };
    return &descriptor;
}
