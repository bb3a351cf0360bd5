/* How jobs are.
 *
 *   show_job     --HMGET--> shown          show_log  --HGET, LRANGE--> logged
 *   show_classic --HMGET--> shown_classic
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "caller.h"
#include "job_json.h"
#include "jobs.h"
#include "store.h"

static sluice_step shown, shown_classic, logged;

/* NULL: there can't be one of that id. */
static const char *take_id(sluice_request *req)
{
    const char *id = sluice_path(req, "id");
    return job_id_queue(id) ? id : NULL;
}

/* ---- A job -------------------------------------------------------------------------------- */

sluice_verdict show_job(sluice_request *req, void *self, const sluice_reply *none)
{
    const char *id = take_id(req);
    (void)none;
    return id ? job_ask(req, SLUICE_THEN(shown, self), id) : job_absent(req);
}

static sluice_verdict shown(sluice_request *req, void *self, const sluice_reply *fields)
{
    (void)self;
    if (!job_is_visible(req, fields))
        return job_absent(req);
    sluice_arg job = job_json(req, take_id(req), fields);
    return sluice_respond(req, 200, "application/json", sluice_bytes_of(job.u.text, job.len));
}

/* ---- The classic view --------------------------------------------------------------------- */

static const char *classic_state(const char *state)
{
    static const struct {
        const char *state, *classic;
    } words[] = {{"active", "processing"},
                 {"completed", "completed"},
                 {"dead", "dead"},
                 {"cancelled", "cancelled"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].state, state) == 0)
            return words[i].classic;
    return "queued";
}

sluice_verdict show_classic(sluice_request *req, void *self, const sluice_reply *none)
{
    const char *id = take_id(req);
    (void)none;
    return id ? job_ask(req, SLUICE_THEN(shown_classic, self), id) : job_absent(req);
}

static sluice_verdict shown_classic(sluice_request *req, void *self, const sluice_reply *fields)
{
    (void)self;
    if (!job_is_visible(req, fields))
        return job_absent(req);
    int64_t retries = sluice_int(sluice_at(fields, JOB_FAILURES)) +
                      sluice_int(sluice_at(fields, JOB_CRASHES)) +
                      sluice_int(sluice_at(fields, JOB_LOST));
    const sluice_reply *error = sluice_at(fields, JOB_ERROR);
    sluice_arg job = sluice_object(
        req, "id", take_id(req), "status", classic_state(sluice_text(sluice_at(fields, JOB_STATE))),
        "payload", sluice_at(fields, JOB_PAYLOAD), "retries", retries, "createdAt",
        sluice_at(fields, JOB_CREATED), "error",
        sluice_is_nil(error) ? sluice_arg_text(NULL) : sluice_arg_reply(error));
    return sluice_json(req, 200, "success", true, "message", "Job found", "job", job);
}

/* ---- Its log ------------------------------------------------------------------------------ */

sluice_verdict show_log(sluice_request *req, void *self, const sluice_reply *none)
{
    const char *id = take_id(req);
    (void)none;
    if (!id)
        return job_absent(req);
    const char *key = sluice_key(req, "job:", id);
    return sluice_ask_all(req, logged, self, SLUICE_COMMAND("HGET", key, "space"),
                          SLUICE_COMMAND("LRANGE", sluice_concat(req, key, ":log"), 0, -1));
}

static sluice_verdict logged(sluice_request *req, void *self, const sluice_reply *both)
{
    const sluice_reply *owner = sluice_at(both, 0), *lines = sluice_at(both, 1);
    const char *space = caller_space(req);
    (void)self;
    if (sluice_is_nil(owner) || (*space && strcmp(space, sluice_text(owner)) != 0))
        return job_absent(req);
    sluice_list *list = sluice_list_new(req);
    for (uint64_t i = 0; i < sluice_length(lines); i++) {
        char *text;
        int64_t time = strtoll(sluice_text(sluice_at(lines, i)), &text, 10);
        sluice_push(req, list,
                    sluice_object(req, "at", job_time(req, time), "line",
                                  (const char *)text + (*text == ' ')));
    }
    return sluice_json(req, 200, "lines", list);
}
