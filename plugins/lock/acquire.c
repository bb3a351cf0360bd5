/* POST /v1/locks/{r}: takes a lock, and waits for it if it may.
 *
 *   acquire_lock -> try --acquire.lua--> tried -> 201, 423, 429
 *                    ^                     `--queued--> parked
 *                    `---- woken: called, or out of time ---'
 *
 * Who is called has a claim to the lock, which asking again turns into a lease. Asking again when
 * the time is over gives the place in the queue up, or takes the lock at the last moment.
 *
 * A client that hangs up while it waits leaves the queue, and what it is granted too late is given
 * back (lease.c). While Redis is away its place is kept: it asks again when Redis is back.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/json.h>

#include "lease.h"
#include "waiters.h"

static sluice_step tried, woken;

struct attempt {
    struct lease lease; /* first: the state that lease_undo expects */
    struct waiter waiter;
    int64_t until; /* monotonic ms: how long it may wait; 0: not at all */
    bool queued;   /* has, or may have, a place in the queue */
    bool granted;  /* has the lock, as it learnt when it had stopped waiting for that answer */
};

/* Runs when the request ends, in whatever way. Out of its line without having parted, the waiter has
 * outlived the worker's Redis. */
static void forget(void *what)
{
    struct attempt *attempt = what;
    if (!attempt->waiter.line)
        return;
    waiters_part(&attempt->waiter);
    if (attempt->queued || attempt->granted)
        lease_leave(&attempt->lease, attempt->granted);
}

/* The answer to a question that ran out of time. Who waits on asks again, and is told the same. */
static void answered_late(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct attempt *attempt = state;
    if (!attempt->waiter.line) {
        lease_undo(worker, state, reply);
        return;
    }
    attempt->granted |= lease_is_new(reply);
    attempt->queued |= lease_is(reply, "queued");
    waiters_call(&attempt->waiter);
}

static bool has_time(const struct attempt *attempt)
{
    return sluice_monotonic(attempt->lease.worker) < attempt->until;
}

static sluice_verdict try(sluice_request *req, struct attempt *attempt)
{
    sluice_wait wait = SLUICE_THEN(tried, attempt);
    bool waits = has_time(attempt);
    wait.undo = answered_late;
    if (attempt->until)
        wait.flags = SLUICE_END_ON_HANGUP;
    if (attempt->queued && waits)
        wait.flags |= SLUICE_TAKE_TROUBLE;
    return lease_ask(req, wait, &attempt->lease, waits);
}

static sluice_verdict ask_again(sluice_request *req, struct attempt *attempt)
{
    attempt->waiter.parked = false;
    attempt->waiter.called = false;
    return try(req, attempt);
}

static sluice_verdict park(sluice_request *req, struct attempt *attempt)
{
    if (attempt->waiter.called)
        return ask_again(req, attempt);
    sluice_wait wait = SLUICE_THEN(woken, attempt);
    wait.flags = SLUICE_END_ON_HANGUP | SLUICE_TAKE_TROUBLE;
    wait.timeout_ms = attempt->until - sluice_monotonic(attempt->lease.worker);
    if (wait.timeout_ms < 1)
        wait.timeout_ms = 1;
    attempt->waiter.parked = true;
    return sluice_park(req, wait, &attempt->waiter.token);
}

/* Called, or out of time, which is trouble. */
static sluice_verdict woken(sluice_request *req, void *state, const sluice_reply *call)
{
    (void)call;
    return ask_again(req, state);
}

/* A wait that takes trouble sees refusals of Redis, too: a script that can't run. */
static sluice_verdict failed(sluice_request *req, const sluice_reply *error)
{
    sluice_log(sluice_worker_of(req), SLUICE_LOG_ERROR, "acquire.lua failed: %s (request %s)",
               sluice_text(error), sluice_request_id(req));
    return sluice_problem(req, 500, "internal_error", "the gateway could not answer this request");
}

static sluice_verdict tried(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct attempt *attempt = state;
    const char *resource = attempt->lease.resource;
    if (sluice_is_trouble(reply))
        return park(req, attempt);
    if (sluice_is_error(reply))
        return failed(req, reply);
    if (lease_is(reply, "queued")) {
        attempt->queued = true;
        waiters_look_in(&attempt->waiter, sluice_int(sluice_at(reply, 2)));
        return park(req, attempt);
    }
    if (lease_is_granted(reply)) /* the others here need not find out by themselves when it ends */
        waiters_look_in(&attempt->waiter, attempt->lease.ttl_ms);
    waiters_part(&attempt->waiter);
    if (lease_is_granted(reply))
        return answer_lease(req, 201, resource, reply);
    return answer_refused(req, resource, reply);
}

static sluice_verdict wait_for(sluice_request *req, struct attempt *attempt, int64_t wait_ms)
{
    struct waiters *waiters = attempt->lease.lock->waiters;
    attempt->until = sluice_monotonic(attempt->lease.worker) + wait_ms;
    if (!waiters_join(waiters, &attempt->waiter, &attempt->lease))
        return sluice_problem(req, 503, "store_unavailable",
                              "the gateway has no memory for one more that waits; try again");
    sluice_defer(req, forget, attempt);
    return try(req, attempt);
}

sluice_verdict acquire_lock(sluice_request *req, void *self, const sluice_reply *none)
{
    struct attempt *attempt = sluice_new(req, struct attempt);
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *resource = sluice_take_path_name(&in, "r");
    int64_t ttl_ms = sluice_take_int(&in, "ttlMs", 1, TTL_MAX_MS);
    int64_t wait_ms = sluice_optional_int(&in, "waitMs", 0, WAIT_MAX_MS, 0);
    const char *owner = sluice_optional_text(&in, "owner", 0, OWNER_MAX, "");
    const char *id = sluice_optional_name(&in, "lockId", NULL);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    lease_open(req, self, lease_space(req), resource, id, &attempt->lease);
    attempt->lease.ttl_ms = ttl_ms;
    attempt->lease.owner = owner;
    return wait_ms > 0 ? wait_for(req, attempt, wait_ms) : try(req, attempt);
}
