/* Jobs come: one, many at once, or the classic way.
 *
 *   create_classic --intake--> created_classic -> 200
 *   create_one     --intake--> created_one     -> 201, for the same job again as well
 *   create_batch   -> a queue after the other, 100 jobs a call --> stored -> ... -> 200
 *
 * With an Idempotency-Key a job's id is made from client, queue and key, so that the job itself is
 * the record of its having been asked for: nothing else can be lost or expire before it.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/json.h>

#include "caller.h"
#include "intake.h"
#include "jobs.h"
#include "spec.h"
#include "store.h"

#define KEY_MAX 255          /* bytes of an Idempotency-Key */
#define KEY_KEPT_MS 86400000 /* a job with one is kept at least so long */
#define RETRY_AFTER_FULL_S 5
#define CLASSIC_TYPE "default"

static sluice_step created_classic, created_one, stored;

/* ---- Asking ------------------------------------------------------------------------------- */

static sluice_verdict refuse_eviction(sluice_request *req)
{
    return sluice_problem_with(
        req, 503, "store_evicts",
        "the gateway's Redis throws keys away when it is full, and can't keep "
        "jobs: its maxmemory-policy must be noeviction",
        "retryAfter", RETRY_AFTER_FULL_S);
}

SLUICE_MUST_RETURN static sluice_verdict enqueue(sluice_request *req, sluice_step *then,
                                                 const char *name, struct order *order)
{
    const struct jobs *jobs = sluice_self(req);
    return jobs->evicts ? refuse_eviction(req) : intake_ask(req, then, name, order);
}

/* What is answered for an order that was not taken. */
static const struct refusal {
    uint32_t status;
    const char *error, *detail;
    int64_t retry_after;
} refusals[] = {
    [OUTCOME_FULL] = {429, "queue_full", "this queue holds as many jobs as it may; try again later",
                      RETRY_AFTER_FULL_S},
    [OUTCOME_FORBIDDEN] = {403, "not_a_writer", "this client may not write to this queue", 0},
    [OUTCOME_DIFFERS] = {422, "idempotency_key_reused",
                         "this Idempotency-Key was used for another job", 0},
    [OUTCOME_AWAY] =
        {503, "store_unavailable",
         "the gateway's store does not answer now; nothing was stored for certain, try "
         "again",
         1},
    [OUTCOME_BROKEN] = {500, "internal_error", "the gateway could not answer this request", 0},
};

static bool is_taken(enum outcome outcome)
{
    return outcome == OUTCOME_CREATED || outcome == OUTCOME_EXISTS;
}

static sluice_verdict refuse(sluice_request *req, enum outcome outcome)
{
    const struct refusal *refusal = &refusals[outcome];
    if (refusal->retry_after)
        return sluice_problem_with(req, refusal->status, refusal->error, refusal->detail,
                                   "retryAfter", refusal->retry_after);
    return sluice_problem(req, refusal->status, refusal->error, refusal->detail);
}

/* ---- Classic ------------------------------------------------------------------------------ */

sluice_verdict create_classic(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, 0))
        return in.verdict;
    const json_t *type = sluice_take_value(&in, "type");
    const char *name = json_is_string(type) ? sluice_name_in(&in, "type", type) : CLASSIC_TYPE;
    sluice_bytes body = sluice_body(req);
    struct order *order = sluice_new(req, struct order);
    struct spec *spec = &order->spec;
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (body.len > (uint64_t)jobs->payload_max)
        return sluice_problem(req, 413, "payload_too_large",
                              sluice_printf(req, "a job's payload may have %lld bytes",
                                            (long long)jobs->payload_max));
    spec_default(req, name, body, spec);
    const char *unknown = spec_unknown_type(req, spec);
    if (unknown) {
        sluice_member_wrong(&in, "type", unknown);
        return sluice_refuse_input(&in);
    }
    job_id_new(sluice_worker_of(req), QUEUE_DEFAULT, spec->id);
    return enqueue(req, SLUICE_STEP(created_classic), order);
}

static sluice_verdict created_classic(sluice_request *req, void *state, const sluice_reply *reply)
{
    const struct order *order = state;
    (void)reply;
    if (!is_taken(order->outcome))
        return refuse(req, order->outcome);
    return sluice_json(req, 200, "success", true, "message", "Job created", "jobId",
                       (const char *)order->spec.id);
}

