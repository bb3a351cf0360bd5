/* Where jobs come from: a wake, a reservation, a line of jobs that wait here.
 *
 *   BZPOPMIN <wake of every queue> -> woken -> reserve.lua -> reserved -> waiting
 *
 * A queue is hot while it may have work: after its marker was popped, after something in it came
 * due, and as long as a reservation left some behind. Only a process with room for more is blocked;
 * one that was woken and has none puts the marker back for others.
 *
 * As many jobs are fetched as executors are free, and as many more as are done here in a few
 * milliseconds: short jobs come thirty at a time, long ones never wait behind each other.
 *
 * SPDX-License-Identifier: MIT */
#include "crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_S 1
#define BLOCK_MS 3000 /* an answer that has not come then does not come */
#define AGAIN_MS 100  /* after trouble */
#define PACE_MS 10
#define FETCH_MAX 32  /* a script must not hold Redis */
#define FETCHES_MAX 2 /* calls that are out: while one is under way, Redis has the next */

static sluice_worker_step woken, reserved, ignored;

/* Trouble needs nothing more: a block ends by itself, and then all queues are looked at. */
static void ignored(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)worker, (void)state, (void)reply;
}

/* ---- Waking ------------------------------------------------------------------------------- */

static void block(struct crew *crew)
{
    sluice_arg args[2 + QUEUES_MAX];
    uint32_t count = 0;
    if (crew->blocking || !crew->queue_count)
        return;
    crew->blocking = true;
    args[count++] = sluice_arg_text("BZPOPMIN");
    for (unsigned i = 0; i < crew->queue_count; i++)
        args[count++] = sluice_arg_text(crew->queues[i].keys.wake);
    args[count++] = sluice_arg_int(BLOCK_S);
    sluice_block_v(crew->worker, BLOCK_MS, woken, crew, args, count, sizeof args[0]);
}

static struct queue *queue_of_wake(struct crew *crew, const char *key)
{
    for (unsigned i = 0; i < crew->queue_count; i++)
        if (strcmp(crew->queues[i].keys.wake, key) == 0)
            return &crew->queues[i];
    return NULL;
}

static void all_hot(struct crew *crew)
{
    for (unsigned i = 0; i < crew->queue_count; i++)
        crew->queues[i].hot = true;
}

static bool has_room(const struct crew *crew)
{
    return !crew->draining && crew->waiting.count < slots_room(crew);
}

/* Without a marker too every queue is looked at: who popped one may have died with it. */
static void woken(sluice_worker *worker, void *state, const sluice_reply *popped)
{
    struct crew *crew = state;
    struct queue *queue = queue_of_wake(crew, sluice_text(sluice_at(popped, 0)));
    crew->blocking = false;
    if (queue)
        queue->hot = true;
    else
        all_hot(crew);
    if (sluice_is_trouble(popped))
        crew->fetch_again = crew_now(crew) + AGAIN_MS;
    if (queue && !has_room(crew))
        sluice_worker_ask(worker, ignored, crew, "ZADD", queue->keys.wake, 0, "w");
    crew_work(crew);
}

/* ---- Reserved jobs ------------------------------------------------------------------------ */

/* What a reserved job is made of, in the order of reserve.lua. */
enum {
    ID,
    EPOCH,
    TYPE,
    PAYLOAD,
    SPACE,
    CLIENT,
    ATTEMPT,
    BACKOFF,
    TIMEOUT,
    RETENTION,
    CREATED,
    LOGGED
};

static const char *keep(char **at, sluice_bytes text)
{
    char *copy = *at;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *at += text.len + 1;
    return copy;
}

static struct held *hold(struct crew *crew, struct queue *queue, const sluice_reply *row)
{
    static const int texts[] = {ID, TYPE, PAYLOAD, SPACE, CLIENT, BACKOFF};
    size_t size = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        size += sluice_text_bytes(sluice_at(row, (uint64_t)texts[i])).len + 1;
    struct held *job = calloc(1, sizeof *job + size);
    if (!job)
        return NULL;
    char *at = (char *)(job + 1);
    job->queue = queue;
    job->id = keep(&at, sluice_text_bytes(sluice_at(row, ID)));
    job->type = keep(&at, sluice_text_bytes(sluice_at(row, TYPE)));
    job->space = keep(&at, sluice_text_bytes(sluice_at(row, SPACE)));
    job->client = keep(&at, sluice_text_bytes(sluice_at(row, CLIENT)));
    job->backoff = keep(&at, sluice_text_bytes(sluice_at(row, BACKOFF)));
    job->payload.len = sluice_text_bytes(sluice_at(row, PAYLOAD)).len;
    job->payload.data = keep(&at, sluice_text_bytes(sluice_at(row, PAYLOAD)));
    job->epoch = sluice_int(sluice_at(row, EPOCH));
    job->attempt = sluice_int(sluice_at(row, ATTEMPT));
    job->timeout = sluice_int(sluice_at(row, TIMEOUT));
    job->retention = sluice_int(sluice_at(row, RETENTION));
    job->created = sluice_int(sluice_at(row, CREATED));
    job->logged = !sluice_is_nil(sluice_at(row, LOGGED));
    job->from = &crew->all;
    job->next = crew->all;
    if (job->next)
        job->next->from = &job->next;
    crew->all = job;
    return job;
}

static bool find_handler(const struct crew *crew, struct held *job)
{
    const sluice_job_handler *handler;
    for (uint32_t i = 0; (handler = sluice_job_handler_at(crew->worker, i)) != NULL; i++) {
        const char *queue = handler->queue ? handler->queue : QUEUE_DEFAULT;
        if (strcmp(handler->type, job->type) == 0 && strcmp(queue, job->queue->keys.queue) == 0) {
            job->handler = i;
            return true;
        }
    }
    return crew->is_courier;
}

