/* One script call for everybody who waits.
 *
 *   batch_ask: park -> queue -> [no call in flight] -> call -> answered: judged, woken, next call
 *
 * SPDX-License-Identifier: MIT */
#include "batch.h"

#include <stdlib.h>

#include "call.h"

#define PARK_MS 1000 /* for a call that runs out of time, and the one after it */

struct batch {
    const sluice_script *take;
    struct call *call; /* in flight, or of no interest */
    bool in_flight;
    struct question *first, **end; /* who waits for the next one */
    struct notice troubled;
};

static sluice_worker_step answered;

struct batch *batch_new(const sluice_script *take, struct local *local)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->take = take;
    batch->end = &batch->first;
    batch->call = call_new(local);
    if (batch->call)
        return batch;
    free(batch);
    return NULL;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    call_free(batch->call);
    free(batch);
}

/* ---- The queue ---------------------------------------------------------------------------- */

static void enqueue(struct batch *batch, struct question *question)
{
    question->next = NULL;
    question->from = batch->end;
    *batch->end = question;
    batch->end = &question->next;
}

static void dequeue(struct batch *batch, struct question *question)
{
    *question->from = question->next;
    if (question->next)
        question->next->from = question->from;
    else
        batch->end = question->from;
    question->from = NULL;
}

/* Runs when the request ends, in whatever way. */
static void forget(void *what)
{
    struct question *question = what;
    if (question->from)
        dequeue(question->batch, question);
    if (question->seat)
        call_leave(question->batch->call, question);
}

/* ---- Asking ------------------------------------------------------------------------------- */

static void ask(struct batch *batch, sluice_worker *worker)
{
    call_begin(batch->call);
    while (batch->first && call_add(batch->call, batch->first))
        dequeue(batch, batch->first);
    if (call_count(batch->call) == 0)
        return;
    batch->in_flight = true;
    call_send(batch->call, worker, batch->take, answered, batch);
}

sluice_verdict batch_ask(struct batch *batch, sluice_request *req, struct question *question,
                         sluice_step *then, const char *then_name)
{
    sluice_wait wait = sluice_then(then, then_name, question);
    wait.flags = SLUICE_TAKE_TROUBLE;
    wait.timeout_ms = PARK_MS;
    sluice_verdict verdict = sluice_park(req, wait, &question->token);
    if (verdict != SLUICE_WAIT)
        return verdict;
    question->batch = batch;
    sluice_defer(req, forget, question);
    enqueue(batch, question);
    if (!batch->in_flight)
        ask(batch, sluice_worker_of(req));
    return verdict;
}

/* ---- The reply ---------------------------------------------------------------------------- */

static void judge_all(struct batch *batch, sluice_worker *worker, const sluice_reply *reply)
{
    int64_t now = sluice_monotonic(worker), failed;
    if (!sluice_is_trouble(reply) && !sluice_is_error(reply)) {
        if (!call_judge(batch->call, reply, now))
            sluice_log(worker, SLUICE_LOG_ERROR,
                       "take.lua answered %llu numbers for %u requests; the gateway and the script "
                       "that Redis ran do not fit together",
                       (unsigned long long)sluice_length(reply), call_count(batch->call));
    } else if (notice_due(&batch->troubled, now, &failed)) {
        sluice_log(worker, SLUICE_LOG_WARN,
                   "%lld calls of take.lua failed, the last with \"%s\"; each policy's "
                   "on_store_error says what happens meanwhile",
                   (long long)failed, sluice_text(reply));
    }
}

static void answered(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct batch *batch = state;
    batch->in_flight = false;
    judge_all(batch, worker, reply);
    for (uint32_t i = 0; i < call_count(batch->call); i++) {
        struct question *question = call_take(batch->call, i);
        if (question) /* false: it ran out of time just now */
            (void)sluice_wake(worker, question->token, 1);
    }
    if (batch->first)
        ask(batch, worker);
}
