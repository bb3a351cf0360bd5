/* Limits for the callers' own services, and a look into any bucket.
 *
 *   check_limit --question--> checked       POST /v1/ratelimit/check
 *   show_limit  --question--> checked       GET /v1/ratelimit/{policy}/{subject}
 *   reset_limit --DEL----> was_reset     DELETE the same
 *
 * What is checked is a bucket of the caller's space that no request to the gateway spends from.
 * The answer is 200 when it refuses, too: the caller asked a question.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/json.h>

#include "away.h"
#include "demand.h"
#include "question.h"
#include "ratelimit.h"

#define COST_MAX 1000000000 /* as much as a capacity can be */

static sluice_step checked, was_reset;

struct check {
    struct question question;
    struct demand demand;
    bool never; /* costs more than the bucket can hold: nothing is taken */
};

/* ---- The answer ---------------------------------------------------------------------------- */

/* A policy that is open says nothing while Redis is away but that it lets pass. */
static sluice_verdict answer(sluice_request *req, const struct check *check)
{
    const struct policy *policy = check->demand.policy;
    const struct ruling *ruling = &check->demand.ruling;
    sluice_arg left_out = sluice_arg_text(NULL);
    bool judged = check->question.count > 0;
    return sluice_json(
        req, 200, "allowed", (_Bool)(check->question.pass && !check->never), "limit",
        policy->capacity, "remaining", judged ? sluice_arg_int(ruling->remaining) : left_out,
        "retryAfterMs", judged && !check->never ? sluice_arg_int(ruling->wait_ms) : left_out,
        "resetMs", judged ? sluice_arg_int(ruling->reset_ms) : left_out, "policy", policy->name);
}

static sluice_verdict without_store(sluice_request *req, struct check *check)
{
    if (!away_judge(sluice_self(req), sluice_worker_of(req), &check->question))
        return away_refuse(req);
    return answer(req, check);
}

static sluice_verdict ask(sluice_request *req, struct policy *policy, const char *key, int64_t cost)
{
    struct check *check = sluice_new(req, struct check);
    check->never = cost > policy->capacity;
    if (cost < -policy->capacity) /* which fills it already */
        cost = -policy->capacity;
    check->demand = (struct demand){.policy = policy, .key = key, .cost = check->never ? 0 : cost};
    check->question.demands = &check->demand;
    check->question.count = 1;
    if (!sluice_redis_ready(sluice_worker_of(req)))
        return without_store(req, check);
    return question_ask(req, &check->question, SLUICE_STEP(checked));
}

static sluice_verdict checked(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct check *check = state; /* its question is its first member */
    (void)reply;
    return check->question.judged ? answer(req, check) : without_store(req, check);
}

/* ---- POST /v1/ratelimit/check -------------------------------------------------------------- */

sluice_verdict check_limit(sluice_request *req, void *self, const sluice_reply *none)
{
    struct ratelimit *ratelimit = self;
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *name = sluice_take_name(&in, "policy");
    const char *subject = sluice_take_user_id(&in, "subject");
    int64_t cost = sluice_optional_int(&in, "cost", -COST_MAX, COST_MAX, 1);
    struct policy *policy = name ? policy_find(&ratelimit->policies, name, strlen(name)) : NULL;
    if (name && !policy)
        sluice_member_wrong(&in, "policy", "must be the name of a policy of this gateway");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    const sluice_identity *who =
        sluice_who(req); /* NULL where the configuration opened the route */
    const char *space = who && who->space ? who->space : "";
    return ask(req, policy, demand_key(req, policy, KIND_CHECK, space, subject), cost);
}

/* ---- GET, DELETE /v1/ratelimit/{policy}/{subject} ------------------------------------------ */

static enum kind take_kind(sluice_reader *in)
{
    const char *of = sluice_query(in->req, "of");
    for (int i = 0; of && demand_kinds[i]; i++)
        if (strcmp(demand_kinds[i], of) == 0)
            return (enum kind)i;
    if (of)
        sluice_parameter_wrong(in, "of", "must be check, client, key, user, address or route");
    return KIND_CHECK;
}

/* The bucket that path and query name; NULL when they name none, which is answered. */
static const char *take_bucket(sluice_request *req, struct ratelimit *ratelimit,
                               struct policy **ret_policy, sluice_verdict *ret_verdict)
{
    sluice_reader in;
    sluice_read_parameters(req, &in);
    const char *name = sluice_take_path_name(&in, "policy");
    const char *subject = sluice_path(req, "subject");
    const char *space = sluice_query(req, "space");
    enum kind kind = take_kind(&in);
    if (!sluice_is_user_id(subject))
        sluice_parameter_wrong(&in, "subject", SLUICE_USER_ID_RULE);
    if (demand_has_space(kind) && !sluice_is_name(space))
        sluice_parameter_wrong(&in, "space", SLUICE_NAME_RULE);
    if (sluice_is_bad(&in)) {
        *ret_verdict = sluice_refuse_input(&in);
        return NULL;
    }
    *ret_policy = policy_find(&ratelimit->policies, name, strlen(name));
    if (*ret_policy)
        return demand_key(req, *ret_policy, kind, space, subject);
    *ret_verdict =
        sluice_problem(req, 404, "policy_not_found", "this gateway has no policy of this name");
    return NULL;
}

sluice_verdict show_limit(sluice_request *req, void *self, const sluice_reply *none)
{
    struct policy *policy = NULL;
    sluice_verdict refused = SLUICE_DONE;
    (void)none;
    const char *key = take_bucket(req, self, &policy, &refused);
    if (!key)
        return refused;
    return ask(req, policy, key, 0);
}

sluice_verdict reset_limit(sluice_request *req, void *self, const sluice_reply *none)
{
    struct policy *policy = NULL;
    sluice_verdict refused = SLUICE_DONE;
    (void)none;
    const char *key = take_bucket(req, self, &policy, &refused);
    if (!key)
        return refused;
    return sluice_ask(req, was_reset, NULL, "DEL", key);
}

static sluice_verdict was_reset(sluice_request *req, void *none, const sluice_reply *count)
{
    (void)none;
    (void)count;
    return sluice_respond_empty(req, 204);
}
