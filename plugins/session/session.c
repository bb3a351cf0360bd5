/* session: users' sessions, kept in Redis, and who a request is by the one that it brings.
 *
 *   configure: scripts, routes, hooks -> start: digest, failures -> requests -> stop
 *
 * SPDX-License-Identifier: MIT */
#include "session.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/plugin.h>

#include "create.lua.h"
#include "destroy.lua.h"
#include "list.lua.h"
#include "look.h"
#include "origin.h"
#include "patch.lua.h"
#include "revoke.lua.h"
#include "rotate.lua.h"
#include "touch.lua.h"

static const sluice_hook hooks[] = {
    {SLUICE_AUTHENTICATE, 0, SLUICE_STEP(session_authenticate)},
    {SLUICE_BEFORE, 0, SLUICE_STEP(session_guard)},
};

static const sluice_route routes[] = {
    {"POST", "/session/create", SLUICE_STEP(create_session), "client", NULL, 0, SLUICE_CLASSIC, 0},
    {"GET", "/session/get", SLUICE_STEP(show_session), "session", NULL, 0, SLUICE_CLASSIC, 0},
    {"DELETE", "/session/delete", SLUICE_STEP(delete_session), "session", NULL, 0, SLUICE_CLASSIC,
     0},
    {"POST", "/v1/sessions", SLUICE_STEP(v1_create_session), "client", NULL, 0, 0, 0},
    {"GET", "/v1/sessions/current", SLUICE_STEP(v1_show_session), "session", NULL, 0, 0, 0},
    {"PATCH", "/v1/sessions/current", SLUICE_STEP(v1_patch_session), "session", NULL, 0, 0, 0},
    {"DELETE", "/v1/sessions/current", SLUICE_STEP(v1_delete_session), "session", NULL, 0, 0, 0},
    {"POST", "/v1/sessions/current/rotate", SLUICE_STEP(v1_rotate_session), "session", NULL, 0, 0,
     0},
    {"GET", "/v1/users/{id}/sessions", SLUICE_STEP(v1_list_sessions), "client,session", NULL, 0, 0,
     0},
    {"DELETE", "/v1/users/{id}/sessions", SLUICE_STEP(v1_revoke_sessions), "client,session", NULL,
     0, 0, 0},
};

static void add_scripts(sluice_host *host, struct session *session)
{
    session->create = sluice_add_script(host, "create", create_lua);
    session->touch = sluice_add_script(host, "touch", touch_lua);
    session->patch = sluice_add_script(host, "patch", patch_lua);
    session->rotate = sluice_add_script(host, "rotate", rotate_lua);
    session->destroy = sluice_add_script(host, "destroy", destroy_lua);
    session->list = sluice_add_script(host, "list", list_lua);
    session->revoke = sluice_add_script(host, "revoke", revoke_lua);
}

static int32_t check(sluice_host *host, const struct session *session)
{
    for (uint64_t i = 0; i < session->origins.count; i++) {
        if (origin_is_whole(session->origins.items[i]))
            continue;
        sluice_refuse(host, "origins",
                      "\"%s\" is no origin: expected a scheme and a host, and a port where it is "
                      "not the scheme's own, like https://app.example.com",
                      session->origins.items[i]);
        return -1;
    }
    if (session->absolute >= session->idle)
        return 0;
    sluice_refuse(host, "absolute",
                  "a session can't end before it is idle for long enough: expected "
                  "at least the value of idle, %lld ms",
                  (long long)session->idle);
    return -1;
}

static int32_t configure(sluice_host *host, void *self)
{
    struct session *session = self;
    if (check(host, session) < 0)
        return -1;
    session->visits = sluice_host_alloc(host, sizeof *session->visits);
    add_scripts(host, session);
    sluice_hooks(host, hooks);
    sluice_routes(host, routes);
    sluice_provide(host, SLUICE_IDENTITY_SESSION);
    return 0;
}

