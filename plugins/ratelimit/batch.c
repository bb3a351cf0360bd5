/* One script call for everybody who waits.
 *
 *   batch_ask: park -> queue -> [none in flight, or many wait] -> call
 *   answered: judged, woken -> [none in flight, or many wait] -> call
 *
 * Calls are answered in the order in which they were sent, so requests are judged in the order in
 * which they came, however many are in flight.
 *
 * SPDX-License-Identifier: MIT */
#include "batch.h"

#include <stdlib.h>

#include "call.h"

/* So many that wait are worth a call of their own while another is in flight: then Redis works on
 * the one as we work on the others. */
#define MANY 16
#define FLIGHTS_MAX 4
#define PARK_MS 1000 /* for a call that runs out of time, and the one after it */

/* A call on its way; free when its batch is NULL. */
struct flight {
    struct batch *batch;
    struct call *call;
};

struct batch {
    const sluice_script *take;
    struct flight flights[FLIGHTS_MAX];
    uint32_t in_flight;
    bool settling;                 /* the last one says what was spent without Redis */
    struct question *first, **end; /* who waits for the next one */
    uint32_t waiting;
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
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        batch->flights[i].call = call_new(local);
        if (!batch->flights[i].call) {
            batch_free(batch);
            return NULL;
        }
    }
    return batch;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        call_free(batch->flights[i].call);
    free(batch);
}

/* ---- The queue ---------------------------------------------------------------------------- */

static void enqueue(struct batch *batch, struct question *question)
{
    question->next = NULL;
    question->from = batch->end;
    *batch->end = question;
    batch->end = &question->next;
    batch->waiting++;
}

static void dequeue(struct batch *batch, struct question *question)
{
    *question->from = question->next;
    if (question->next)
        question->next->from = question->from;
    else
        batch->end = question->from;
    question->from = NULL;
    question->batch->waiting--;
}

/* Runs when the request ends, in whatever way. */
static void forget(void *what)
{
    struct question *question = what;
    if (question->from)
        dequeue(question->batch, question);
    if (question->call)
        call_leave(question);
}

/* ---- Asking ------------------------------------------------------------------------------- */

static struct flight *free_flight(struct batch *batch)
{
    struct flight *flight = batch->flights;
    while (flight->batch)
        flight++;
    return flight;
}

/* While Redis is told what was spent without it, nobody tells it the same again. */
static bool is_time(const struct batch *batch)
{
    if (!batch->in_flight)
        return batch->waiting > 0;
    return batch->waiting >= MANY && batch->in_flight < FLIGHTS_MAX && !batch->settling;
}

static void ask(struct batch *batch, sluice_worker *worker)
{
    if (!is_time(batch))
        return;
    struct flight *flight = free_flight(batch);
    struct call *call = flight->call;
    call_begin(call);
    while (batch->first && call_add(call, batch->first))
        dequeue(batch, batch->first);
    flight->batch = batch;
    batch->in_flight++;
    batch->settling = call_send(call, worker, batch->take, answered, flight);
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
    ask(batch, sluice_worker_of(req));
    return verdict;
}

/* ---- The reply ---------------------------------------------------------------------------- */

static void judge_all(struct batch *batch, struct call *call, sluice_worker *worker,
                      const sluice_reply *reply)
{
    int64_t now = sluice_monotonic(worker), failed;
    if (!sluice_is_trouble(reply) && !sluice_is_error(reply)) {
        if (!call_judge(call, reply, now))
            sluice_log(worker, SLUICE_LOG_ERROR,
                       "take.lua answered %llu numbers for %u requests; the gateway and the script "
                       "that Redis ran do not fit together",
                       (unsigned long long)sluice_length(reply), call_count(call));
    } else if (notice_due(&batch->troubled, now, &failed)) {
        sluice_log(worker, SLUICE_LOG_WARN,
                   "%lld calls of take.lua failed, the last with \"%s\"; each policy's "
                   "on_store_error says what happens meanwhile",
                   (long long)failed, sluice_text(reply));
    }
}

static void answered(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct flight *flight = state;
    struct batch *batch = flight->batch;
    struct call *call = flight->call;
    judge_all(batch, call, worker, reply);
    for (uint32_t i = 0; i < call_count(call); i++) {
        struct question *question = call_take(call, i);
        if (question) /* false: it ran out of time just now */
            (void)sluice_wake(worker, question->token, 1);
    }
    flight->batch = NULL;
    batch->in_flight--;
    ask(batch, worker);
}
