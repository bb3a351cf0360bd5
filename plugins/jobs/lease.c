/* Remote workers lease jobs over HTTP.
 *
 *   lease_jobs -> ask --reserve.lua--> reserved -> 200 {jobs}
 *                  ^                      `- none yet -> parked -> called, or time to look -> ask ...
 *
 * A lease is <id>.<epoch>.<128 random bits>: who has it, and nobody else, can end the job. One that
 * was granted to a request whose client has gone is given back, and costs nothing.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/hex.h>
#include <sluice/json.h>

#include "caller.h"
#include "job_json.h"
#include "jobs.h"
#include "polls.h"
#include "store.h"

#define JOBS_MAX 100
#define WAIT_MAX_MS 30000
#define LOOK_MS 5000 /* a poll looks by itself so often: a message may be lost */
#define SECRET_SIZE 33

static sluice_step reserved, called;
static sluice_worker_step give_back, gave_back;

struct lease {
    struct poll poll;
    const struct queue_keys *keys;
    int64_t max, lease_ms;
    int64_t until; /* monotonic ms: how long to wait */
    char secret[SECRET_SIZE];
};

/* ---- Asking ------------------------------------------------------------------------------- */

static void write_secret(sluice_request *req, char ret_secret[SECRET_SIZE])
{
    unsigned char bytes[(SECRET_SIZE - 1) / 2];
    sluice_random(sluice_worker_of(req), bytes, sizeof bytes);
    sluice_hex(bytes, sizeof bytes, ret_secret);
}

static sluice_verdict ask(sluice_request *req, struct lease *lease)
{
    const struct jobs *jobs = sluice_self(req);
    struct call call = call_new(req, lease->keys, 6);
    lease->poll.parked = false;
    lease->poll.called = false;
    call_int(&call, lease->max);
    call_int(&call, lease->lease_ms);
    call_int(&call, jobs->lost);
    call_text(&call, lease->secret);
    call_text(&call, caller_client(req));
    call_int(&call, caller_is_self_made(req));
    sluice_wait wait = SLUICE_THEN(reserved, lease);
    wait.flags = SLUICE_END_ON_HANGUP;
    wait.undo = give_back;
    return call_run(req, wait, jobs->reserve, &call);
}

static void leave(void *lease)
{
    poll_leave(&((struct lease *)lease)->poll);
}

sluice_verdict lease_jobs(sluice_request *req, void *self, const sluice_reply *none)
{
    struct jobs *jobs = self;
    struct lease *lease = sluice_new(req, struct lease);
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *queue = queue_take(&in);
    int64_t wait = sluice_optional_int(&in, "waitMs", 0, WAIT_MAX_MS, 0);
    lease->max = sluice_optional_int(&in, "max", 1, JOBS_MAX, 1);
    lease->lease_ms = sluice_optional_int(&in, "leaseMs", LEASE_MIN_MS, LEASE_MAX_MS, jobs->lease);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (!caller_may_work(req, queue))
        return sluice_problem(req, 403, "forbidden",
                              "this needs the scope jobs:work, or jobs:work:<queue>");
    lease->keys = queue_keys_of(req, queue);
    lease->until = sluice_monotonic(sluice_worker_of(req)) + wait;
    write_secret(req, lease->secret);
    if (wait) {
        poll_enter(jobs->polls, &lease->poll, lease->keys->queue);
        sluice_defer(req, leave, lease);
    }
    return ask(req, lease);
}

/* ---- Answering ---------------------------------------------------------------------------- */

/* A job as reserve.lua returns it. */
enum { ID, EPOCH, TYPE, PAYLOAD, ATTEMPT = 6 };

static sluice_arg job_leased(sluice_request *req, const struct lease *lease,
                             const sluice_reply *job, int64_t now)
{
    const char *token = sluice_concat(req, sluice_at(job, ID), ".", sluice_at(job, EPOCH), ".",
                                      (const char *)lease->secret);
    return sluice_object(req, "lease", token, "id", sluice_at(job, ID), "attempt",
                         sluice_int(sluice_at(job, ATTEMPT)), "type", sluice_at(job, TYPE),
                         "payload", sluice_raw_json(sluice_text_bytes(sluice_at(job, PAYLOAD))),
                         "deadline", job_time(req, now + lease->lease_ms));
}

