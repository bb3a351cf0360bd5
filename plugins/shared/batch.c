/* Requests that go together in one call of a script.
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

/* So many that wait are worth a call of their own while another is in flight: then Redis works on
 * the one as we work on the others. */
#define MANY 16
#define FLIGHTS_MAX 4

/* A call on its way; free when its batch is NULL. */
struct flight {
    struct batch *batch;
    void *call;
    struct batch_ticket *seats[BATCH_SEATS];
    uint32_t count;
};

struct batch {
    const struct batch_kind *kind;
    struct flight flights[FLIGHTS_MAX];
    uint32_t in_flight;
    bool alone; /* the last one is to be answered before another is sent */
    struct batch_ticket *first, **end;
    uint32_t waiting;
};

static sluice_worker_step answered;

struct batch *batch_new(const struct batch_kind *kind, void *context)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->kind = kind;
    batch->end = &batch->first;
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        batch->flights[i].call = kind->make(context);
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
        if (batch->flights[i].call)
            batch->kind->release(batch->flights[i].call);
    free(batch);
}

/* ---- The queue ---------------------------------------------------------------------------- */

static void enqueue(struct batch *batch, struct batch_ticket *ticket)
{
    ticket->next = NULL;
    ticket->from = batch->end;
    *batch->end = ticket;
    batch->end = &ticket->next;
    batch->waiting++;
}

static void dequeue(struct batch *batch, struct batch_ticket *ticket)
{
    *ticket->from = ticket->next;
    if (ticket->next)
        ticket->next->from = ticket->from;
    else
        batch->end = ticket->from;
    ticket->from = NULL;
    batch->waiting--;
}

/* Runs when the request ends, in whatever way. */
static void forget(void *what)
{
    struct batch_ticket *ticket = what;
    if (ticket->from)
        dequeue(ticket->batch, ticket);
    if (ticket->seat)
        *ticket->seat = NULL;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static bool is_time(const struct batch *batch)
{
    if (!batch->in_flight)
        return batch->waiting > 0;
    return batch->waiting >= MANY && batch->in_flight < FLIGHTS_MAX && !batch->alone;
}

static struct flight *free_flight(struct batch *batch)
{
    struct flight *flight = batch->flights;
    while (flight->batch)
        flight++;
    return flight;
}

static void board(struct batch *batch, struct flight *flight)
{
    struct batch_ticket *next = NULL;
    batch->kind->begin(flight->call);
    flight->count = 0;
    for (struct batch_ticket *ticket = batch->first; ticket; ticket = next) {
        next = ticket->next;
        enum batch_fit fit = flight->count == BATCH_SEATS
                                 ? BATCH_FULL
                                 : batch->kind->add(flight->call, ticket->question);
        if (fit == BATCH_FULL)
            return;
        if (fit == BATCH_LATER)
            continue;
        dequeue(batch, ticket);
        ticket->seat = &flight->seats[flight->count++];
        *ticket->seat = ticket;
    }
}

static void ask(struct batch *batch, sluice_worker *worker)
{
    if (!is_time(batch))
        return;
    struct flight *flight = free_flight(batch);
    flight->batch = batch;
    batch->in_flight++;
    board(batch, flight);
    batch->alone = batch->kind->send(flight->call, worker, answered, flight);
}

sluice_verdict batch_ask(struct batch *batch, sluice_request *req, struct batch_ticket *ticket,
                         sluice_wait wait)
{
    wait.flags |= SLUICE_TAKE_TROUBLE;
    sluice_verdict verdict = sluice_park(req, wait, &ticket->token);
    if (verdict != SLUICE_WAIT)
        return verdict;
    ticket->question = wait.state;
    ticket->batch = batch;
    sluice_defer(req, forget, ticket);
    enqueue(batch, ticket);
    ask(batch, sluice_worker_of(req));
    return verdict;
}

static void answered(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct flight *flight = state;
    struct batch *batch = flight->batch;
    batch->kind->judge(flight->call, worker, flight->seats, flight->count, reply);
    for (uint32_t i = 0; i < flight->count; i++) {
        struct batch_ticket *ticket = flight->seats[i];
        if (!ticket)
            continue;
        ticket->seat = NULL;
        (void)sluice_wake(worker, ticket->token, 1); /* false: it ran out of time just now */
    }
    flight->batch = NULL;
    batch->in_flight--;
    ask(batch, worker);
}
