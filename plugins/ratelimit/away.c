/* Judging while Redis is away, by each policy's on_store_error.
 *
 *   closed -> nothing passes      open -> not judged      local -> this worker's share decides
 *
 * SPDX-License-Identifier: MIT */
#include "away.h"

#include "local.h"
#include "ratelimit.h"

static bool is_closed(const struct question *question)
{
    for (uint32_t i = 0; i < question->count; i++) {
        const struct policy *policy = question->demands[i].policy;
        if (policy->on_store_error == STORE_ERROR_CLOSED && !policy->shadow)
            return true;
    }
    return false;
}

static void tell_open(sluice_worker *worker, struct policy *policy)
{
    int64_t passed;
    if (notice_due(&policy->passed, sluice_monotonic(worker), &passed))
        sluice_log(worker, SLUICE_LOG_WARN,
                   "policy %s let %lld requests pass uncounted: Redis does not answer, and its "
                   "on_store_error is open",
                   policy->name, (long long)passed);
}

static void keep_local(sluice_worker *worker, struct question *question)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < question->count; i++) {
        struct policy *policy = question->demands[i].policy;
        if (policy->on_store_error == STORE_ERROR_LOCAL)
            question->demands[kept++] = question->demands[i];
        else if (policy->on_store_error == STORE_ERROR_OPEN)
            tell_open(worker, policy);
    }
    question->count = kept;
}

bool away_judge(struct ratelimit *ratelimit, sluice_worker *worker, struct question *question)
{
    if (is_closed(question))
        return false;
    keep_local(worker, question);
    question->pass =
        local_judge(ratelimit->local, question->demands, question->count, sluice_monotonic(worker));
    question->now = sluice_realtime(worker);
    return true;
}

sluice_verdict away_refuse(sluice_request *req)
{
    return sluice_problem(req, 503, "store_unavailable",
                          "the gateway's store does not answer now, and nothing may pass uncounted "
                          "here; try again");
}
