/* An executor of jobs: runs one handler after the other.
 *
 *   RUN -> handler (PROGRESS, LOG; CANCEL is looked for when it asks) -> OUTCOME -> RUN ...
 *
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sluice/job.h>

#include "jobs.h"
#include "wire.h"

#define WORDS_MAX 1000 /* of one run: a handler that talks without end is not listened to */
#define RESULT_LATE "the result is larger than result_max allows"

/* The job that runs. What it points to lives until its handler returns. */
struct run {
    sluice_job abi; /* first */
    sluice_executor *executor;
    const struct jobs *jobs;
    const char *id, *type, *queue, *space, *client;
    sluice_bytes payload;
    int64_t attempt, epoch, created, deadline; /* monotonic ms */
    uint32_t handler;
    unsigned words; /* said so far */
    int64_t percent;
    bool cancelled;

    sluice_outcome how;
    const char *why;
    sluice_bytes result;
    int64_t after_ms;
    int64_t count; /* jobs that this executor has run */
    bool leaves;   /* this was its last */
    struct wire wire;
};

static struct run *run_of(sluice_job *abi)
{
    return (struct run *)(void *)abi;
}

static sluice_bytes copy(const struct run *run, sluice_bytes text)
{
    char *made = run->executor->api->alloc(run->executor, text.len + 1, 1);
    if (text.len)
        memcpy(made, text.data, text.len);
    return (sluice_bytes){made, text.len};
}

static void send(struct run *run)
{
    (void)run->executor->api->send(run->executor, run->wire.data, run->wire.len);
}

static void begin(struct run *run, enum wire_kind kind)
{
    wire_begin(&run->wire, kind);
    wire_text(&run->wire, sluice_bytes_of(run->id, strlen(run->id)));
}

/* ---- What a handler sees ------------------------------------------------------------------- */

static const char *text(sluice_job *abi, uint32_t what)
{
    const struct run *run = run_of(abi);
    const char *const texts[] = {run->id, run->type, run->queue, run->space, run->client};
    return what < sizeof texts / sizeof texts[0] ? texts[what] : "";
}

static int64_t number(sluice_job *abi, uint32_t what)
{
    const struct run *run = run_of(abi);
    switch (what) {
    case SLUICE_JOB_ATTEMPT:
        return run->attempt;
    case SLUICE_JOB_FENCE:
        return run->epoch;
    case SLUICE_JOB_LEFT:
        return run->deadline - run->executor->api->monotonic(run->executor);
    case SLUICE_JOB_CREATED:
        return run->created;
    default:
        return 0;
    }
}

static sluice_bytes payload(sluice_job *abi)
{
    return run_of(abi)->payload;
}

static sluice_executor *executor(sluice_job *abi)
{
    return run_of(abi)->executor;
}

static void progress(sluice_job *abi, int64_t percent)
{
    struct run *run = run_of(abi);
    int64_t now = percent < 0 ? 0 : percent > 100 ? 100 : percent;
    if (now == run->percent || run->words++ >= WORDS_MAX)
        return;
    run->percent = now;
    begin(run, WIRE_PROGRESS);
    wire_int(&run->wire, now);
    send(run);
}

static void log_line(sluice_job *abi, const char *line)
{
    struct run *run = run_of(abi);
    if (run->words++ >= WORDS_MAX)
        return;
    begin(run, WIRE_LOG);
    wire_text(&run->wire, sluice_bytes_of(line, strlen(line)));
    send(run);
}

/* The process sends nothing but CANCEL while a job runs. */
static bool cancelled(sluice_job *abi)
{
    struct run *run = run_of(abi);
    sluice_bytes message;
    struct wire_reader reader;
    while (run->executor->api->receive(run->executor, 0, &message) > 0)
        if (wire_open(&reader, message) == WIRE_CANCEL &&
            strcmp(wire_take_text(&reader).data, run->id) == 0)
            run->cancelled = true;
    return run->cancelled;
}

static sluice_outcome done(sluice_job *abi, sluice_bytes result)
{
    struct run *run = run_of(abi);
    if (result.len > (uint64_t)run->jobs->result_max) {
        run->why = RESULT_LATE;
        return SLUICE_JOB_DEAD;
    }
    run->result = copy(run, result);
    return SLUICE_JOB_DONE;
}

static const char *reason(const struct run *run, const char *why)
{
    return copy(run, sluice_bytes_of(why ? why : "", why ? strnlen(why, 1000) : 0)).data;
}

static sluice_outcome retry(sluice_job *abi, int64_t after_ms, const char *why)
{
    struct run *run = run_of(abi);
    run->why = reason(run, why);
    run->after_ms = after_ms;
    return SLUICE_JOB_RETRY;
}

static sluice_outcome dead(sluice_job *abi, const char *why)
{
    struct run *run = run_of(abi);
    run->why = reason(run, why);
    return SLUICE_JOB_DEAD;
}

