/* Outcomes on their way to Redis: told until it has them, or says that the lease was lost.
 *
 *   done    -> line of its queue -> with the next reserve, or ack.lua when no call is out
 *   others  -> fail.lua at once     -> retrying, queued, dead, cancelled
 *
 * One call a queue is out at a time: what completes meanwhile goes together in the next, which on a busy
 * queue is a reserve. So a busy queue has few and large calls, and an idle one no delay. A call whose answer was lost is made again:
 * the second finds the lease gone, and changes nothing.
 *
 * SPDX-License-Identifier: MIT */
#include "crew.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 200 /* after trouble */

static sluice_worker_step failed, acked;

/* A call that is out. */
struct telling {
    struct crew *crew;
    struct queue *queue;
    struct held *jobs;
};

static struct telling *telling_new(struct crew *crew, struct queue *queue, struct held *jobs)
{
    struct telling *out = malloc(sizeof *out);
    if (out)
        *out = (struct telling){crew, queue, jobs};
    return out;
}

/* It stays, and is told again in a while. */
static void keep(struct crew *crew, struct held *job)
{
    line_add(&job->queue->settling, job);
    crew->settle_again = crew_now(crew) + AGAIN_MS;
}

static void lease_was_lost(struct crew *crew, struct held *job)
{
    sluice_log(crew->worker, SLUICE_LOG_WARN,
               "the lease of job %s was lost before its end could be told; another run counts",
               job->id);
    held_free(job);
}

/* ---- What did not complete ------------------------------------------------------------------ */

static const char *kind_of(enum ending ending)
{
    static const char *const kinds[] = {
        [ENDING_DONE] = "",     [ENDING_FAILURE] = "failure",     [ENDING_CRASH] = "crash",
        [ENDING_DEAD] = "dead", [ENDING_CANCELLED] = "cancelled", [ENDING_FREE] = "free",
    };
    return kinds[ending];
}

static int64_t delay_of(const struct crew *crew, const struct held *job)
{
    struct backoff backoff;
    uint64_t random;
    if (job->ending != ENDING_FAILURE && job->ending != ENDING_CRASH)
        return 0;
    if (job->after_ms >= 0)
        return job->after_ms;
    if (!backoff_read(job->backoff, &backoff))
        (void)backoff_read(crew->jobs->backoff, &backoff); /* read once already */
    sluice_random(crew->worker, &random, sizeof random);
    return backoff_delay(&backoff, job->attempt, random);
}

static void fail(struct crew *crew, struct held *job)
{
    sluice_arg args[CALL_ARGS + 6];
    struct call call;
    struct telling *out = telling_new(crew, job->queue, job);
    if (!out) {
        keep(crew, job);
        return;
    }
    call_begin(&call, args, &job->queue->keys);
    call_text(&call, job->id);
    call_int(&call, job->epoch);
    call_text(&call, kind_of(job->ending));
    call_text(&call, job->text);
    call_int(&call, delay_of(crew, job));
    call_int(&call, crew->jobs->crashes);
    crew->worker->api->run(crew->worker, failed, out, crew->jobs->fail, CALL_KEYS, args, call.count,
                           sizeof args[0]);
}

static void failed(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct telling *out = state;
    struct crew *crew = out->crew;
    struct held *job = out->jobs;
    free(out);
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_ERROR, "can't tell the end of job %s: %s", job->id,
                   sluice_text(reply));
    if (sluice_is_trouble(reply) || sluice_is_error(reply))
        keep(crew, job);
    else if (strcmp(sluice_text(reply), "lost") == 0)
        lease_was_lost(crew, job);
    else
        held_free(job);
    crew_work(crew);
}

/* ---- What completed ------------------------------------------------------------------------- */

struct held *settle_add(struct queue *queue, struct call *call, unsigned most)
{
    struct held *first = NULL, **end = &first;
    while (most-- && queue->settling.first && queue->settling.first->ending == ENDING_DONE) {
        struct held *job = line_take(&queue->settling);
        call_text(call, job->id);
        call_int(call, job->epoch);
        call_text(call, job->text);
        call_int(call, job->retention);
        call_int(call, job->logged);
        *end = job;
        end = &job->behind;
        job->behind = NULL;
    }
    return first;
}

void settle_answered(struct crew *crew, struct held *jobs, const sluice_reply *replies)
{
    for (uint64_t i = 0; jobs; i++) {
        struct held *job = jobs;
        jobs = job->behind;
        if (i >= sluice_length(replies))
            keep(crew, job);
        else if (sluice_int(sluice_at(replies, i)) == 0)
            lease_was_lost(crew, job);
        else
            held_free(job);
    }
}

static void ack(struct crew *crew, struct queue *queue)
{
    sluice_arg args[CALL_ARGS + SETTLE_ARGS * SETTLE_MAX];
    struct call call;
    struct telling *out = telling_new(crew, queue, NULL);
    if (!out) {
        crew->settle_again = crew_now(crew) + AGAIN_MS;
        return;
    }
    queue->acking = true;
    call_begin(&call, args, &queue->keys);
    out->jobs = settle_add(queue, &call, SETTLE_MAX);
    crew->worker->api->run(crew->worker, acked, out, crew->jobs->ack, CALL_KEYS, args, call.count,
                           sizeof args[0]);
}

static void acked(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct telling *out = state;
    struct crew *crew = out->crew;
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_ERROR, "can't complete jobs of queue %s: %s",
                   out->queue->keys.queue, sluice_text(reply));
    out->queue->acking = false;
    settle_answered(crew, out->jobs, reply);
    free(out);
    crew_work(crew);
}

/* ---- Both ----------------------------------------------------------------------------------- */

void settle(struct crew *crew, struct held *job, enum ending ending, const char *text,
            int64_t after_ms)
{
    job->ending = ending;
    job->after_ms = after_ms;
    job->text = text && *text ? strdup(text) : NULL;
    if (text && *text && !job->text)
        sluice_log(crew->worker, SLUICE_LOG_ERROR, "out of memory for the outcome of job %s",
                   job->id);
    if (job->lost)
        held_free(job);
    else
        line_add(&job->queue->settling, job);
}

void settle_now(struct crew *crew)
{
    if (crew->settle_again > crew_now(crew))
        return;
    crew->settle_again = 0;
    for (unsigned i = 0; i < crew->queue_count; i++) {
        struct queue *queue = &crew->queues[i];
        while (queue->settling.first && queue->settling.first->ending != ENDING_DONE &&
               !crew->settle_again)
            fail(crew, line_take(&queue->settling));
        if (queue->settling.first && !queue->acking && !queue->fetches && !crew->settle_again)
            ack(crew, queue);
    }
}
