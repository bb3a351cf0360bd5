/* A process of jobs: its life.
 *
 *   start -> executors, queues, leases -> (alarm, messages, replies) -> drain -> all settled -> end
 *
 * It does nothing in turns of its own: whatever has changed calls crew_work, and one alarm stands
 * for the earliest of all times at which something is due.
 *
 * SPDX-License-Identifier: MIT */
#include "crew.h"

#include <stdlib.h>
#include <string.h>

#include "courier.h"
#include "runner.h"

#define GIVE_UP_SHARE 10 /* this part of the grace is kept for giving back what did not end in it */

static sluice_worker_step rang;

int64_t crew_now(const struct crew *crew)
{
    return sluice_monotonic(crew->worker);
}

/* ---- Jobs in lines ------------------------------------------------------------------------ */

void line_add(struct line *line, struct held *job)
{
    job->behind = NULL;
    if (!line->first)
        line->end = &line->first;
    *line->end = job;
    line->end = &job->behind;
    line->count++;
}

struct held *line_take(struct line *line)
{
    struct held *job = line->first;
    if (!job)
        return NULL;
    line->first = job->behind;
    line->count--;
    return job;
}

void held_free(struct held *job)
{
    *job->from = job->next;
    if (job->next)
        job->next->from = job->from;
    free(job->text);
    free(job);
}

struct held *held_find(const struct crew *crew, const char *id)
{
    struct held *job = crew->all;
    while (job && strcmp(job->id, id) != 0)
        job = job->next;
    return job;
}

/* ---- The alarm ---------------------------------------------------------------------------- */

static int64_t sooner(int64_t due, int64_t at)
{
    return at && at < due ? at : due;
}

static int64_t next_due(const struct crew *crew)
{
    int64_t due = sooner(slots_due(crew), crew->settle_again);
    if (crew->all)
        due = sooner(due, crew->renew_at);
    if (crew->draining)
        return sooner(due, crew->give_up_at);
    due = sooner(due, crew->fetch_again);
    for (unsigned i = 0; i < crew->queue_count; i++)
        if (!crew->queues[i].hot)
            due = sooner(due, crew->queues[i].due);
    return due;
}

/* A timer can't be taken back: `alarm` says which one counts, and others find nothing to do. */
static void set_alarm(struct crew *crew)
{
    int64_t due = next_due(crew);
    if (due >= crew->alarm)
        return;
    crew->alarm = due;
    int64_t now = crew_now(crew);
    sluice_timer(crew->worker, due > now ? due - now : 1, rang, crew);
}

/* The grace is nearly over. */
static void give_up(struct crew *crew)
{
    crew->give_up_at = NEVER;
    crew->gave_up = true;
    slots_give_up(crew);
}

static void rang(sluice_worker *worker, void *state, const sluice_reply *none)
{
    struct crew *crew = state;
    int64_t now = crew_now(crew);
    (void)worker, (void)none;
    if (now < crew->alarm)
        return;
    crew->alarm = NEVER;
    slots_look(crew, now);
    for (unsigned i = 0; i < crew->queue_count; i++)
        if (crew->queues[i].due <= now) {
            crew->queues[i].due = NEVER;
            crew->queues[i].hot = true;
        }
    if (crew->all && crew->renew_at <= now)
        renew(crew, now);
    if (crew->draining && crew->give_up_at <= now)
        give_up(crew);
    crew_work(crew);
}

/* ---- Work --------------------------------------------------------------------------------- */

void crew_work(struct crew *crew)
{
    slots_dispatch(crew);
    slots_fill(crew, crew_now(crew));
    if (!crew->draining)
        fetch(crew);
    settle_now(crew);
    if (crew->draining && !crew->told_drained && !crew->all && !crew->fetches) {
        crew->told_drained = true;
        sluice_drained(crew->worker);
    }
    set_alarm(crew);
}

/* ---- Beginning ---------------------------------------------------------------------------- */

static int64_t weight_of(const struct jobs *jobs, const char *queue)
{
    const struct queue_option *options = jobs->queues.items;
    for (uint64_t i = 0; i < jobs->queues.count; i++)
        if (strcmp(options[i].name, queue) == 0)
            return options[i].weight;
    return 1;
}

