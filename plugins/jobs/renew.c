/* Leases are kept as long as their jobs are here; what their workers say goes to Redis.
 *
 *   every third of a lease: heartbeat.lua with all jobs -> lost? cancelled?
 *   a message on jobs:cancel -> the job, if it is here, is told to end
 *
 * SPDX-License-Identifier: MIT */
#include "crew.h"

#include <stdlib.h>
#include <string.h>

#define RENEW_MAX 250u /* leases in one call */
#define RENEWS_PER_LEASE 3

static sluice_worker_step renewed, told_to_cancel, noted;

/* ---- Cancelling ----------------------------------------------------------------------------- */

static void end_early(struct crew *crew, struct held *job)
{
    if (job->slot)
        slots_cancel(crew, job);
    else
        job->cancelled = true; /* it waits here: it will not start */
}

static void told_to_cancel(sluice_worker *worker, void *state, const sluice_reply *message)
{
    struct crew *crew = state;
    struct held *job = held_find(crew, sluice_text(sluice_at(message, 1)));
    (void)worker;
    if (!job)
        return; /* not here; or news of the subscription itself: the next renewal tells as well */
    end_early(crew, job);
    crew_work(crew);
}

void renew_start(struct crew *crew)
{
    crew->renew_at = crew_now(crew) + crew->jobs->lease / RENEWS_PER_LEASE;
    sluice_subscribe(crew->worker, CHANNEL_CANCEL, told_to_cancel, crew);
}

/* ---- Renewing ------------------------------------------------------------------------------- */

static void add(const struct crew *crew, struct call *call, const struct held *job, int64_t percent)
{
    call_text(call, job->id);
    call_int(call, job->epoch);
    call_int(call, crew->jobs->lease);
    if (percent < 0)
        call_text(call, "");
    else
        call_int(call, percent);
}

static void send(struct crew *crew, const struct call *call)
{
    crew->worker->api->run(crew->worker, renewed, crew, crew->jobs->heartbeat, CALL_KEYS,
                           call->args, call->count, sizeof call->args[0]);
}

static void renew_queue(struct crew *crew, struct queue *queue)
{
    sluice_arg args[CALL_ARGS + 4 * RENEW_MAX];
    struct call call = {args, 0};
    for (struct held *job = crew->all; job; job = job->next) {
        if (job->queue != queue || job->lost)
            continue;
        if (call.count == 0)
            call_begin(&call, args, &queue->keys);
        add(crew, &call, job, -1);
        if (call.count == sizeof args / sizeof args[0]) {
            send(crew, &call);
            call.count = 0;
        }
    }
    if (call.count)
        send(crew, &call);
}

void renew(struct crew *crew, int64_t now)
{
    crew->renew_at = now + crew->jobs->lease / RENEWS_PER_LEASE;
    for (unsigned i = 0; i < crew->queue_count; i++)
        renew_queue(crew, &crew->queues[i]);
}

/* Trouble, too, is waited out: a lease outlives two renewals that failed. */
static void renewed(sluice_worker *worker, void *state, const sluice_reply *news)
{
    struct crew *crew = state;
    if (sluice_is_error(news))
        sluice_log(worker, SLUICE_LOG_ERROR, "can't renew leases: %s", sluice_text(news));
    for (uint64_t i = 0; i + 2 < sluice_length(news); i += 3) {
        struct held *job = held_find(crew, sluice_text(sluice_at(news, i)));
        if (!job || job->epoch != sluice_int(sluice_at(news, i + 1)))
            continue;
        if (strcmp(sluice_text(sluice_at(news, i + 2)), "lost") == 0)
            job->lost = true;
        end_early(crew, job);
    }
    crew_work(crew);
}

/* ---- What a worker says --------------------------------------------------------------------- */

void renew_progress(struct crew *crew, struct held *job, int64_t percent)
{
    sluice_arg args[CALL_ARGS + 4];
    struct call call;
    call_begin(&call, args, &job->queue->keys);
    add(crew, &call, job, percent);
    send(crew, &call);
}

void renew_log(struct crew *crew, struct held *job, sluice_bytes line)
{
    sluice_arg args[CALL_ARGS + 3];
    struct call call;
    call_begin(&call, args, &job->queue->keys);
    call_text(&call, job->id);
    call_int(&call, job->epoch);
    call_bytes(&call, line);
    job->logged = true;
    crew->worker->api->run(crew->worker, noted, crew, crew->jobs->log, CALL_KEYS, args, call.count,
                           sizeof args[0]);
}

static void noted(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)state;
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_ERROR, "can't keep a line of a job's log: %s",
                   sluice_text(reply));
}
