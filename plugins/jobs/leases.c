/* What remote workers do with their leases.
 *
 *   ack_lease    --ack.lua--> acked
 *   fail_lease   --HMGET backoff, attempt--> weighed --fail.lua--> failed
 *   renew_lease  --heartbeat.lua--> renewed       log_lease --log.lua--> noted
 *
 * Each answers 409 lease_lost when the lease has run out, was ended, or the job is another's now.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <sluice/json.h>

#include "caller.h"
#include "jobs.h"
#include "store.h"

#define ERROR_MAX 1000
#define LOG_LINES_MAX 100
#define LOG_LINE_MAX 1000

static sluice_step acked, weighed, failed, renewed, noted;

/* ---- Leases ------------------------------------------------------------------------------- */

struct holding {
    const char *id, *epoch; /* <epoch>:<secret> */
    const struct queue_keys *keys;
    const char *why;
    int64_t retry_after; /* ms; -1: by the job's backoff */
    bool dead;
};

/* <id>.<epoch>.<secret>, with both of the last read from the end. */
static bool split(sluice_request *req, const char *lease, struct holding *holding)
{
    size_t size = lease ? strlen(lease) + 1 : 0;
    char *text = lease ? memcpy(sluice_alloc(req, size), lease, size) : NULL;
    char *secret = text ? strrchr(text, '.') : NULL;
    if (!secret || strlen(secret + 1) != strspn(secret + 1, "0123456789abcdef"))
        return false;
    *secret = '\0';
    char *epoch = strrchr(text, '.');
    if (!epoch || epoch[1] == '\0' || strlen(epoch + 1) != strspn(epoch + 1, "0123456789"))
        return false;
    *epoch = '\0';
    const char *queue = job_id_queue(text);
    if (!queue)
        return false;
    holding->id = text;
    holding->epoch = sluice_concat(req, (const char *)epoch + 1, ":", (const char *)secret + 1);
    holding->keys = queue_keys_of(req, queue);
    return true;
}

/* NULL: the request is answered, with *ret_verdict. */
static struct holding *take_lease(sluice_request *req, sluice_verdict *ret_verdict)
{
    struct holding *holding = sluice_new(req, struct holding);
    if (!split(req, sluice_path(req, "lease"), holding))
        *ret_verdict = sluice_problem(req, 404, "lease_not_found", "this is no lease");
    else if (!caller_may_work(req, holding->keys->queue))
        *ret_verdict = sluice_problem(req, 403, "forbidden",
                                      "this needs the scope jobs:work, or jobs:work:<queue>");
    else
        return holding;
    return NULL;
}

static sluice_verdict lease_lost(sluice_request *req)
{
    return sluice_problem(req, 409, "lease_lost",
                          "this lease has ended: it ran out, or the job was ended with it");
}

static struct call begin(sluice_request *req, const struct holding *holding, uint64_t more)
{
    struct call call = call_new(req, holding->keys, 2 + more);
    call_text(&call, holding->id);
    call_text(&call, holding->epoch);
    return call;
}

/* ---- Done --------------------------------------------------------------------------------- */

sluice_verdict ack_lease(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    sluice_verdict verdict;
    sluice_reader in;
    struct holding *holding = take_lease(req, &verdict);
    char *result = NULL;
    (void)none;
    if (!holding)
        return verdict;
    if (sluice_body(req).len) {
        if (!sluice_read_json(req, &in, SLUICE_STRICT))
            return in.verdict;
        json_t *value = sluice_take_value(&in, "result");
        if (sluice_is_bad(&in))
            return sluice_refuse_input(&in);
        result = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        if (result)
            sluice_defer(req, free, result);
    }
    if (result && strlen(result) > (size_t)jobs->result_max)
        return sluice_problem(
            req, 413, "result_too_large",
            sluice_printf(req, "a job's result may have %lld bytes", (long long)jobs->result_max));
    struct call call = begin(req, holding, 3);
    call_text(&call, result);
    call_text(&call, ""); /* as the job says */
    call_int(&call, 1);   /* who knows: perhaps there is a log */
    return call_run(req, SLUICE_THEN(acked, holding), jobs->ack, &call);
}

static sluice_verdict acked(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state;
    return sluice_int(sluice_at(reply, 0)) ? sluice_respond_empty(req, 204) : lease_lost(req);
}

