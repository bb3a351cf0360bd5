/* What a request asks of the limiter, in one script call with everybody who waits.
 *
 * SPDX-License-Identifier: MIT */
#include "question.h"

#include "call.h"
#include "ratelimit.h"

#define PARK_MS 1000

static void *make(void *context)
{
    return call_new(context);
}

static void release(void *call)
{
    call_free(call);
}

static void begin(void *call)
{
    call_begin(call);
}

static enum batch_fit add(void *call, void *question)
{
    return call_add(call, question) ? BATCH_FITS : BATCH_FULL;
}

static bool send(void *call, sluice_worker *worker, sluice_worker_step *then, void *state)
{
    const struct ratelimit *ratelimit = sluice_worker_self(worker);
    return call_send(call, worker, ratelimit->take, then, state);
}

static void judge_all(void *data, sluice_worker *worker, struct batch_ticket *const *seats,
                      uint32_t count, const sluice_reply *reply)
{
    struct ratelimit *ratelimit = sluice_worker_self(worker);
    struct call *call = data;
    int64_t now = sluice_monotonic(worker), failed;
    if (!sluice_is_trouble(reply) && !sluice_is_error(reply)) {
        if (!call_judge(call, seats, reply, now))
            sluice_log(worker, SLUICE_LOG_ERROR,
                       "take.lua answered %llu numbers for %u requests; the gateway and the script "
                       "that Redis ran do not fit together",
                       (unsigned long long)sluice_length(reply), count);
    } else if (notice_due(&ratelimit->troubled, now, &failed)) {
        sluice_log(worker, SLUICE_LOG_WARN,
                   "%lld calls of take.lua failed, the last with \"%s\"; each policy's "
                   "on_store_error says what happens meanwhile",
                   (long long)failed, sluice_text(reply));
    }
}

struct batch *question_batch(struct local *local)
{
    static const struct batch_kind kind = {make, release, begin, add, send, judge_all};
    return batch_new(&kind, local);
}

sluice_verdict question_ask(sluice_request *req, struct question *question, sluice_step *then,
                            const char *then_name)
{
    const struct ratelimit *ratelimit = sluice_self(req);
    sluice_wait wait = sluice_then(then, then_name, question);
    wait.timeout_ms = PARK_MS;
    return batch_ask(ratelimit->batch, req, &question->ticket, wait);
}
