/* apikey: clients, their API keys, and who a request is by the key that it brings.
 *
 *   configure: scripts, routes, hook -> start: digest, tables, tracking -> requests -> stop
 *
 * SPDX-License-Identifier: MIT */
#include "apikey.h"

#include <stddef.h>
#include <string.h>

#include <sluice/plugin.h>

#include "cache.h"
#include "create.lua.h"
#include "list.lua.h"
#include "look.lua.h"
#include "make.lua.h"
#include "patch.lua.h"
#include "remove.lua.h"
#include "revoke.lua.h"
#include "rotate.lua.h"
#include "used.lua.h"
#include "withdraw.lua.h"

static const sluice_hook hooks[] = {
    {SLUICE_AUTHENTICATE, 0, SLUICE_STEP(apikey_authenticate)},
};

static const sluice_route routes[] = {
    {"POST", "/clients/rotateKey/{id}", SLUICE_STEP(rotate_key), "self", NULL, 0, SLUICE_CLASSIC,
     0},
    {"GET", "/clients/client/{id}", SLUICE_STEP(show_client), "self", NULL, 0, SLUICE_CLASSIC, 0},
    {"POST", "/v1/clients", SLUICE_STEP(v1_create_client), "admin", NULL, 0, 0, 0},
    {"GET", "/v1/clients", SLUICE_STEP(v1_list_clients), "admin", NULL, 0, 0, 0},
    {"GET", "/v1/clients/{id}", SLUICE_STEP(v1_show_client), "self", NULL, 0, 0, 0},
    {"PATCH", "/v1/clients/{id}", SLUICE_STEP(v1_patch_client), "admin", NULL, 0, 0, 0},
    {"DELETE", "/v1/clients/{id}", SLUICE_STEP(v1_delete_client), "admin", NULL, 0, 0, 0},
    {"POST", "/v1/clients/{id}/keys", SLUICE_STEP(v1_make_key), "self", NULL, 0, 0, 0},
    {"GET", "/v1/clients/{id}/keys", SLUICE_STEP(v1_list_keys), "self", NULL, 0, 0, 0},
    {"POST", "/v1/clients/{id}/keys/{kid}/rotate", SLUICE_STEP(v1_rotate_key), "self", NULL, 0, 0,
     0},
    {"DELETE", "/v1/clients/{id}/keys/{kid}", SLUICE_STEP(v1_revoke_key), "self", NULL, 0, 0, 0},
    {"POST", "/v1/keys/verify", SLUICE_STEP(v1_verify_key), "admin,scope:keys:verify", NULL, 0, 0,
     0},
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

static void add_scripts(sluice_host *host, struct scripts *scripts)
{
    scripts->create = sluice_add_script(host, "create", create_lua);
    scripts->withdraw = sluice_add_script(host, "withdraw", withdraw_lua);
    scripts->patch = sluice_add_script(host, "patch", patch_lua);
    scripts->remove = sluice_add_script(host, "remove", remove_lua);
    scripts->make = sluice_add_script(host, "make", make_lua);
    scripts->rotate = sluice_add_script(host, "rotate", rotate_lua);
    scripts->revoke = sluice_add_script(host, "revoke", revoke_lua);
    scripts->list = sluice_add_script(host, "list", list_lua);
    scripts->look = sluice_add_script(host, "look", look_lua);
    scripts->used = sluice_add_script(host, "used", used_lua);
}

static int32_t configure(sluice_host *host, void *self)
{
    struct apikey *apikey = self;
    add_scripts(host, &apikey->scripts);
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
    if (!hasher_init(&apikey->hasher) || !apikey->failures || !apikey->cache) {
        sluice_log(worker, SLUICE_LOG_ERROR,
                   "can't start: there is no SHA-256 in OpenSSL's configuration, or no memory");
        return -1;
    }
    cache_track(apikey->cache, worker);
    return 0;
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
     .max = GRACE_MAX_MS,
     .help = "how long a key still works after it was rotated; 0: not at all"},
    {.name = "retention",
     .type = SLUICE_INT,
     .offset = offsetof(struct apikey, retention),
     .fallback = "2",
     .min = 1,
     .max = 100,
     .help = "keys that a line of a client keeps when one is rotated, the new one included"},
    {.name = "keys_max",
     .type = SLUICE_INT,
     .offset = offsetof(struct apikey, keys_max),
     .fallback = "100",
     .min = 1,
     .max = 1000,
     .help = "keys that a client can have at a time"},
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
