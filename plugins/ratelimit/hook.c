/* The before hook: lets a request pass, or refuses it.
 *
 *   limit_request --question--> judged --> fields --> next step, or 429
 *        `-- Redis is away --> without_store ---'
 *
 * SPDX-License-Identifier: MIT */
#include "away.h"
#include "demand.h"
#include "fields.h"
#include "question.h"
#include "ratelimit.h"

static sluice_step judged;

/* ---- The end of it ------------------------------------------------------------------------- */

static void tell_shadows(sluice_request *req, const struct demand *demands, uint32_t count)
{
    sluice_worker *worker = sluice_worker_of(req);
    int64_t refused;
    for (uint32_t i = 0; i < count; i++) {
        struct policy *policy = demands[i].policy;
        if (policy->shadow && !demands[i].ruling.afforded &&
            notice_due(&policy->shadowed, sluice_monotonic(worker), &refused))
            sluice_log(worker, SLUICE_LOG_INFO,
                       "shadow policy %s would have refused %lld requests by now, the last one of "
                       "%s",
                       policy->name, (long long)refused, demands[i].key);
    }
}

static sluice_verdict finish(sluice_request *req, const struct question *question)
{
    tell_shadows(req, question->demands, question->count);
    fields_set(req, question->demands, question->count, question->now);
    return question->pass ? SLUICE_NEXT : fields_refuse(req, question->demands, question->count);
}

static sluice_verdict without_store(sluice_request *req, struct question *question)
{
    if (!away_judge(sluice_self(req), sluice_worker_of(req), question))
        return away_refuse(req);
    return finish(req, question);
}

/* ---- Judging ------------------------------------------------------------------------------- */

sluice_verdict limit_request(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct ratelimit *ratelimit = self;
    struct question *question = sluice_new(req, struct question);
    const char *unknown = NULL;
    (void)none;
    question->demands = demand_of(req, &ratelimit->policies, &question->count, &unknown);
    if (!question->demands) {
        sluice_log(sluice_worker_of(req), SLUICE_LOG_ERROR,
                   "%s is limited by \"%s\", which is no policy; name it under policies",
                   sluice_route_pattern(req), unknown);
        return sluice_problem(req, 500, "internal_error",
                              "the gateway could not answer this request");
    }
    if (question->count == 0)
        return SLUICE_NEXT;
    if (!sluice_redis_ready(sluice_worker_of(req)))
        return without_store(req, question);
    return question_ask(req, question, SLUICE_STEP(judged));
}

static sluice_verdict judged(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct question *question = state;
    (void)reply;
    return question->judged ? finish(req, question) : without_store(req, question);
}
