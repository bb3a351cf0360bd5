/* A job as it is asked for.
 *
 * SPDX-License-Identifier: MIT */
#include "spec.h"

#include <stdlib.h>
#include <string.h>

#include <sluice/process.h>

#include "caller.h"
#include "jobs.h"
#include "shared/times.h"
#include "webhook.h"

/* ---- Handlers ----------------------------------------------------------------------------- */

static const char *queue_of(const sluice_job_handler *handler)
{
    return handler->queue ? handler->queue : QUEUE_DEFAULT;
}

static const sluice_job_handler *handler_of(sluice_request *req, const char *queue,
                                            const char *type)
{
    const sluice_job_handler *handler;
    sluice_worker *worker = sluice_worker_of(req);
    for (uint32_t i = 0; (handler = sluice_job_handler_at(worker, i)) != NULL; i++)
        if (strcmp(queue_of(handler), queue) == 0 && strcmp(handler->type, type) == 0)
            return handler;
    return NULL;
}

const char *spec_unknown_type(sluice_request *req, const struct spec *spec)
{
    const sluice_job_handler *handler;
    const char *known = NULL;
    const struct jobs *jobs = sluice_self(req);
    sluice_worker *worker = sluice_worker_of(req);
    if (jobs->webhooks.enabled && strcmp(spec->queue, QUEUE_WEBHOOKS) == 0)
        return strcmp(spec->type, WEBHOOK_TYPE) == 0
                   ? NULL
                   : "must be webhook: the queue webhooks is for them alone";
    if (handler_of(req, spec->queue, spec->type))
        return NULL;
    for (uint32_t i = 0; (handler = sluice_job_handler_at(worker, i)) != NULL; i++)
        if (strcmp(queue_of(handler), spec->queue) == 0)
            known = sluice_concat(req, known ? known : "", known ? ", " : "", handler->type);
    return known ? sluice_concat(req, "has no handler in queue ", spec->queue,
                                 "; known there: ", known)
                 : NULL;
}

/* What the job says nothing about: its handler does, or the configuration. */
static void fill(sluice_request *req, struct spec *spec)
{
    const struct jobs *jobs = sluice_self(req);
    const sluice_job_handler *handler = handler_of(req, spec->queue, spec->type);
    bool has_retries = handler && handler->retries;
    spec->retries = !has_retries ? jobs->retries : handler->retries < 0 ? 0 : handler->retries;
    spec->timeout = handler && handler->timeout_ms ? handler->timeout_ms : jobs->timeout;
    spec->backoff = handler && handler->backoff ? handler->backoff : jobs->backoff;
    spec->retention = jobs->retention;
}

static void own(sluice_request *req, struct spec *spec)
{
    spec->space = caller_space(req);
    spec->client = caller_client(req);
    spec->self_made = caller_is_self_made(req);
}

void spec_default(sluice_request *req, const char *type, sluice_bytes payload,
                  struct spec *ret_spec)
{
    *ret_spec = (struct spec){.digest = "",
                              .type = type,
                              .queue = QUEUE_DEFAULT,
                              .payload = payload,
                              .delay = -1,
                              .run_at = -1};
    own(req, ret_spec);
    fill(req, ret_spec);
}

/* ---- Members ------------------------------------------------------------------------------ */

static void take_payload(sluice_reader *in, struct spec *spec)
{
    const struct jobs *jobs = sluice_self(in->req);
    json_t *value = sluice_take_value(in, "payload");
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("{}");
    if (!text) {
        sluice_member_wrong(in, "payload", "can't be written as JSON");
        return;
    }
    spec->payload.len = strlen(text);
    spec->payload.data = sluice_copy(in->req, sluice_bytes_of(text, spec->payload.len));
    free(text);
    if (spec->payload.len > (uint64_t)jobs->payload_max)
        sluice_member_wrong(in, "payload",
                            sluice_printf(in->req, "must not be longer than %lld bytes",
                                          (long long)jobs->payload_max));
}

static void take_queue(sluice_reader *in, struct spec *spec)
{
    spec->queue = sluice_optional_text(in, "queue", 1, SLUICE_NAME_MAX, QUEUE_DEFAULT);
    if (spec->queue && !queue_is_name(spec->queue))
        sluice_member_wrong(in, "queue", QUEUE_NAME_RULE);
}

static void take_time(sluice_reader *in, struct spec *spec)
{
    const char *run_at = sluice_optional_text(in, "runAt", 1, TIME_SIZE, NULL);
    bool delayed = json_object_get(in->body, "delayMs") != NULL;
    spec->run_at = -1;
    spec->delay = delayed ? sluice_take_int(in, "delayMs", 0, 10 * 366 * 86400000LL) : -1;
    if (delayed && run_at)
        sluice_member_wrong(in, "runAt", "can't be given together with delayMs");
    else if (run_at && !time_read(run_at, &spec->run_at))
        sluice_member_wrong(in, "runAt",
                            "must be a date and time with its offset, as 2026-01-31T12:00:00Z");
    else if (run_at && spec->run_at < 0)
        spec->run_at = 0; /* long ago: now */
}