/* ---- Idempotency --------------------------------------------------------------------------- */

/* NULL: there is none; *ret_bad says whether what there is can't be one. */
static const char *take_key(sluice_request *req, bool *ret_bad)
{
    const char *key = sluice_header(req, "Idempotency-Key");
    *ret_bad = key && (*key == '\0' || strlen(key) > KEY_MAX);
    return key;
}

static sluice_verdict refuse_key(sluice_request *req)
{
    return sluice_problem(req, 400, "idempotency_key_invalid",
                          "Idempotency-Key must have 1 to 255 bytes");
}

/* False when OpenSSL refused. Lengths stand before texts: no two lists of them read the same. */
static bool name_by_key(sluice_request *req, const char *key, uint64_t index, const char *digest,
                        struct spec *spec)
{
    struct jobs *jobs = sluice_self(req);
    const char *client = caller_client(req);
    char hash[HASH_SIZE];
    const char *text = sluice_concat(req, strlen(client), ":", client, strlen(spec->queue), ":",
                                     spec->queue, strlen(key), ":", key, index);
    if (!hasher_hash(&jobs->hasher, text, hash))
        return false;
    job_id_from(hash, spec->queue, spec->id);
    spec->digest = digest;
    if (spec->retention < KEY_KEPT_MS)
        spec->retention = KEY_KEPT_MS;
    return true;
}

/* Of the body: the same key with another one is a mistake. NULL when OpenSSL refused. */
static const char *digest_of_body(sluice_request *req)
{
    struct jobs *jobs = sluice_self(req);
    char *hash = sluice_alloc(req, HASH_SIZE);
    return hasher_hash(&jobs->hasher, sluice_body(req).data, hash) ? hash : NULL;
}

static sluice_verdict no_hash(sluice_request *req)
{
    return sluice_problem(req, 500, "internal_error", "the gateway could not answer this request");
}

/* ---- One ---------------------------------------------------------------------------------- */

sluice_verdict create_one(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    sluice_reader in;
    bool bad_key;
    const char *key = take_key(req, &bad_key);
    struct order *order = sluice_new(req, struct order);
    struct spec *spec = &order->spec;
    (void)none;
    if (bad_key)
        return refuse_key(req);
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    spec_read(&in, spec);
    if (spec->payload.len > (uint64_t)jobs->payload_max)
        return sluice_problem(req, 413, "payload_too_large",
                              sluice_printf(req, "a job's payload may have %lld bytes",
                                            (long long)jobs->payload_max));
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (!key)
        job_id_new(sluice_worker_of(req), spec->queue, spec->id);
    else if (!name_by_key(req, key, 0, digest_of_body(req), spec))
        return no_hash(req);
    return enqueue(req, SLUICE_STEP(created_one), order);
}

static sluice_verdict created_one(sluice_request *req, void *state, const sluice_reply *reply)
{
    const struct order *order = state;
    const struct spec *spec = &order->spec;
    (void)reply;
    if (!is_taken(order->outcome))
        return refuse(req, order->outcome);
    if (order->outcome == OUTCOME_EXISTS)
        sluice_set_header(req, "Idempotency-Replayed", "true");
    sluice_set_header(req, "Location", sluice_concat(req, "/v1/jobs/", (const char *)spec->id));
    return sluice_json(req, 201, "id", (const char *)spec->id, "queue", spec->queue, "type",
                       spec->type);
}

/* ---- Many --------------------------------------------------------------------------------- */

struct many {
    uint32_t count;
    struct entry {
        struct spec spec;
        const char *error, *detail; /* why not; NULL: it is there, or not yet */
        bool done, asked;
    } * entries;
    bool replayed;
};

static void read_entry(sluice_request *req, json_t *json, struct entry *entry)
{
    sluice_reader in;
    sluice_read_parameters(req, &in);
    entry->done = true;
    entry->error = "invalid_job";
    if (!json_is_object(json)) {
        entry->detail = "must be a JSON object";
        return;
    }
    in.body = json;
    in.taken = json_object();
    in.finish = sluice_json_untaken;
    sluice_defer(req, sluice_json_cleanup, in.taken);
    spec_read(&in, &entry->spec);
    entry->detail = sluice_is_bad(&in) ? in.first : NULL;
    entry->done = entry->detail != NULL;
}

