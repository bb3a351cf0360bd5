/* Executors: jobs go in, outcomes and deaths come out.
 *
 *   EMPTY -> STARTING -> UP (RUN -> OUTCOME, again and again) -> LEAVING -> EMPTY
 *                         `- dies -> EMPTY: its jobs crashed, timed out or were cancelled
 *
 * A job that does not end in its time is told to (CANCEL); 2 s later its process group gets SIGTERM,
 * another 3 s later SIGKILL. The same for one that is cancelled.
 *
 * SPDX-License-Identifier: MIT */
#include "crew.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TERMINATE_AFTER_MS 2000
#define KILL_AFTER_MS 3000
#define LEAVE_IN_MS 3000
#define START_MIN_MS 50 /* between starts of an executor that never gets to a job */
#define START_MAX_MS 5000
#define REASON_SIZE 160

static struct slot *slot_of(void *self, uint32_t number)
{
    const struct jobs *jobs = self;
    return &jobs->crew->slots[number];
}

static sluice_bytes bytes_of(const char *text)
{
    return sluice_bytes_of(text, strlen(text));
}

/* ---- Starting ----------------------------------------------------------------------------- */

void slots_fill(struct crew *crew, int64_t now)
{
    for (unsigned i = 0; i < crew->slot_count; i++) {
        struct slot *slot = &crew->slots[i];
        if (slot->state != SLOT_EMPTY || slot->deadline > now || crew->draining)
            continue;
        slot->state = SLOT_STARTING;
        slot->ran = false;
        sluice_executor_start(crew->worker, slot->number);
    }
}

void slot_started(sluice_worker *worker, void *self, uint32_t number, int64_t pid)
{
    const struct jobs *jobs = self;
    (void)worker, (void)pid;
    slot_of(self, number)->state = SLOT_UP;
    crew_work(jobs->crew);
}

/* ---- Running ------------------------------------------------------------------------------ */

static unsigned room_of(const struct crew *crew, const struct slot *slot)
{
    return slot->state == SLOT_UP ? crew->capacity - slot->running : 0;
}

unsigned slots_room(const struct crew *crew)
{
    unsigned room = 0;
    for (unsigned i = 0; i < crew->slot_count; i++)
        room += room_of(crew, &crew->slots[i]);
    return room;
}

static void run(struct crew *crew, struct slot *slot, struct held *job)
{
    struct wire *wire = &crew->wire;
    slot->running++;
    slot->ran = true;
    job->slot = slot;
    job->warnings = 0;
    job->deadline = crew_now(crew) + job->timeout;
    wire_begin(wire, WIRE_RUN);
    wire_text(wire, bytes_of(job->id));
    wire_text(wire, bytes_of(job->type));
    wire_text(wire, bytes_of(job->queue->keys.queue));
    wire_text(wire, bytes_of(job->space));
    wire_text(wire, bytes_of(job->client));
    wire_text(wire, job->payload);
    wire_int(wire, job->attempt);
    wire_int(wire, job->epoch);
    wire_int(wire, job->created);
    wire_int(wire, job->timeout);
    wire_int(wire, job->handler);
    sluice_executor_send(crew->worker, slot->number, wire->data, wire->len);
}

void slots_dispatch(struct crew *crew)
{
    for (unsigned i = 0; i < crew->slot_count; i++)
        while (crew->waiting.count && room_of(crew, &crew->slots[i])) {
            struct held *job = line_take(&crew->waiting);
            if (job->cancelled || job->lost)
                settle(crew, job, ENDING_CANCELLED, NULL, 0);
            else
                run(crew, &crew->slots[i], job);
        }
}

/* ---- Messages ----------------------------------------------------------------------------- */

static struct held *leave_slot(struct held *job)
{
    job->slot->running--;
    job->slot = NULL;
    return job;
}

static void finish(struct crew *crew, struct slot *slot, struct held *job,
                   struct wire_reader *reader)
{
    static const enum ending endings[] = {ENDING_DONE, ENDING_FAILURE, ENDING_DEAD};
    struct wire_outcome outcome;
    if (!wire_take_outcome(reader, &outcome)) {
        sluice_log(crew->worker, SLUICE_LOG_ERROR,
                   "executor %u sent an outcome that can't be read; killing it", slot->number);
        sluice_executor_signal(crew->worker, slot->number, SIGKILL);
        return;
    }
    bool done = outcome.how == SLUICE_JOB_DONE;
    slot->early_ends = 0;
    if (outcome.leaves) {
        slot->state = SLOT_LEAVING;
        slot->deadline = crew_now(crew) + LEAVE_IN_MS;
    }
    fetch_paced(crew);
    if (!done && job->cancelled)
        settle(crew, leave_slot(job), ENDING_CANCELLED, NULL, 0);
    else
        settle(crew, leave_slot(job), endings[outcome.how],
               done ? outcome.result.data : outcome.why.data, outcome.after_ms);
    crew_work(crew);
}

/* What comes of a job that has ended here is late: nobody wants it. */
void slot_received(sluice_worker *worker, void *self, uint32_t number, sluice_bytes message)
{
    const struct jobs *jobs = self;
    struct slot *slot = slot_of(self, number);
    struct wire_reader reader;
    enum wire_kind kind = wire_open(&reader, message);
    struct held *job = held_find(jobs->crew, wire_take_text(&reader).data);
    (void)worker;
    if (!job || job->slot != slot)
        return;
    if (kind == WIRE_PROGRESS)
        renew_progress(jobs->crew, job, wire_take_int(&reader));
    else if (kind == WIRE_LOG)
        renew_log(jobs->crew, job, wire_take_text(&reader));
    else if (kind == WIRE_OUTCOME)
        finish(jobs->crew, slot, job, &reader);
}