static sluice_verdict answer(sluice_request *req, struct lease *lease, const sluice_reply *reply)
{
    const sluice_reply *jobs = sluice_at(reply, 5);
    struct polls *polls = lease->poll.polls;
    int64_t now = sluice_int(sluice_at(reply, 0));
    sluice_list *list = sluice_list_new(req);
    for (uint64_t i = 0; i < sluice_length(jobs); i++)
        sluice_push(req, list, job_leased(req, lease, sluice_at(jobs, i), now));
    poll_leave(&lease->poll);
    if (polls && sluice_int(sluice_at(reply, 3)) > 0)
        polls_call(polls, lease->keys->queue);
    return sluice_json(req, 200, "jobs", list);
}

/* ---- Waiting ------------------------------------------------------------------------------ */

static int64_t sooner(int64_t wait, int64_t now, int64_t due)
{
    if (due < 0 || due - now > wait)
        return wait;
    return due > now ? due - now : 1;
}

static sluice_verdict park(sluice_request *req, struct lease *lease, const sluice_reply *reply)
{
    int64_t now = sluice_int(sluice_at(reply, 0));
    sluice_wait wait = SLUICE_THEN(called, lease);
    wait.flags = SLUICE_END_ON_HANGUP | SLUICE_TAKE_TROUBLE;
    wait.timeout_ms = lease->until - sluice_monotonic(sluice_worker_of(req));
    wait.timeout_ms = wait.timeout_ms < LOOK_MS ? wait.timeout_ms : LOOK_MS;
    wait.timeout_ms = sooner(wait.timeout_ms, now, sluice_int(sluice_at(reply, 1)));
    wait.timeout_ms = sooner(wait.timeout_ms, now, sluice_int(sluice_at(reply, 2)));
    lease->poll.parked = true;
    return sluice_park(req, wait, &lease->poll.token);
}

/* By a message, or because it is time to look, which is trouble. */
static sluice_verdict called(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    return ask(req, state);
}

static sluice_verdict reserved(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct lease *lease = state;
    bool in_time = lease->poll.polls && lease->until > sluice_monotonic(sluice_worker_of(req));
    if (sluice_type(reply) != SLUICE_REPLY_ARRAY)
        return sluice_problem(req, 403, "not_a_worker", "this client may not work on this queue");
    if (sluice_length(sluice_at(reply, 5)) > 0 || !in_time)
        return answer(req, lease, reply);
    return lease->poll.called ? ask(req, lease) : park(req, lease, reply);
}

/* ---- Given to nobody ------------------------------------------------------------------------ */

static void give_back(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    const struct lease *lease = state;
    const struct jobs *jobs = sluice_worker_self(worker);
    const sluice_reply *granted = sluice_at(reply, 5);
    for (uint64_t i = 0; i < sluice_length(granted); i++) {
        char epoch[24 + SECRET_SIZE];
        sluice_arg args[CALL_ARGS + 6];
        struct call call;
        call_begin(&call, args, lease->keys);
        (void)snprintf(epoch, sizeof epoch, "%lld:%s",
                       (long long)sluice_int(sluice_at(sluice_at(granted, i), EPOCH)),
                       lease->secret);
        call_bytes(&call, sluice_text_bytes(sluice_at(sluice_at(granted, i), ID)));
        call_text(&call, epoch);
        call_text(&call, "free");
        call_text(&call, "");
        call_int(&call, 0);
        call_int(&call, jobs->crashes);
        worker->api->run(worker, gave_back, NULL, jobs->fail, CALL_KEYS, args, call.count,
                         sizeof args[0]);
    }
}

/* With trouble the lease runs out by itself. */
static void gave_back(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)state;
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_ERROR, "can't give a lease back: %s", sluice_text(reply));
}