/* Each is judged by itself: a bad one is refused by its index, the others are taken. */
static bool read_batch(sluice_reader *in, struct many *many, const char *key)
{
    json_t *array = sluice_take_needed(in, "jobs");
    size_t count = json_array_size(array);
    const char *digest = key ? digest_of_body(in->req) : "";
    if (array && (!json_is_array(array) || count == 0 || count > BATCH_MAX))
        sluice_member_wrong(in, "jobs", "must be an array of 1 to 1000 jobs");
    if (sluice_is_bad(in))
        return true;
    many->count = (uint32_t)count;
    many->entries = sluice_alloc(in->req, sizeof(struct entry) * count);
    for (uint32_t i = 0; i < count; i++) {
        struct entry *entry = &many->entries[i];
        read_entry(in->req, json_array_get(array, i), entry);
        if (entry->done)
            continue;
        if (!key)
            job_id_new(sluice_worker_of(in->req), entry->spec.queue, entry->spec.id);
        else if (!digest || !name_by_key(in->req, key, i, digest, &entry->spec))
            return false;
    }
    return true;
}

static sluice_verdict answer_batch(sluice_request *req, const struct many *many)
{
    sluice_list *list = sluice_list_new(req);
    for (uint32_t i = 0; i < many->count; i++) {
        const struct entry *entry = &many->entries[i];
        if (entry->detail)
            sluice_push(
                req, list,
                sluice_object(req, "index", i, "error", entry->error, "detail", entry->detail));
        else
            sluice_push(req, list, sluice_object(req, "id", (const char *)entry->spec.id));
    }
    if (many->replayed)
        sluice_set_header(req, "Idempotency-Replayed", "true");
    return sluice_json(req, 200, "jobs", list);
}

/* Those of the first queue that has some left. */
static sluice_verdict go_on(sluice_request *req, struct many *many)
{
    const struct jobs *jobs = sluice_self(req);
    const char *queue = NULL;
    struct call call = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < many->count && count < JOBS_PER_CALL; i++) {
        struct entry *entry = &many->entries[i];
        if (entry->done || (queue && strcmp(entry->spec.queue, queue) != 0))
            continue;
        if (!queue) {
            queue = entry->spec.queue;
            call = call_new(req, queue_keys_of(req, queue), 1 + JOBS_PER_CALL * SPEC_ARGS);
            call_int(&call, jobs->queue_max);
        }
        spec_add(&call, &entry->spec);
        entry->asked = true;
        count++;
    }
    if (!queue)
        return answer_batch(req, many);
    sluice_wait wait = SLUICE_THEN(stored, many);
    wait.flags = SLUICE_TAKE_TROUBLE; /* what was stored before must be told */
    return call_run(req, wait, jobs->enqueue, &call);
}

static void note(struct entry *entry, enum outcome outcome, struct many *many)
{
    entry->error = refusals[outcome].error;
    entry->detail = refusals[outcome].detail;
    many->replayed = many->replayed || outcome == OUTCOME_EXISTS;
}

static bool any_done(const struct many *many)
{
    for (uint32_t i = 0; i < many->count; i++)
        if (many->entries[i].done && !many->entries[i].detail)
            return true;
    return false;
}

static sluice_verdict stored(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct many *many = state;
    bool failed = sluice_type(reply) != SLUICE_REPLY_ARRAY;
    uint64_t at = 0;
    if (failed && !any_done(many))
        return refuse(req, OUTCOME_AWAY);
    for (uint32_t i = 0; i < many->count; i++) {
        struct entry *entry = &many->entries[i];
        if (!entry->asked && !(failed && !entry->done))
            continue;
        if (failed) {
            entry->error = "store_unavailable";
            entry->detail = "the gateway's store went away before this one was stored for certain";
        } else {
            note(entry, outcome_of(sluice_at(reply, at++)), many);
        }
        entry->asked = false;
        entry->done = true;
    }
    return failed ? answer_batch(req, many) : go_on(req, many);
}

sluice_verdict create_batch(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    bool bad_key;
    const char *key = take_key(req, &bad_key);
    struct many *many = sluice_new(req, struct many);
    const struct jobs *jobs = self;
    (void)none;
    if (jobs->evicts)
        return refuse_eviction(req);
    if (bad_key)
        return refuse_key(req);
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    if (!read_batch(&in, many, key))
        return no_hash(req);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return go_on(req, many);
}
