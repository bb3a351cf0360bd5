/* What the holder of a lock does with it, and what others may know of it.
 *
 *   renew_lock   --renew.lua--> renewed     PUT /v1/locks/{r}
 *   release_lock --leave.lua--> released    POST /v1/locks/{r}/release, DELETE /v1/locks/{r}?lockId=
 *   show_lock    --look.lua---> shown       GET /v1/locks/{r}
 *   check_fence  --GET--------> checked     POST /v1/locks/{r}/check
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/json.h>

#include "lease.h"

static sluice_step renewed, released, shown, checked;

static sluice_verdict not_holder(sluice_request *req)
{
    return sluice_problem(req, 409, "not_holder",
                          "this lockId does not hold the lock: it ran out, was released, or is "
                          "another's; nothing was changed");
}

/* ---- Renew --------------------------------------------------------------------------------- */

sluice_verdict renew_lock(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct lock *lock = self;
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *resource = sluice_take_path_name(&in, "r");
    const char *id = sluice_take_name(&in, "lockId");
    int64_t ttl_ms = sluice_take_int(&in, "ttlMs", 1, TTL_MAX_MS);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct lock_keys keys = lock_keys(req, lease_space(req), resource);
    return sluice_run(req, renewed, NULL, lock->renew, LOCK_KEY_COUNT, LOCK_KEYS(&keys), id,
                      ttl_ms);
}

static sluice_verdict renewed(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state;
    if (lease_is(reply, "lost"))
        return not_holder(req);
    return answer_lease(req, 200, sluice_path(req, "r"), reply);
}

/* ---- Release ------------------------------------------------------------------------------- */

static const char *take_id(sluice_reader *in)
{
    const char *id = sluice_query(in->req, "lockId");
    if (sluice_is_name(id))
        return id;
    sluice_parameter_wrong(in, "lockId", id ? SLUICE_NAME_RULE : "is missing");
    return NULL;
}

sluice_verdict release_lock(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct lock *lock = self;
    bool posted = strcmp(sluice_method(req), "POST") == 0;
    sluice_reader in;
    (void)none;
    if (!posted)
        sluice_read_parameters(req, &in);
    else if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *resource = sluice_take_path_name(&in, "r");
    const char *id = posted ? sluice_take_name(&in, "lockId") : take_id(&in);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct lock_keys keys = lock_keys(req, lease_space(req), resource);
    return sluice_run(req, released, NULL, lock->leave, LOCK_KEY_COUNT, LOCK_KEYS(&keys), id, "",
                      true);
}

static sluice_verdict released(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state;
    return sluice_int(reply) ? sluice_respond_empty(req, 204) : not_holder(req);
}

/* ---- Inspect ------------------------------------------------------------------------------- */

sluice_verdict show_lock(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct lock *lock = self;
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *resource = sluice_take_path_name(&in, "r");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct lock_keys keys = lock_keys(req, lease_space(req), resource);
    return sluice_run(req, shown, NULL, lock->look, LOCK_KEY_COUNT, LOCK_KEYS(&keys));
}

static sluice_verdict shown(sluice_request *req, void *state, const sluice_reply *lease)
{
    (void)state;
    if (sluice_is_nil(lease))
        return sluice_problem(req, 404, "lock_not_found", "nobody holds this lock");
    const char *owner = sluice_text(sluice_at(lease, 2));
    return sluice_json(req, 200, "resource", sluice_path(req, "r"), "fence",
                       sluice_int(sluice_at(lease, 0)), "owner", *owner ? owner : NULL, "expiresAt",
                       answer_time(req, sluice_int(sluice_at(lease, 1))), "waiting",
                       sluice_int(sluice_at(lease, 3)));
}

/* ---- Check a fence ------------------------------------------------------------------------- */

struct check {
    const char *resource;
    int64_t fence;
};

sluice_verdict check_fence(sluice_request *req, void *self, const sluice_reply *none)
{
    struct check *check = sluice_new(req, struct check);
    sluice_reader in;
    (void)self, (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    check->resource = sluice_take_path_name(&in, "r");
    check->fence = sluice_take_int(&in, "fence", 1, FENCE_MAX);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct lock_keys keys = lock_keys(req, lease_space(req), check->resource);
    return sluice_ask(req, checked, check, "GET", keys.fence);
}

static sluice_verdict checked(sluice_request *req, void *state, const sluice_reply *newest)
{
    const struct check *check = state;
    if (sluice_is_nil(newest))
        return sluice_problem(req, 412, "stale_fence",
                              "no fence of this lock is on record; acquire it again");
    if (sluice_int(newest) > check->fence)
        return sluice_problem(req, 412, "stale_fence",
                              "a newer fence was handed out: somebody else has held the lock "
                              "since; drop the work that carries this one");
    return sluice_json(req, 200, "resource", check->resource, "fence", check->fence);
}
