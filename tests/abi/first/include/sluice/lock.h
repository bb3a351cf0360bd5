/* The service lock/1: locks of the gateway itself, for other plugins.
 *
 *   static int32_t start(sluice_worker *worker, void *self)
 *   {
 *       struct cleaner *cleaner = self;
 *       cleaner->lock = sluice_service(worker, SLUICE_LOCK, SLUICE_LOCK_VERSION);
 *       return 0;                                       (NULL where the lock plugin is not loaded)
 *   }
 *
 *   static sluice_verdict clean(sluice_request *req, void *self, const sluice_reply *none)
 *   {
 *       const sluice_lock *lock = ((struct cleaner *)self)->lock;
 *       sluice_wait wait = SLUICE_THEN(locked, self);
 *       wait.undo = never_mind;
 *       return lock->acquire(lock, req, &wait, "cleaner", NULL, 30000);
 *   }
 *
 *   static sluice_verdict locked(sluice_request *req, void *self, const sluice_reply *lease)
 *   {
 *       if (!sluice_lock_granted(lease))
 *           return sluice_problem(req, 423, "locked", "somebody cleans already");
 *       ... sluice_lock_id(lease), sluice_lock_fence(lease) ...
 *   }
 *
 *   static void never_mind(sluice_worker *worker, void *self, const sluice_reply *lease)
 *   {
 *       const sluice_lock *lock = ((struct cleaner *)self)->lock;
 *       if (sluice_lock_granted(lease))
 *           lock->give_back(lock, worker, "cleaner", sluice_lock_id(lease));
 *   }
 *
 * A lock is a lease on one Redis: it ends with its ttl, also under a holder that went to sleep. Hand
 * the fence to whatever the lock protects, and let that refuse a smaller one than it has seen.
 *
 * Names are as SLUICE_NAME_RULE wants them, and can't meet those of clients' locks. Nobody waits in
 * a queue here; who finds a lock held asks again later.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOCK_H
#define SLUICE_LOCK_H

#include <string.h>

#include <sluice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_LOCK "lock"
#define SLUICE_LOCK_VERSION 1u

typedef struct sluice_lock sluice_lock;

/* Kept: as long as the generation. The first argument is the table itself. The functions that take
 * a request are asking functions: return their verdict. wait->then runs with
 *
 *   acquire   {"granted", lock id, fence, expires at (ms since 1970), ""}
 *             {"kept", ...} the same, when this lock id has the lock already; nothing is prolonged
 *             {"held", lock id, ms until the lock can be had}
 *   renew     {"renewed", lock id, fence, expires at, ""}, or {"lost", lock id}
 *   release   1, or 0 when the lock was lost before
 *
 * or, where the wait says so, with trouble. A name that is none is answered with 500 and logged. */
struct sluice_lock {
    uint32_t size; /* of the table */
    uint32_t reserved;
    /* `lock_id` NULL: one that nobody can guess. `ttl_ms` from 1 to 86,400,000. */
    sluice_verdict (*acquire)(const sluice_lock *lock, sluice_request *req, const sluice_wait *wait,
                              const char *name, const char *lock_id, int64_t ttl_ms);
    sluice_verdict (*renew)(const sluice_lock *lock, sluice_request *req, const sluice_wait *wait,
                            const char *name, const char *lock_id, int64_t ttl_ms);
    sluice_verdict (*release)(const sluice_lock *lock, sluice_request *req, const sluice_wait *wait,
                              const char *name, const char *lock_id);
    /* Outside a request: in an undo, a cleanup, a timer. What fails is logged. */
    void (*give_back)(const sluice_lock *lock, sluice_worker *worker, const char *name,
                      const char *lock_id);
};

/* Of a reply to acquire. */
static inline bool sluice_lock_granted(const sluice_reply *lease)
{
    const char *status = sluice_text(sluice_at(lease, 0));
    return strcmp(status, "granted") == 0 || strcmp(status, "kept") == 0;
}

/* Borrowed until the step returns. */
static inline const char *sluice_lock_id(const sluice_reply *lease)
{
    return sluice_text(sluice_at(lease, 1));
}

static inline int64_t sluice_lock_fence(const sluice_reply *lease)
{
    return sluice_int(sluice_at(lease, 2));
}

#ifdef __cplusplus
}
#endif
#endif
