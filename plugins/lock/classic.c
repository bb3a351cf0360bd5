/* POST /resource/update/{id}: the classic demonstration of a lock.
 *
 *   update_resource --acquire.lua--> locked --INCR--> updated --leave.lua--> unlocked -> 200
 *                                      `-> 423
 *
 * The lock is the caller's own lock of that name: who holds it through /v1/locks/{id} keeps updates
 * away. However the request ends, the lock is given up: here before the answer, by `forget` after
 * any other end, by lease_undo when it was granted after the end.
 *
 * Keys: resource:<space>:<id>, the counter; the lock's own (common.lua).
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/input.h>

#include "lease.h"

#define UPDATE_MS 5000 /* longer than the store may take for both commands */

static sluice_step locked, updated, unlocked;

struct update {
    struct lease lease; /* first: the state that lease_undo expects */
    bool has_lock;
    int64_t value;
};

static void forget(void *what)
{
    const struct update *update = what;
    if (update->has_lock)
        lease_leave(&update->lease, true);
}

sluice_verdict update_resource(sluice_request *req, void *self, const sluice_reply *none)
{
    struct update *update = sluice_new(req, struct update);
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    lease_open(req, self, lease_space(req), id, NULL, &update->lease);
    update->lease.ttl_ms = UPDATE_MS;
    sluice_defer(req, forget, update);
    return lease_acquire(req, SLUICE_THEN(locked, update), &update->lease, false);
}

static sluice_verdict locked(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct update *update = state;
    const char *id = update->lease.resource;
    if (!lease_is_granted(reply))
        return answer_refused(req, id, reply);
    update->has_lock = true;
    return sluice_ask(req, updated, update, "INCR",
                      sluice_key(req, "resource:", lease_space(req), ":", id));
}

static sluice_verdict updated(sluice_request *req, void *state, const sluice_reply *value)
{
    struct update *update = state;
    update->value = sluice_int(value);
    return lease_release(req, SLUICE_THEN(unlocked, update), &update->lease);
}

static sluice_verdict unlocked(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct update *update = state;
    (void)reply;
    update->has_lock = false;
    return sluice_json(req, 200, "message", "Resource updated", "success", true, "value",
                       update->value);
}
