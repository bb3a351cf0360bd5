/* One lock in Redis: its keys, taking it, giving it up.
 *
 *   lease_acquire -> acquire.lua -> the request's step, or lease_undo -> leave.lua
 *
 * Invariant: what an attempt gives up carries its ticket. A retry with the same lockId has a ticket
 * of its own, so that the first try, given up late, does not take the lock from the second.
 *
 * SPDX-License-Identifier: MIT */
#include "lease.h"

#include <string.h>

#include <sluice/hex.h>

#include "waiters.h"

struct lock_keys lock_keys(sluice_request *req, const char *space, const char *resource)
{
    struct lock_keys keys;
    keys.lock = sluice_key(req, "lock:", space, ":", resource);
    keys.fence = sluice_concat(req, keys.lock, ":fence");
    keys.queue = sluice_concat(req, keys.lock, ":q");
    keys.waiting = sluice_concat(req, keys.lock, ":w");
    return keys;
}

const char *lease_space(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    return who && who->space ? who->space : "";
}

static const char *random_id(sluice_request *req)
{
    unsigned char bytes[16];
    char *hex = sluice_alloc(req, 2 * sizeof bytes + 1);
    sluice_random(sluice_worker_of(req), bytes, sizeof bytes);
    sluice_hex(bytes, sizeof bytes, hex);
    return hex;
}

void lease_open(sluice_request *req, struct lock *lock, const char *space, const char *resource,
                const char *id, struct lease *ret_lease)
{
    *ret_lease = (struct lease){
        .lock = lock,
        .worker = sluice_worker_of(req),
        .resource = resource,
        .keys = lock_keys(req, space, resource),
        .id = id ? sluice_concat(req, id) : random_id(req), /* an undo outlives the body */
        .ticket = sluice_printf(req, "%s.%llu", lock->name, (unsigned long long)++lock->tickets),
        .owner = "",
    };
}

bool lease_is(const sluice_reply *reply, const char *status)
{
    return strcmp(sluice_text(sluice_at(reply, 0)), status) == 0;
}

bool lease_is_new(const sluice_reply *reply)
{
    return lease_is(reply, "granted");
}

bool lease_is_granted(const sluice_reply *reply)
{
    return lease_is_new(reply) || lease_is(reply, "kept");
}

/* ---- Giving up ----------------------------------------------------------------------------- */

/* What is not given up ends by itself: a lock with its ttl, a claim after a second, a place in the
 * queue when its turn comes. */
void lease_left(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)state;
    if (sluice_is_error(reply) || sluice_is_trouble(reply))
        sluice_log(worker, sluice_is_error(reply) ? SLUICE_LOG_ERROR : SLUICE_LOG_WARN,
                   "a lock could not be given up and lasts for its ttl: %s", sluice_text(reply));
}

void lease_leave(const struct lease *lease, bool lock_too)
{
    sluice_worker_run(lease->worker, lease_left, NULL, lease->lock->leave, LOCK_KEY_COUNT,
                      LOCK_KEYS(&lease->keys), lease->id, lease->ticket, (_Bool)lock_too);
}

void lease_undo(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    const struct lease *lease = state;
    (void)worker;
    if (lease_is_new(reply) || lease_is(reply, "queued"))
        lease_leave(lease, lease_is_new(reply));
}

sluice_verdict lease_release(sluice_request *req, sluice_wait wait, const struct lease *lease)
{
    return sluice_run_as(req, wait, lease->lock->leave, LOCK_KEY_COUNT, LOCK_KEYS(&lease->keys),
                         lease->id, lease->ticket, true);
}

/* ---- Taking -------------------------------------------------------------------------------- */

sluice_verdict lease_ask(sluice_request *req, sluice_wait wait, const struct lease *lease,
                         bool wants_place)
{
    const struct lock *lock = lease->lock;
    return sluice_run_as(req, wait, lock->acquire, LOCK_KEY_COUNT, LOCK_KEYS(&lease->keys),
                         lease->id, lease->ticket, lease->ttl_ms, lease->owner, (_Bool)wants_place,
                         waiters_channel(lock->waiters), WAITER_LIVES_MS, WAITERS_MAX);
}

sluice_verdict lease_acquire(sluice_request *req, sluice_wait wait, const struct lease *lease,
                             bool wants_place)
{
    wait.undo = lease_undo;
    return lease_ask(req, wait, lease, wants_place);
}