static int32_t start(sluice_worker *worker, void *self)
{
    struct session *session = self;
    uint64_t seed;
    sluice_random(worker, &seed, sizeof seed);
    session->failures = failures_new(session->failing.capacity, session->failing.refill, seed);
    session->looks = look_batch(worker);
    if (asprintf(&session->indexes, "%suser:", sluice_prefix(worker)) < 0)
        session->indexes = NULL;
    if (hasher_init(&session->hasher) && session->failures && session->looks && session->indexes)
        return 0;
    sluice_log(worker, SLUICE_LOG_ERROR,
               "can't start: there is no SHA-256 in OpenSSL's configuration, or no memory");
    return -1;
}

static void stop(sluice_worker *worker, void *self)
{
    struct session *session = self;
    (void)worker;
    hasher_release(&session->hasher);
    failures_free(session->failures);
    batch_free(session->looks);
    free(session->indexes);
    session->failures = NULL;
    session->looks = NULL;
    session->indexes = NULL;
}

static const sluice_option cookie_options[] = {
    {.name = "insecure",
     .type = SLUICE_BOOL,
     .offset = offsetof(struct session, insecure),
     .fallback = "false",
     .help = "name the cookie sid instead of __Host-sid and leave Secure away, so that browsers "
             "take it over plain HTTP: for development only"},
};

static const sluice_option failure_options[] = {
    {.name = "capacity",
     .type = SLUICE_INT,
     .offset = offsetof(struct session, failing.capacity),
     .fallback = "20",
     .min = 1,
     .max = 1000000,
     .help = "unknown ids that an address may send at once"},
    {.name = "refill",
     .type = SLUICE_RATE,
     .offset = offsetof(struct session, failing.refill),
     .fallback = "1/s",
     .min = 1,
     .max = 1000000,
     .help = "how fast they come back"},
};

static const sluice_option options[] = {
    {.name = "idle",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct session, idle),
     .fallback = "30m",
     .min = 100,
     .max = INT64_C(365) * 86400000,
     .help = "how long a session lasts after its last use"},
    {.name = "absolute",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct session, absolute),
     .fallback = "24h",
     .min = 100,
     .max = INT64_C(3650) * 86400000,
     .help = "how long a session lasts however much it is used"},
    {.name = "sessions_max",
     .type = SLUICE_INT,
     .offset = offsetof(struct session, sessions_max),
     .fallback = "1000",
     .min = 1,
     .max = 10000,
     .help = "sessions that a user can have at a time"},
    {.name = "data_max",
     .type = SLUICE_SIZE,
     .offset = offsetof(struct session, data_max),
     .fallback = "64k",
     .min = 0,
     .max = 1048576,
     .help = "the most that the data of a session may take, as JSON text"},
    {.name = "data_depth",
     .type = SLUICE_INT,
     .offset = offsetof(struct session, data_depth),
     .fallback = "16",
     .min = 1,
     .max = 31,
     .help = "how deeply it may be nested; 1: no objects or arrays in it"},
    {.name = "cookie",
     .type = SLUICE_GROUP,
     .help = "the cookie that carries a session id",
     .rows = cookie_options,
     .row_count = sizeof cookie_options / sizeof cookie_options[0],
     .row_stride = sizeof cookie_options[0]},
    {.name = "origins",
     .type = SLUICE_TEXTS,
     .offset = offsetof(struct session, origins),
     .help = "origins besides the gateway's own whose pages may write with a session cookie, like "
             "https://app.example.com"},
    {.name = "writable",
     .type = SLUICE_TEXTS,
     .offset = offsetof(struct session, writable),
     .fallback = "[\"*\"]",
     .help = "members of the data that a session may write without a client's key; \"*\": all that "
             "no key has written"},
    {.name = "failures",
     .type = SLUICE_GROUP,
     .help = "unknown ids per address (IPv6: per /64) before 401 becomes 429, in each worker",
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
        .name = "session",
        .version = "0.1.0",
        .summary = "users' sessions, and authentication by them",
        .self_size = sizeof(struct session),
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .option_stride = sizeof options[0],
        .configure = configure,
        .start = start,
        .stop = stop,
    };
    return &descriptor;
}
