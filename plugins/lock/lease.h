/* One lock in Redis: its keys, taking it, giving it up.
 *
 *   lease_open -> lease_acquire --reply--> the caller's step
 *                     `--reply after the request's end--> lease_undo -> leave.lua
 *
 * A lock is named by space and resource. Spaces of clients are names, which hold no colon: the
 * space ":" is the gateway's own.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LOCK_LEASE_H
#define LOCK_LEASE_H

#include <sluice/plugin.h>

#include "lock.h"

#define GATEWAY_SPACE ":"

/* The keys of a lock, as the scripts take them. */
struct lock_keys {
    const char *lock, *fence, *queue, *waiting;
};
#define LOCK_KEY_COUNT 4
#define LOCK_KEYS(keys) (keys)->lock, (keys)->fence, (keys)->queue, (keys)->waiting

/* What a request has of a lock, or wants. In the request's memory. */
struct lease {
    struct lock *lock;
    sluice_worker *worker;
    const char *resource;
    struct lock_keys keys;
    const char *id;     /* the lockId: who knows it may renew and release */
    const char *ticket; /* names this very attempt */
    const char *owner;  /* "" for none */
    int64_t ttl_ms;
};

struct lock_keys lock_keys(sluice_request *req, const char *space, const char *resource);

/* The space of who asks; "" where the configuration lets anybody in. */
const char *lease_space(sluice_request *req);

/* `id` NULL: one that nobody can guess. */
void lease_open(sluice_request *req, struct lock *lock, const char *space, const char *resource,
                const char *id, struct lease *ret_lease);

/* Runs acquire.lua, whose reply goes to wait->then. A grant that comes after the end of the request
 * is taken back by itself: the wait's state must be the lease, or begin with it. */
SLUICE_MUST_RETURN sluice_verdict lease_acquire(sluice_request *req, sluice_wait wait,
                                                const struct lease *lease, bool wants_place);

/* The undo of lease_acquire: its state is the lease. */
sluice_worker_step lease_undo;

/* The same with the wait's own undo, and whatever state. */
SLUICE_MUST_RETURN sluice_verdict lease_ask(sluice_request *req, sluice_wait wait,
                                            const struct lease *lease, bool wants_place);

/* Runs leave.lua, which gives up what this attempt brought: with `lock_too` the lock as well, else
 * only a place in the queue and a claim. */
void lease_leave(const struct lease *lease, bool lock_too);

/* As a step of a request; the reply is 1, or 0 when there was no lock to give up. */
SLUICE_MUST_RETURN sluice_verdict lease_release(sluice_request *req, sluice_wait wait,
                                                const struct lease *lease);

bool lease_is_granted(const sluice_reply *reply); /* now, or before */
bool lease_is_new(const sluice_reply *reply);     /* now: not by an earlier acquire */
bool lease_is(const sluice_reply *reply, const char *status);

/* For whoever runs leave.lua from outside a request: says what went wrong. */
sluice_worker_step lease_left;

#endif