/* ---- Failed ------------------------------------------------------------------------------- */

sluice_verdict fail_lease(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_verdict verdict;
    sluice_reader in;
    struct holding *holding = take_lease(req, &verdict);
    (void)self, (void)none;
    if (!holding)
        return verdict;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    holding->why = sluice_take_text(&in, "error", 1, ERROR_MAX);
    holding->dead = sluice_optional_bool(&in, "dead", false);
    holding->retry_after = json_object_get(in.body, "retryAfterMs")
                               ? sluice_take_int(&in, "retryAfterMs", 0, BACKOFF_TIME_MAX_MS)
                               : -1;
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, weighed, holding, "HMGET", sluice_key(req, "job:", holding->id),
                      "backoff", "attempt");
}

static int64_t delay_of(sluice_request *req, const struct holding *holding,
                        const sluice_reply *fields)
{
    const struct jobs *jobs = sluice_self(req);
    struct backoff backoff;
    uint64_t random;
    int64_t attempt = sluice_int(sluice_at(fields, 1));
    if (holding->retry_after >= 0 || holding->dead)
        return holding->retry_after;
    if (!backoff_read(sluice_text(sluice_at(fields, 0)), &backoff))
        (void)backoff_read(jobs->backoff, &backoff); /* read once already */
    sluice_random(sluice_worker_of(req), &random, sizeof random);
    return backoff_delay(&backoff, attempt > 0 ? attempt : 1, random);
}

static sluice_verdict weighed(sluice_request *req, void *state, const sluice_reply *fields)
{
    const struct jobs *jobs = sluice_self(req);
    const struct holding *holding = state;
    struct call call = begin(req, holding, 4);
    call_text(&call, holding->dead ? "dead" : "failure");
    call_text(&call, holding->why);
    call_int(&call, delay_of(req, holding, fields));
    call_int(&call, jobs->crashes);
    return call_run(req, SLUICE_THEN(failed, state), jobs->fail, &call);
}

static sluice_verdict failed(sluice_request *req, void *state, const sluice_reply *outcome)
{
    (void)state;
    if (strcmp(sluice_text(outcome), "lost") == 0)
        return lease_lost(req);
    return sluice_json(req, 200, "state", outcome);
}

/* ---- Going on ----------------------------------------------------------------------------- */

sluice_verdict renew_lease(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    sluice_verdict verdict;
    sluice_reader in;
    struct holding *holding = take_lease(req, &verdict);
    (void)none;
    if (!holding)
        return verdict;
    if (sluice_body(req).len == 0)
        sluice_read_parameters(req, &in);
    else if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    int64_t lease = sluice_optional_int(&in, "leaseMs", LEASE_MIN_MS, LEASE_MAX_MS, jobs->lease);
    int64_t progress = sluice_optional_int(&in, "progress", 0, 100, -1);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct call call = begin(req, holding, 2);
    call_int(&call, lease);
    if (progress < 0)
        call_text(&call, "");
    else
        call_int(&call, progress);
    return call_run(req, SLUICE_THEN(renewed, holding), jobs->heartbeat, &call);
}

static sluice_verdict renewed(sluice_request *req, void *state, const sluice_reply *news)
{
    const char *word = sluice_text(sluice_at(news, 2));
    bool cancelling = strcmp(word, "cancelling") == 0;
    (void)state;
    if (strcmp(word, "lost") == 0)
        return lease_lost(req);
    return sluice_json(req, 200, "cancelling", cancelling);
}

sluice_verdict log_lease(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    sluice_verdict verdict;
    sluice_reader in;
    struct holding *holding = take_lease(req, &verdict);
    (void)none;
    if (!holding)
        return verdict;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    sluice_texts lines = sluice_optional_texts(&in, "lines", LOG_LINES_MAX, LOG_LINE_MAX);
    if (lines.count == 0 && in.error_count == 0)
        sluice_member_wrong(&in, "lines", "must have at least one");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct call call = begin(req, holding, lines.count);
    for (uint64_t i = 0; i < lines.count; i++)
        call_text(&call, lines.items[i]);
    return call_run(req, SLUICE_THEN(noted, holding), jobs->log, &call);
}

static sluice_verdict noted(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state;
    return sluice_int(reply) ? sluice_respond_empty(req, 204) : lease_lost(req);
}
