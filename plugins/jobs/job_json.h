/* A job as it is answered.
 *
 *   SLUICE_COMMAND-like arguments: job_fields(args, key) -> HMGET -> job_json(req, id, reply)
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_JOB_JSON_H
#define JOBS_JOB_JSON_H

#include <sluice/plugin.h>

/* What is read of a job, in this order. */
enum job_field {
    JOB_QUEUE,
    JOB_TYPE,
    JOB_STATE,
    JOB_SPACE,
    JOB_ATTEMPT,
    JOB_PRIORITY,
    JOB_CREATED,
    JOB_RUN_AT,
    JOB_STARTED,
    JOB_FINISHED,
    JOB_PROGRESS,
    JOB_PAYLOAD,
    JOB_RESULT,
    JOB_ERROR,
    JOB_ERRORS,
    JOB_FAILURES,
    JOB_CRASHES,
    JOB_LOST,
    JOB_FIELDS
};

/* HMGET of them. */
const sluice_command *job_read(sluice_request *req, const char *id);

/* The same, of one job. */
SLUICE_MUST_RETURN sluice_verdict job_ask(sluice_request *req, sluice_wait wait, const char *id);

/* False for one that is not there. */
bool job_is(const sluice_reply *fields);

/* Whether the caller may see it: it is there, and in the caller's space. */
bool job_is_visible(sluice_request *req, const sluice_reply *fields);

sluice_arg job_json(sluice_request *req, const char *id, const sluice_reply *fields);

/* Ms since 1970 as RFC 3339; nil for 0. */
sluice_arg job_time(sluice_request *req, int64_t ms);

/* 404 for what is not there, or not the caller's. */
SLUICE_MUST_RETURN sluice_verdict job_absent(sluice_request *req);

#endif