/* {"type": "fixed", "delayMs": 5000}, {"type": "exponential", "baseMs": 1000, "capMs": 3600000}, or
 * an array of times. */
static bool read_backoff(const json_t *json, struct backoff *backoff)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *numbers[BACKOFF_TIMES_MAX];
    *backoff = (struct backoff){.kind = BACKOFF_LIST, .count = (unsigned)json_array_size(json)};
    if (type && strcmp(type, "fixed") == 0 && json_object_size(json) == 2) {
        *backoff = (struct backoff){.kind = BACKOFF_FIXED, .count = 1};
        numbers[0] = json_object_get(json, "delayMs");
    } else if (type && strcmp(type, "exponential") == 0 && json_object_size(json) == 3) {
        *backoff = (struct backoff){.kind = BACKOFF_EXPONENTIAL, .count = 2};
        numbers[0] = json_object_get(json, "baseMs");
        numbers[1] = json_object_get(json, "capMs");
    } else if (backoff->count < 1 || backoff->count > BACKOFF_TIMES_MAX) {
        return false;
    } else {
        for (unsigned i = 0; i < backoff->count; i++)
            numbers[i] = json_array_get(json, i);
    }
    for (unsigned i = 0; i < backoff->count; i++) {
        backoff->times[i] = json_integer_value(numbers[i]);
        if (!json_is_integer(numbers[i]) || backoff->times[i] < 0 ||
            backoff->times[i] > BACKOFF_TIME_MAX_MS)
            return false;
    }
    return backoff->kind != BACKOFF_EXPONENTIAL ||
           (backoff->times[0] >= 1 && backoff->times[0] <= backoff->times[1]);
}

static void take_backoff(sluice_reader *in, struct spec *spec)
{
    struct backoff backoff;
    const json_t *value = sluice_take_value(in, "backoff");
    if (!value)
        return;
    if (!read_backoff(value, &backoff)) {
        sluice_member_wrong(
            in, "backoff",
            "must be {\"type\": \"exponential\", \"baseMs\": 1000, \"capMs\": 3600000}, "
            "{\"type\": \"fixed\", \"delayMs\": 5000} or an array of up to 20 times "
            "in ms");
        return;
    }
    char *text = sluice_alloc(in->req, BACKOFF_SIZE);
    backoff_write(&backoff, text);
    spec->backoff = text;
}

static void check_webhook(sluice_reader *in)
{
    const char *wrong = webhook_wrong(json_object_get(in->body, "payload"));
    if (wrong)
        sluice_member_wrong(in, "payload", wrong);
}

void spec_read(sluice_reader *in, struct spec *ret_spec)
{
    const struct jobs *jobs = sluice_self(in->req);
    struct spec *spec = ret_spec;
    memset(spec, 0, sizeof *spec);
    spec->digest = "";
    own(in->req, spec);
    spec->type = sluice_take_name(in, "type");
    take_queue(in, spec);
    take_payload(in, spec);
    take_time(in, spec);
    spec->priority = sluice_optional_int(in, "priority", -PRIORITY_MAX, PRIORITY_MAX, 0);
    bool named = spec->type && spec->queue;
    if (named)
        fill(in->req, spec);
    spec->retries = sluice_optional_int(in, "retries", 0, RETRIES_MAX, spec->retries);
    spec->timeout =
        sluice_optional_int(in, "timeoutMs", TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, spec->timeout);
    spec->retention = sluice_optional_int(in, "retentionMs", 0, RETENTION_MAX_MS, spec->retention);
    take_backoff(in, spec);
    if (!named)
        return;
    const char *unknown = spec_unknown_type(in->req, spec);
    if (unknown)
        sluice_member_wrong(in, "type", unknown);
    else if (jobs->webhooks.enabled && strcmp(spec->queue, QUEUE_WEBHOOKS) == 0)
        check_webhook(in);
}

/* ---- For enqueue.lua ---------------------------------------------------------------------- */

static void add_if(struct call *call, int64_t ms)
{
    if (ms < 0)
        call_text(call, "");
    else
        call_int(call, ms);
}

void spec_add(struct call *call, const struct spec *spec)
{
    call_text(call, spec->id);
    call_text(call, spec->digest);
    call_text(call, spec->type);
    call_bytes(call, spec->payload);
    call_text(call, spec->space);
    call_text(call, spec->client);
    call_int(call, spec->self_made);
    call_int(call, spec->priority);
    call_int(call, spec->retries);
    call_text(call, spec->backoff);
    call_int(call, spec->timeout);
    call_int(call, spec->retention);
    add_if(call, spec->delay);
    add_if(call, spec->run_at);
}
