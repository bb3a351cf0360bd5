/* Requests that go together in one call of a script.
 *
 *   batch_ask: park -> queue -> call: begin, add, add ... send -> judged, each woken -> the next call
 *
 * A request that comes while no call is in flight is asked for at once; those that come meanwhile
 * wait for its answer, or until they are many, and go together, in the order in which they came.
 * Nobody waits for a timer. A request that ends while it is queued leaves the queue; one whose call
 * is in flight by then has asked all the same.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SHARED_BATCH_H
#define SHARED_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#define BATCH_SEATS 256u

struct batch;

/* What a request brings; in its memory. */
struct batch_ticket {
    void *question; /* the plugin's; the state of the step that batch_ask names */
    struct batch *batch;
    struct batch_ticket *next, **from; /* in the queue; `from` is NULL when it is not there */
    struct batch_ticket **seat;        /* in flight; else NULL */
    sluice_token token;
};

enum batch_fit {
    BATCH_FITS,
    BATCH_LATER, /* this one can't go with those before it; another may */
    BATCH_FULL,
};

/* What the plugin's calls are. There are a few, used again and again. */
struct batch_kind {
    void *(*make)(void *context); /* NULL: out of memory */
    void (*release)(void *call);
    void (*begin)(void *call); /* an empty one; the first question always fits */
    enum batch_fit (*add)(void *call, void *question);
    /* Asks Redis; `then` runs with the reply. True: no other may be sent until it is answered. */
    bool (*send)(void *call, sluice_worker *worker, sluice_worker_step *then, void *state);
    /* Writes into the questions what became of them, by the reply, or the trouble. Those whose
     * request has ended are NULL; seats are in the order of `add`. */
    void (*judge)(void *call, sluice_worker *worker, struct batch_ticket *const *seats,
                  uint32_t count, const sluice_reply *reply);
};

/* `kind` outlives the batch; `context` is what `make` is given. NULL: out of memory. */
struct batch *batch_new(const struct batch_kind *kind, void *context);
void batch_free(struct batch *batch); /* takes NULL */

/* Parks the request; `then` runs with `question` when it was judged, or could not be: SLUICE_THEN
 * gives both. The wait names how long, at least for two calls that run out of time. */
SLUICE_MUST_RETURN sluice_verdict batch_ask(struct batch *batch, sluice_request *req,
                                            struct batch_ticket *ticket, sluice_wait wait);

#endif