static const sluice_job_api job_api = {
    .size = sizeof job_api,
    .text = text,
    .number = number,
    .payload = payload,
    .executor = executor,
    .progress = progress,
    .log = log_line,
    .cancelled = cancelled,
    .done = done,
    .retry = retry,
    .dead = dead,
};

/* ---- One job after the other --------------------------------------------------------------- */

static const char *take_copy(struct run *run, struct wire_reader *reader)
{
    return copy(run, wire_take_text(reader)).data;
}

static bool read_run(struct run *run, sluice_bytes message)
{
    struct wire_reader reader;
    if (wire_open(&reader, message) != WIRE_RUN)
        return false; /* a CANCEL that came when its job had ended */
    run->id = take_copy(run, &reader);
    run->type = take_copy(run, &reader);
    run->queue = take_copy(run, &reader);
    run->space = take_copy(run, &reader);
    run->client = take_copy(run, &reader);
    run->payload = copy(run, wire_take_text(&reader));
    run->attempt = wire_take_int(&reader);
    run->epoch = wire_take_int(&reader);
    run->created = wire_take_int(&reader);
    run->deadline = run->executor->api->monotonic(run->executor) + wire_take_int(&reader);
    run->handler = (uint32_t)wire_take_int(&reader);
    return !reader.broken;
}

/* Its memory may have grown, or been torn, by what ran in it: a new one takes its place in time. */
static bool has_had_enough(const struct run *run)
{
    struct rusage usage;
    const struct jobs *jobs = run->jobs;
    if (jobs->max_jobs && run->count >= jobs->max_jobs)
        return true;
    return jobs->max_rss && getrusage(RUSAGE_SELF, &usage) == 0 &&
           usage.ru_maxrss > jobs->max_rss / 1024;
}

static void tell_outcome(struct run *run)
{
    const struct wire_outcome outcome = {
        .how = run->how,
        .after_ms = run->after_ms,
        .why = sluice_bytes_of(run->why, strlen(run->why)),
        .result = run->result,
        .leaves = run->leaves,
    };
    wire_write_outcome(&run->wire, run->id, &outcome);
    send(run);
}

static void run_handler(struct run *run)
{
    sluice_executor *executor = run->executor;
    const sluice_job_handler *handler = executor->api->job_handler(executor, run->handler);
    run->why = "";
    run->result = (sluice_bytes){"", 0};
    run->after_ms = -1;
    run->words = 0;
    run->percent = -1;
    run->cancelled = false;
    executor->api->note(executor, handler->run_name);
    run->how = handler->run(&run->abi, executor->api->job_self(executor, run->handler));
    executor->api->note(executor, NULL);
    if (run->how < SLUICE_JOB_DONE || run->how > SLUICE_JOB_DEAD) {
        run->how = SLUICE_JOB_DEAD;
        run->why = "its handler returned what is no outcome";
    }
    run->count++;
    run->leaves = has_had_enough(run);
    tell_outcome(run);
}

/* ---- Limits ------------------------------------------------------------------------------- */

static bool limit(sluice_executor *executor, unsigned what, const char *name, int64_t most)
{
    struct rlimit limit;
    char line[128];
    if (getrlimit(what, &limit) == 0) {
        limit.rlim_cur = (rlim_t)most;
        if (setrlimit(what, &limit) == 0)
            return true;
    }
    (void)snprintf(line, sizeof line, "can't set limits.%s: %s", name, strerror(errno));
    executor->api->log(executor, SLUICE_LOG_ERROR, line);
    return false;
}

/* What the process has mapped already does not count: a limit is on what its handlers take. */
static bool limit_memory(sluice_executor *executor, int64_t most)
{
    long pages = 0;
    FILE *statm = most ? fopen("/proc/self/statm", "re") : NULL;
    if (!statm)
        return most == 0;
    int found = fscanf(statm, "%ld", &pages);
    (void)fclose(statm);
    return found == 1 &&
           limit(executor, RLIMIT_AS, "memory", (int64_t)pages * sysconf(_SC_PAGESIZE) + most);
}

/* Each job has the time for itself: SIGXCPU ends the executor of one that takes more. */
static bool limit_cpu(sluice_executor *executor, int64_t most_ms)
{
    struct rusage usage;
    if (most_ms == 0)
        return true;
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return false;
    int64_t used = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + 1;
    return limit(executor, RLIMIT_CPU, "cpu", used + (most_ms + 999) / 1000);
}

int32_t jobs_execute(sluice_executor *executor, void *self, uint32_t slot)
{
    const struct jobs *jobs = self;
    struct run run = {.abi = {&job_api}, .executor = executor, .jobs = jobs};
    sluice_bytes message;
    (void)slot;
    if (!limit_memory(executor, jobs->limits.memory))
        return 1;
    while (!run.leaves && executor->api->receive(executor, -1, &message) > 0) {
        if (!limit_cpu(executor, jobs->limits.cpu))
            return 1;
        if (read_run(&run, message))
            run_handler(&run);
        executor->api->forget(executor);
    }
    wire_release(&run.wire);
    return 0;
}
