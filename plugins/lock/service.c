/* lock/1: locks of the gateway itself, for other plugins (sluice/lock.h).
 *
 *   a step or an undo of another plugin -> the scripts, in a space that no client can have
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/check.h>

#include "lease.h"

/* The table is the first member of the plugin's configuration. */
static struct lock *lock_of(const sluice_lock *service)
{
    return (struct lock *)(uintptr_t)service;
}

/* A mistake of the calling plugin. */
static bool is_name(sluice_worker *worker, const char *name, const char *lock_id)
{
    if (sluice_is_name(name) && (!lock_id || sluice_is_name(lock_id)))
        return true;
    sluice_log(worker, SLUICE_LOG_ERROR,
               "a plugin asked for the lock \"%s\" with the lock id \"%s\"; both " SLUICE_NAME_RULE,
               name ? name : "", lock_id ? lock_id : "");
    return false;
}

static sluice_verdict refuse(sluice_request *req)
{
    return sluice_problem(req, 500, "internal_error", "the gateway could not answer this request");
}

static sluice_verdict acquire(const sluice_lock *service, sluice_request *req,
                              const sluice_wait *wait, const char *name, const char *lock_id,
                              int64_t ttl_ms)
{
    struct lock *lock = lock_of(service);
    struct lease lease;
    if (!is_name(sluice_worker_of(req), name, lock_id))
        return refuse(req);
    lease_open(req, lock, GATEWAY_SPACE, name, lock_id, &lease);
    lease.ttl_ms = ttl_ms;
    return lease_ask(req, *wait, &lease, false);
}

static sluice_verdict renew(const sluice_lock *service, sluice_request *req,
                            const sluice_wait *wait, const char *name, const char *lock_id,
                            int64_t ttl_ms)
{
    if (!is_name(sluice_worker_of(req), name, lock_id))
        return refuse(req);
    struct lock_keys keys = lock_keys(req, GATEWAY_SPACE, name);
    return sluice_run_as(req, *wait, lock_of(service)->renew, LOCK_KEY_COUNT, LOCK_KEYS(&keys),
                         lock_id, ttl_ms);
}

static sluice_verdict release(const sluice_lock *service, sluice_request *req,
                              const sluice_wait *wait, const char *name, const char *lock_id)
{
    if (!is_name(sluice_worker_of(req), name, lock_id))
        return refuse(req);
    struct lock_keys keys = lock_keys(req, GATEWAY_SPACE, name);
    return sluice_run_as(req, *wait, lock_of(service)->leave, LOCK_KEY_COUNT, LOCK_KEYS(&keys),
                         lock_id, "", true);
}

/* Without a request there is no memory but this: prefix and name have 128 bytes at most. */
static void give_back(const sluice_lock *service, sluice_worker *worker, const char *name,
                      const char *lock_id)
{
    char key[320], fence[328], queue[328], waiting[328];
    if (!is_name(worker, name, lock_id))
        return;
    (void)snprintf(key, sizeof key, "%slock:" GATEWAY_SPACE ":%s", sluice_prefix(worker), name);
    (void)snprintf(fence, sizeof fence, "%s:fence", key);
    (void)snprintf(queue, sizeof queue, "%s:q", key);
    (void)snprintf(waiting, sizeof waiting, "%s:w", key);
    sluice_worker_run(worker, lease_left, NULL, lock_of(service)->leave, LOCK_KEY_COUNT, key, fence,
                      queue, waiting, lock_id, "", true);
}

const sluice_lock lock_service = {
    .size = sizeof lock_service,
    .acquire = acquire,
    .renew = renew,
    .release = release,
    .give_back = give_back,
};
