/* A job as it is answered.
 *
 * SPDX-License-Identifier: MIT */
#include "job_json.h"

#include <stdlib.h>
#include <string.h>

#include "caller.h"
#include "shared/times.h"

static const char *const names[JOB_FIELDS] = {
    [JOB_QUEUE] = "queue",       [JOB_TYPE] = "type",         [JOB_STATE] = "state",
    [JOB_SPACE] = "space",       [JOB_ATTEMPT] = "attempt",   [JOB_PRIORITY] = "priority",
    [JOB_CREATED] = "created",   [JOB_RUN_AT] = "runat",      [JOB_STARTED] = "started",
    [JOB_FINISHED] = "finished", [JOB_PROGRESS] = "progress", [JOB_PAYLOAD] = "payload",
    [JOB_RESULT] = "result",     [JOB_ERROR] = "error",       [JOB_ERRORS] = "errors",
    [JOB_FAILURES] = "failures", [JOB_CRASHES] = "crashes",   [JOB_LOST] = "lost",
};

/* ---- Reading ------------------------------------------------------------------------------ */

const sluice_command *job_read(sluice_request *req, const char *id)
{
    sluice_command *command = sluice_new(req, sluice_command);
    sluice_arg *args = sluice_alloc(req, sizeof(sluice_arg) * (2 + JOB_FIELDS));
    args[0] = sluice_arg_text("HMGET");
    args[1] = sluice_arg_text(sluice_key(req, "job:", id));
    for (int i = 0; i < JOB_FIELDS; i++)
        args[2 + i] = sluice_arg_text(names[i]);
    *command = sluice_command_of(args, 2 + JOB_FIELDS, sizeof args[0]);
    return command;
}

sluice_verdict job_ask(sluice_request *req, sluice_wait wait, const char *id)
{
    const sluice_command *command = job_read(req, id);
    return sluice_ask_v(req, wait, command->argv, command->argc, command->stride);
}

bool job_is(const sluice_reply *fields)
{
    return !sluice_is_nil(sluice_at(fields, JOB_STATE));
}

bool job_is_visible(sluice_request *req, const sluice_reply *fields)
{
    const char *space = caller_space(req);
    return job_is(fields) &&
           (*space == '\0' || strcmp(sluice_text(sluice_at(fields, JOB_SPACE)), space) == 0);
}

sluice_verdict job_absent(sluice_request *req)
{
    return sluice_problem(req, 404, "job_not_found",
                          "there is no such job, or it is kept no longer, or another space's");
}

/* ---- Writing ------------------------------------------------------------------------------ */

sluice_arg job_time(sluice_request *req, int64_t ms)
{
    char *text = sluice_alloc(req, TIME_SIZE);
    if (ms == 0)
        return sluice_arg_text(NULL);
    time_write(ms, text);
    return sluice_arg_text(text);
}

static sluice_arg time_of(sluice_request *req, const sluice_reply *fields, enum job_field field)
{
    return job_time(req, sluice_int(sluice_at(fields, field)));
}

static sluice_arg json_of(const sluice_reply *fields, enum job_field field)
{
    sluice_bytes text = sluice_text_bytes(sluice_at(fields, field));
    return text.len ? sluice_raw_json(text) : sluice_arg_text(NULL);
}

static sluice_arg number_of(const sluice_reply *fields, enum job_field field)
{
    const sluice_reply *value = sluice_at(fields, field);
    return sluice_is_nil(value) ? sluice_arg_text(NULL) : sluice_arg_int(sluice_int(value));
}

static sluice_arg text_of(const sluice_reply *fields, enum job_field field)
{
    const sluice_reply *value = sluice_at(fields, field);
    return sluice_is_nil(value) ? sluice_arg_text(NULL) : sluice_arg_reply(value);
}

/* Lines of attempt, time, kind, and the reason as a JSON string: see common.lua. */
static sluice_list *failures_of(sluice_request *req, const sluice_reply *fields)
{
    sluice_list *list = sluice_list_new(req);
    const char *at = sluice_text(sluice_at(fields, JOB_ERRORS));
    while (*at) {
        char *end;
        int64_t attempt = strtoll(at, &end, 10);
        int64_t time = strtoll(end, &end, 10);
        const char *kind = end + strspn(end, " ");
        size_t kind_len = strcspn(kind, " \n");
        const char *why = kind + kind_len + strspn(kind + kind_len, " ");
        size_t why_len = strcspn(why, "\n");
        sluice_push(req, list,
                    sluice_object(req, "attempt", attempt, "at", job_time(req, time), "kind",
                                  sluice_bytes_of(kind, kind_len), "error",
                                  sluice_raw_json(sluice_bytes_of(why, why_len))));
        at = why + why_len + (why[why_len] == '\n');
    }
    return list;
}

/* Of a job that completed in the end, only `failures` tells what went wrong before. */
static sluice_arg error_of(const sluice_reply *fields)
{
    bool completed = strcmp(sluice_text(sluice_at(fields, JOB_STATE)), "completed") == 0;
    return completed ? sluice_arg_text(NULL) : text_of(fields, JOB_ERROR);
}

sluice_arg job_json(sluice_request *req, const char *id, const sluice_reply *fields)
{
    return sluice_object(
        req, "id", id, "queue", text_of(fields, JOB_QUEUE), "type", text_of(fields, JOB_TYPE),
        "state", text_of(fields, JOB_STATE), "attempt", sluice_int(sluice_at(fields, JOB_ATTEMPT)),
        "priority", number_of(fields, JOB_PRIORITY), "createdAt", time_of(req, fields, JOB_CREATED),
        "runAt", time_of(req, fields, JOB_RUN_AT), "startedAt", time_of(req, fields, JOB_STARTED),
        "finishedAt", time_of(req, fields, JOB_FINISHED), "progress",
        number_of(fields, JOB_PROGRESS), "payload", json_of(fields, JOB_PAYLOAD), "result",
        json_of(fields, JOB_RESULT), "error", error_of(fields), "failures",
        failures_of(req, fields));
}
