/* Job handlers: work that is done outside any request, in a child process that may block, crash,
 * leak or hang without hurting anybody.
 *
 *   #include <sluice/job.h>
 *
 *   static sluice_outcome thumbnail(sluice_job *job, void *self)
 *   {
 *       const struct images *images = self;
 *       sluice_bytes payload = sluice_job_payload(job);   JSON text, as it was enqueued
 *       ...
 *       sluice_job_progress(job, 50);
 *       if (...the disk is full...)
 *           return sluice_job_retry(job, "no room for the thumbnail");
 *       return sluice_job_done(job, "width", 320, "height", 200);
 *   }
 *
 *   static const sluice_job_handler handlers[] = {
 *       {.type = "thumbnail", SLUICE_RUN(thumbnail), .timeout_ms = 60000},
 *   };
 *   ... in configure: sluice_job_handlers(host, handlers);
 *
 * A handler runs at least once for each job: after a crash of anything it may run again. To act
 * once, let the job's id or its fence (SLUICE_JOB_FENCE, which rises with every attempt) travel with
 * what it does. It runs in one thread of a process of its own; what it changes in memory is seen by
 * later jobs of the same executor, and by nobody else.
 *
 * Memory from sluice_job_alloc and replies from sluice_job_ask live until the handler returns.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_JOB_H
#define SLUICE_JOB_H

#include <sluice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A handler with its name: SLUICE_RUN(thumbnail). In C++ fill the row in order. */
#define SLUICE_RUN(function) .run = (function), .run_name = #function

/* `rows` is an array with static storage. Called in `configure`. */
#define sluice_job_handlers(host, rows)                                                            \
    ((host)->api->job_handlers((host), (rows), (uint32_t)(sizeof(rows) / sizeof(rows)[0]),         \
                               (uint32_t)sizeof(rows)[0]))

/* ---- The job ------------------------------------------------------------------------------ */

static inline const char *sluice_job_id(sluice_job *job)
{
    return job->api->text(job, SLUICE_JOB_ID);
}

static inline const char *sluice_job_type(sluice_job *job)
{
    return job->api->text(job, SLUICE_JOB_TYPE);
}

/* JSON text with a NUL behind it. */
static inline sluice_bytes sluice_job_payload(sluice_job *job)
{
    return job->api->payload(job);
}

/* SLUICE_JOB_QUEUE, _SPACE, _CLIENT; and of `number`: _ATTEMPT, _FENCE, _LEFT, _CREATED. */
static inline const char *sluice_job_text(sluice_job *job, uint32_t what)
{
    return job->api->text(job, what);
}

static inline int64_t sluice_job_number(sluice_job *job, uint32_t what)
{
    return job->api->number(job, what);
}

/* True once the job was cancelled or its time is over: it should clean up and return. One that does
 * not is ended by SIGTERM 2 s later, and by SIGKILL 3 s after that. */
static inline bool sluice_job_cancelled(sluice_job *job)
{
    return job->api->cancelled(job);
}

/* 0 to 100, shown with the job. */
static inline void sluice_job_progress(sluice_job *job, int64_t percent)
{
    job->api->progress(job, percent);
}

/* A line of the job's own log; the last 100 are kept. */
static inline void sluice_job_log(sluice_job *job, const char *format, ...) SLUICE_PRINTF(2, 3);
static inline void sluice_job_log(sluice_job *job, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    job->api->log(job, line);
}

static inline void *sluice_job_alloc(sluice_job *job, uint64_t size)
{
    sluice_executor *executor = job->api->executor(job);
    return executor->api->alloc(executor, size, sizeof(void *) * 2);
}

/* Asks Redis and waits for the answer, at most 5 s; the reply is never NULL. Keys are to begin with
 * sluice_job_prefix. */
#define sluice_job_ask(job, ...) sluice_job_ask_v((job), SLUICE_ARGS(__VA_ARGS__))
static inline const sluice_reply *sluice_job_ask_v(sluice_job *job, const sluice_arg *argv,
                                                   uint32_t argc, uint32_t stride)
{
    sluice_executor *executor = job->api->executor(job);
    return executor->api->ask(executor, argv, argc, stride, 5000);
}

static inline const char *sluice_job_prefix(sluice_job *job)
{
    sluice_executor *executor = job->api->executor(job);
    return executor->api->prefix(executor);
}

/* ---- How it ends -------------------------------------------------------------------------- */

/* With a result of names and values, as sluice_json takes them; sluice_job_done_json with JSON text,
 * or with an empty one for no result. */
#define sluice_job_done(job, ...) sluice_job_done_v((job), SLUICE_ARGS(__VA_ARGS__))
static inline sluice_outcome sluice_job_done_v(sluice_job *job, const sluice_arg *pairs,
                                               uint32_t count, uint32_t stride)
{
    sluice_executor *executor = job->api->executor(job);
    sluice_arg result = executor->api->object(executor, pairs, count, stride);
    return job->api->done(job, sluice_bytes_of(result.u.text, result.len));
}

static inline sluice_outcome sluice_job_done_json(sluice_job *job, const char *json)
{
    return job->api->done(job, sluice_bytes_of(json, strlen(json)));
}

/* It failed: again after its backoff, while its retries last. */
static inline sluice_outcome sluice_job_retry(sluice_job *job, const char *why)
{
    return job->api->retry(job, -1, why);
}

static inline sluice_outcome sluice_job_retry_after(sluice_job *job, int64_t after_ms,
                                                    const char *why)
{
    return job->api->retry(job, after_ms, why);
}

/* It failed, and trying again would not help. */
static inline sluice_outcome sluice_job_dead(sluice_job *job, const char *why)
{
    return job->api->dead(job, why);
}

#ifdef __cplusplus
}
#endif
#endif