/* A job whose handler is not loaded (any more, or yet) fails, and is tried again. */
static void take_in(struct crew *crew, struct queue *queue, const sluice_reply *row)
{
    char why[SLUICE_NAME_MAX + 64];
    struct held *job = hold(crew, queue, row);
    if (!job) {
        sluice_log(crew->worker, SLUICE_LOG_ERROR,
                   "out of memory; job %s waits for its lease to end",
                   sluice_text(sluice_at(row, ID)));
    } else if (crew->draining) {
        settle(crew, job, ENDING_FREE, NULL, 0);
    } else if (!find_handler(crew, job)) {
        (void)snprintf(why, sizeof why, "no handler for jobs of type %.*s is loaded",
                       (int)SLUICE_NAME_MAX, job->type);
        settle(crew, job, ENDING_FAILURE, why, -1);
    } else {
        line_add(&crew->waiting, job);
    }
}

/* ---- Reserving ---------------------------------------------------------------------------- */

/* A call that is out. */
struct call_out {
    struct crew *crew;
    struct queue *queue;
    struct held *completions; /* that ride along */
    unsigned count;
};

static void learn(struct queue *queue, const sluice_reply *reply, int64_t here)
{
    int64_t now = sluice_int(sluice_at(reply, 0));
    int64_t delayed = sluice_int(sluice_at(reply, 1)), lease = sluice_int(sluice_at(reply, 2));
    int64_t due = delayed < 0 ? lease : lease < 0 || delayed < lease ? delayed : lease;
    bool paused = sluice_int(sluice_at(reply, 4)) != 0;
    queue->hot = !paused && sluice_int(sluice_at(reply, 3)) > 0;
    queue->due = due < 0 ? NEVER : here + (due > now ? due - now : 0);
}

static void reserved(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct call_out *out = state;
    struct crew *crew = out->crew;
    const sluice_reply *jobs = sluice_at(reply, 5);
    crew->fetches--;
    crew->asked -= out->count;
    out->queue->fetches--;
    settle_answered(crew, out->completions, sluice_at(reply, 6));
    if (sluice_type(reply) != SLUICE_REPLY_ARRAY) {
        out->queue->hot = true;
        crew->fetch_again = crew_now(crew) + AGAIN_MS;
        if (sluice_is_error(reply))
            sluice_log(worker, SLUICE_LOG_ERROR, "can't reserve jobs of queue %s: %s",
                       out->queue->keys.queue, sluice_text(reply));
    } else {
        learn(out->queue, reply, crew_now(crew));
        for (uint64_t i = 0; i < sluice_length(jobs); i++)
            take_in(crew, out->queue, sluice_at(jobs, i));
    }
    free(out);
    crew_work(crew);
}

static void reserve(struct crew *crew, struct queue *queue, unsigned count)
{
    const struct jobs *jobs = crew->jobs;
    sluice_arg args[CALL_ARGS + 6 + SETTLE_ARGS * SETTLE_MAX];
    struct call call;
    struct call_out *out = calloc(1, sizeof *out);
    if (!out) {
        crew->fetch_again = crew_now(crew) + AGAIN_MS;
        return;
    }
    crew->fetches++;
    crew->asked += count;
    queue->fetches++;
    call_begin(&call, args, &queue->keys);
    call_int(&call, count);
    call_int(&call, jobs->lease);
    call_int(&call, jobs->lost);
    call_text(&call, "");
    call_text(&call, "");
    call_int(&call, 0);
    *out = (struct call_out){crew, queue, settle_add(queue, &call, SETTLE_MAX), count};
    crew->worker->api->run(crew->worker, reserved, out, jobs->reserve, CALL_KEYS, args, call.count,
                           sizeof args[0]);
}

/* Smooth weighted round-robin over the queues that may have work. */
static struct queue *next_queue(struct crew *crew)
{
    struct queue *best = NULL;
    int64_t total = 0;
    for (unsigned i = 0; i < crew->queue_count; i++) {
        struct queue *queue = &crew->queues[i];
        if (!queue->hot)
            continue;
        total += queue->weight;
        queue->current += queue->weight;
        if (!best || queue->current > best->current)
            best = queue;
    }
    if (best)
        best->current -= total;
    return best;
}

/* ---- How many ----------------------------------------------------------------------------- */

void fetch_paced(struct crew *crew)
{
    int64_t now = crew_now(crew);
    if (now - crew->pace_at >= PACE_MS) {
        crew->pace = now - crew->pace_at < 2 * PACE_MS ? crew->recent : 0;
        crew->recent = 0;
        crew->pace_at = now;
    }
    crew->recent++;
}

/* Room for jobs beyond the idle executors: what was done in the last 10 ms. */
static unsigned wanted(const struct crew *crew)
{
    unsigned ahead = crew->recent > crew->pace ? crew->recent : crew->pace;
    if (crew_now(crew) - crew->pace_at >= 2 * PACE_MS)
        ahead = 0;
    unsigned most = slots_room(crew) + (ahead < WAITING_MAX ? ahead : WAITING_MAX);
    unsigned coming = crew->waiting.count + crew->asked;
    return most > coming ? most - coming : 0;
}

void fetch(struct crew *crew)
{
    unsigned count = wanted(crew);
    if (crew->fetches == FETCHES_MAX || crew->fetch_again > crew_now(crew))
        return;
    crew->fetch_again = 0;
    if (count == 0 || (crew->waiting.count + crew->asked > 0 && count < FETCH_MAX / 2))
        return; /* few at a time are not worth a call while others are here */
    struct queue *queue = next_queue(crew);
    if (queue)
        reserve(crew, queue, count < FETCH_MAX ? count : FETCH_MAX);
    else if (has_room(crew))
        block(crew);
}
