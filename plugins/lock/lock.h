/* lock: what its files have in common.
 *
 *   lock.c      routes, scripts, life cycle
 *   lease.c     one lock in Redis: its keys, taking it, giving it up
 *   waiters.c   those who wait at this worker: called, kept alive
 *   acquire.c   POST /v1/locks/{r}
 *   several.c   POST /v1/locks
 *   holder.c    renew, release, inspect, check a fence
 *   classic.c   POST /resource/update/{id}
 *   service.c   lock/1, for other plugins
 *   answer.c    leases as JSON, refusals
 *
 * SPDX-License-Identifier: MIT */
#ifndef LOCK_H
#define LOCK_H

#include <sluice/lock.h>
#include <sluice/plugin.h>

#define TTL_MAX_MS 86400000
#define WAIT_MAX_MS 30000
#define OWNER_MAX 256                /* bytes */
#define FENCE_MAX (INT64_C(1) << 53) /* Lua counts in doubles */
#define WAITERS_MAX 1000             /* of one lock */

struct lease;
struct waiters;

struct lock {
    sluice_lock service; /* first: a service's caller hands it back */
    const sluice_script *acquire, *leave, *renew, *look, *tend;

    /* Made in each worker. */
    struct waiters *waiters;
    char name[33];    /* of this worker, in hex: no other has it */
    uint64_t tickets; /* that it gave out */
};

/* acquire.c, several.c */
sluice_step acquire_lock, acquire_several;

/* holder.c */
sluice_step renew_lock, release_lock, show_lock, check_fence;

/* classic.c */
sluice_step update_resource;

/* service.c */
extern const sluice_lock lock_service;

/* answer.c: a reply is that of a script, as the script documents it. */
SLUICE_MUST_RETURN sluice_verdict answer_lease(sluice_request *req, uint32_t status,
                                               const char *resource, const sluice_reply *lease);
sluice_arg answer_object(sluice_request *req, const char *resource, const sluice_reply *lease);
/* 423 for {"held", ...}, 429 for {"full", ...}. */
SLUICE_MUST_RETURN sluice_verdict answer_refused(sluice_request *req, const char *resource,
                                                 const sluice_reply *refusal);
const char *answer_time(sluice_request *req, int64_t ms); /* RFC 3339 */

#endif