static bool add_queue(struct crew *crew, const char *name)
{
    const char *prefix = sluice_prefix(crew->worker);
    struct queue *queue = &crew->queues[crew->queue_count];
    char *names = malloc(queue_keys_size(prefix, name));
    if (!names)
        return false;
    *queue = (struct queue){
        .names = names, .weight = weight_of(crew->jobs, name), .hot = true, .due = NEVER};
    queue_keys_make(names, prefix, name, &queue->keys);
    crew->queue_count++;
    return true;
}

static bool has_queue(const struct crew *crew, const char *name)
{
    for (unsigned i = 0; i < crew->queue_count; i++)
        if (strcmp(crew->queues[i].keys.queue, name) == 0)
            return true;
    return false;
}

/* Those for which some plugin has a handler; jobs_check has seen that there are not too many. */
static bool make_queues(struct crew *crew)
{
    const sluice_job_handler *handler;
    crew->queues = calloc(QUEUES_MAX, sizeof *crew->queues);
    if (!crew->queues)
        return false;
    if (crew->is_courier)
        return add_queue(crew, QUEUE_WEBHOOKS);
    for (uint32_t i = 0; (handler = sluice_job_handler_at(crew->worker, i)) != NULL; i++) {
        const char *name = handler->queue ? handler->queue : QUEUE_DEFAULT;
        if (!has_queue(crew, name) && crew->queue_count < QUEUES_MAX && !add_queue(crew, name))
            return false;
    }
    return true;
}

static bool make_slots(struct crew *crew)
{
    unsigned count = crew->is_courier ? 1 : (unsigned)crew->jobs->executors;
    crew->capacity = crew->is_courier ? (unsigned)crew->jobs->webhooks.concurrency : 1;
    crew->slot_count = crew->queue_count ? count : 0;
    crew->slots = calloc(count, sizeof *crew->slots);
    for (unsigned i = 0; crew->slots && i < count; i++)
        crew->slots[i].number = i;
    return crew->slots != NULL;
}

static int32_t begin(sluice_worker *worker, struct jobs *jobs, bool is_courier)
{
    struct crew *crew = calloc(1, sizeof *crew);
    jobs->crew = crew;
    if (crew) {
        crew->worker = worker;
        crew->jobs = jobs;
        crew->is_courier = is_courier;
        crew->alarm = NEVER;
        if (make_queues(crew) && make_slots(crew)) {
            renew_start(crew);
            crew_work(crew);
            return 0;
        }
    }
    sluice_log(worker, SLUICE_LOG_ERROR, "can't start: out of memory");
    return -1;
}

static int32_t start_handlers(sluice_worker *worker, void *self)
{
    return begin(worker, self, false);
}

static int32_t start_courier(sluice_worker *worker, void *self)
{
    return begin(worker, self, true);
}

/* ---- End ---------------------------------------------------------------------------------- */

/* What only waits here goes back at once; what runs may end. */
static void drain(sluice_worker *worker, void *self, int64_t grace_ms)
{
    struct jobs *jobs = self;
    struct crew *crew = jobs->crew;
    struct held *job;
    (void)worker;
    crew->draining = true;
    crew->give_up_at = crew_now(crew) + grace_ms - grace_ms / GIVE_UP_SHARE;
    while ((job = line_take(&crew->waiting)) != NULL)
        settle(crew, job, ENDING_FREE, NULL, 0);
    crew_work(crew);
}

static void stop(sluice_worker *worker, void *self)
{
    struct jobs *jobs = self;
    struct crew *crew = jobs->crew;
    (void)worker;
    while (crew->all)
        held_free(crew->all); /* NOLINT(clang-analyzer-unix.Malloc): it moves crew->all on */
    for (unsigned i = 0; i < crew->queue_count; i++)
        free(crew->queues[i].names);
    wire_release(&crew->wire);
    free(crew->queues);
    free(crew->slots);
    free(crew);
    jobs->crew = NULL;
}

/* ---- Registration ------------------------------------------------------------------------- */

static const sluice_process common = {
    .size = sizeof common,
    .drain = drain,
    .stop = stop,
    .started = slot_started,
    .received = slot_received,
    .ended = slot_ended,
};

sluice_process crew_of_handlers(const struct jobs *jobs)
{
    sluice_process process = common;
    process.name = "jobs";
    process.executors = (uint32_t)jobs->executors;
    process.start = start_handlers;
    process.execute = jobs_execute;
    return process;
}

sluice_process crew_of_courier(void)
{
    sluice_process process = common;
    process.name = "webhooks";
    process.executors = 1;
    process.start = start_courier;
    process.execute = courier_execute;
    return process;
}