/* ---- Ending ------------------------------------------------------------------------------- */

/* The job was ended by us, or has ended its executor; others that ran in it have crashed with it. */
static void settle_death(struct crew *crew, struct held *job, const sluice_exit *how)
{
    char why[REASON_SIZE];
    const char *name = how->signal ? sigabbrev_np(how->signal) : NULL;
    if (crew->gave_up) {
        settle(crew, job, ENDING_FREE, NULL, 0);
    } else if (job->cancelled) {
        settle(crew, job, ENDING_CANCELLED, NULL, 0);
    } else if (job->warnings) {
        (void)snprintf(why, sizeof why, "timed out after %lld ms", (long long)job->timeout);
        settle(crew, job, ENDING_FAILURE, why, -1);
    } else {
        if (how->signal)
            (void)snprintf(why, sizeof why, "its process was killed by SIG%s", name ? name : "?");
        else
            (void)snprintf(why, sizeof why, "its process exited with status %d", how->status);
        sluice_log(crew->worker, SLUICE_LOG_WARN, "job %s of type %s, attempt %lld: %s", job->id,
                   job->type, (long long)job->attempt, why);
        settle(crew, job, ENDING_CRASH, why, -1);
    }
}

/* It never got to a job: it is started again, but not more and more often. */
static void put_off(struct crew *crew, struct slot *slot, const sluice_exit *how)
{
    int64_t wait = START_MIN_MS;
    for (unsigned i = 0; i < slot->early_ends && wait < START_MAX_MS; i++)
        wait *= 2;
    slot->deadline = crew_now(crew) + wait;
    slot->early_ends++;
    sluice_log(crew->worker, SLUICE_LOG_WARN,
               "executor %u ended (signal %d, status %d) before it ran a job; starting it again in "
               "%lld ms",
               slot->number, how->signal, how->status, (long long)wait);
}

void slot_ended(sluice_worker *worker, void *self, uint32_t number, const sluice_exit *how)
{
    const struct jobs *jobs = self;
    struct crew *crew = jobs->crew;
    struct slot *slot = slot_of(self, number);
    (void)worker;
    for (struct held *job = crew->all, *next; slot->running && job; job = next) {
        next = job->next;
        if (job->slot == slot)
            settle_death(crew, leave_slot(job), how);
    }
    slot->state = SLOT_EMPTY;
    slot->deadline = 0;
    if (!slot->ran && !crew->draining)
        put_off(crew, slot, how);
    crew_work(crew);
}

/* ---- Deadlines ---------------------------------------------------------------------------- */

/* Told, then asked with SIGTERM, then killed: which ends everything that runs in its executor. */
static void warn(struct crew *crew, struct held *job, int64_t now)
{
    struct wire *wire = &crew->wire;
    uint32_t slot = job->slot->number;
    int64_t pause = job->warnings == 0 ? TERMINATE_AFTER_MS : KILL_AFTER_MS;
    if (job->warnings == 0) {
        wire_begin(wire, WIRE_CANCEL);
        wire_text(wire, bytes_of(job->id));
        sluice_executor_send(crew->worker, slot, wire->data, wire->len);
    } else {
        sluice_executor_signal(crew->worker, slot, job->warnings == 1 ? SIGTERM : SIGKILL);
    }
    job->warnings++;
    job->deadline = job->warnings > 2 ? NEVER : now + pause;
}

void slots_look(struct crew *crew, int64_t now)
{
    for (struct held *job = crew->all; job; job = job->next)
        if (job->slot && job->deadline <= now)
            warn(crew, job, now);
    for (unsigned i = 0; i < crew->slot_count; i++) {
        struct slot *slot = &crew->slots[i];
        if (slot->state != SLOT_LEAVING || slot->deadline > now)
            continue;
        sluice_executor_signal(crew->worker, slot->number, SIGKILL);
        slot->deadline = NEVER;
    }
    slots_fill(crew, now);
}

int64_t slots_due(const struct crew *crew)
{
    int64_t due = NEVER;
    for (const struct held *job = crew->all; job; job = job->next)
        if (job->slot && job->deadline < due)
            due = job->deadline;
    for (unsigned i = 0; i < crew->slot_count; i++) {
        const struct slot *slot = &crew->slots[i];
        bool counts = slot->state == SLOT_LEAVING || (slot->state == SLOT_EMPTY && !crew->draining);
        if (counts && slot->deadline < due)
            due = slot->deadline;
    }
    return due;
}

void slots_cancel(struct crew *crew, struct held *job)
{
    if (job->cancelled)
        return;
    job->cancelled = true;
    if (job->warnings == 0)
        warn(crew, job, crew_now(crew));
}

/* The grace is nearly over: what still runs is ended, and goes back when it has. */
void slots_give_up(struct crew *crew)
{
    for (unsigned i = 0; i < crew->slot_count; i++)
        if (crew->slots[i].running)
            sluice_executor_signal(crew->worker, crew->slots[i].number, SIGKILL);
}
