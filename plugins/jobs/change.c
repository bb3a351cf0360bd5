/* Changes of one job.
 *
 *   cancel_job --cancel.lua--> cancelled -> 204, 202 while it runs, 404, 409
 *   retry_job  --retry.lua--> retried    -> 200, 404, 409
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "caller.h"
#include "job_json.h"
#include "jobs.h"
#include "store.h"

static sluice_step cancelled, retried;

sluice_verdict cancel_job(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    const char *id = sluice_path(req, "id");
    const char *queue = job_id_queue(id);
    (void)none;
    if (!queue)
        return job_absent(req);
    const struct queue_keys *keys = queue_keys_of(req, queue);
    struct call call = call_new(req, keys, 3);
    call_text(&call, id);
    call_text(&call, caller_space(req));
    call_text(&call, keys->cancel_channel);
    return call_run(req, SLUICE_THEN(cancelled, self), jobs->cancel, &call);
}

static sluice_verdict cancelled(sluice_request *req, void *self, const sluice_reply *outcome)
{
    const char *word = sluice_text(outcome);
    (void)self;
    if (strcmp(word, "absent") == 0)
        return job_absent(req);
    if (strcmp(word, "finished") == 0)
        return sluice_problem(req, 409, "job_finished", "this job has ended already");
    return sluice_respond_empty(req, strcmp(word, "cancelling") == 0 ? 202 : 204);
}

sluice_verdict retry_job(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    const char *id = sluice_path(req, "id");
    const char *queue = job_id_queue(id);
    (void)none;
    if (!queue)
        return job_absent(req);
    struct call call = call_new(req, queue_keys_of(req, queue), 2);
    call_text(&call, id);
    call_text(&call, caller_space(req));
    return call_run(req, SLUICE_THEN(retried, self), jobs->retry, &call);
}

static sluice_verdict retried(sluice_request *req, void *self, const sluice_reply *outcome)
{
    const char *word = sluice_text(outcome);
    (void)self;
    if (strcmp(word, "absent") == 0)
        return job_absent(req);
    if (strcmp(word, "queued") != 0)
        return sluice_problem_with(req, 409, "nothing_to_retry",
                                   sluice_concat(req, "this job is ", word,
                                                 "; dead jobs and those that wait for later can be "
                                                 "retried"),
                                   "state", word);
    return sluice_json(req, 200, "id", sluice_path(req, "id"), "state", "queued");
}
