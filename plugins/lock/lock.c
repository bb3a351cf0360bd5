/* lock: leases on one Redis, with fences and a fair queue.
 *
 *   configure: scripts, routes, the service -> start: this worker's name, who waits here -> stop
 *
 * SPDX-License-Identifier: MIT */
#include "lock.h"

#include <string.h>

#include <sluice/hex.h>

#include "acquire.lua.h"
#include "leave.lua.h"
#include "look.lua.h"
#include "renew.lua.h"
#include "tend.lua.h"
#include "waiters.h"

static const sluice_route routes[] = {
    {"POST", "/v1/locks", SLUICE_STEP(acquire_several), "client", NULL, 0, 0, 0},
    {"POST", "/v1/locks/{r}", SLUICE_STEP(acquire_lock), "client", NULL, 0, 0, 0},
    {"PUT", "/v1/locks/{r}", SLUICE_STEP(renew_lock), "client", NULL, 0, 0, 0},
    {"GET", "/v1/locks/{r}", SLUICE_STEP(show_lock), "client", NULL, 0, 0, 0},
    {"DELETE", "/v1/locks/{r}", SLUICE_STEP(release_lock), "client", NULL, 0, 0, 0},
    {"POST", "/v1/locks/{r}/release", SLUICE_STEP(release_lock), "client", NULL, 0, 0, 0},
    {"POST", "/v1/locks/{r}/check", SLUICE_STEP(check_fence), "client", NULL, 0, 0, 0},
    {"POST", "/resource/update/{id}", SLUICE_STEP(update_resource), "client", NULL, 0,
     SLUICE_CLASSIC, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    struct lock *lock = self;
    lock->acquire = sluice_add_script(host, "acquire", acquire_lua);
    lock->leave = sluice_add_script(host, "leave", leave_lua);
    lock->renew = sluice_add_script(host, "renew", renew_lua);
    lock->look = sluice_add_script(host, "look", look_lua);
    lock->tend = sluice_add_script(host, "tend", tend_lua);
    lock->service = lock_service;
    sluice_offer(host, SLUICE_LOCK, SLUICE_LOCK_VERSION, &lock->service);
    sluice_routes(host, routes);
    return 0;
}

static int32_t start(sluice_worker *worker, void *self)
{
    struct lock *lock = self;
    unsigned char bytes[(sizeof lock->name - 1) / 2];
    sluice_random(worker, bytes, sizeof bytes);
    sluice_hex(bytes, sizeof bytes, lock->name);
    lock->waiters = waiters_new(worker, lock->name, lock->tend);
    if (lock->waiters) {
        waiters_listen(lock->waiters);
        return 0;
    }
    sluice_log(worker, SLUICE_LOG_ERROR, "can't start: out of memory");
    return -1;
}

static void stop(sluice_worker *worker, void *self)
{
    struct lock *lock = self;
    (void)worker;
    waiters_free(lock->waiters);
    lock->waiters = NULL;
}

static const sluice_descriptor descriptor = {
    .size = sizeof descriptor,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "lock",
    .version = "0.1.0",
    .summary = "locks with fences and a fair queue",
    .self_size = sizeof(struct lock),
    .configure = configure,
    .start = start,
    .stop = stop,
};

const sluice_descriptor *sluice_plugin(void)
{
    return &descriptor;
}
