/* A worker's own state, shared by the files that make up a worker: loop (worker.c), waits
 * (wait.c), HTTP (http.c, connections.c), the tables that plugins see (request_api.c,
 * worker_api.c).
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_WORKER_INTERNAL_H
#define SLUICE_CORE_WORKER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "address.h"
#include "counters.h"
#include "redis.h"
#include "request.h"
#include "subscriber.h"
#include "worker.h"

/* One plugin's view of the worker: what its steps get as sluice_worker. */
struct worker_handle {
    sluice_worker abi; /* first */
    struct worker *worker;
    const struct plugin *plugin; /* NULL: the core's own steps */
};

struct once;

/* A question on its way: it outlives the request that asked, when that ends first. */
struct ask {
    struct worker *worker;
    struct request *request; /* NULL: asked by a worker step */
    uint32_t generation;     /* of the request's wait */
    struct worker_handle *asker;
    sluice_worker_step *then; /* a worker's next step, or a request's undo; may be NULL */
    void *state;
    struct ask *next; /* free list */
};

struct worker {
    uv_loop_t loop;
    const struct worker_setup *setup;
    const struct gateway *gateway;
    struct worker_counters *counters;
    struct arena arena;            /* what plugins' start leaves behind */
    struct worker_handle *handles; /* one a plugin, in config order, then the core's */
    struct network *trusted;
    size_t trusted_count;

    struct redis *redis;
    struct subscriber *subscriber;
    struct http *http;      /* NULL in a plugin's process, which has the next three */
    struct redis *blocking; /* for commands that wait in Redis */
    struct links *links;    /* to its executors */
    bool drained;           /* the plugin has nothing left to do */
    struct hangup *hangup;

    struct request **slots; /* every request object ever made, by its slot */
    uint32_t slot_count, slot_size;
    struct request *free_requests;
    struct request *woken_first, *woken_last; /* their next step runs in this turn */
    struct ask *free_asks;
    struct once *timers; /* of plugins, still running */

    uv_prepare_t prepare;
    uv_check_t check;
    uv_signal_t terminate;
    uv_timer_t ready_timer, drain_timer;
    int64_t drain_started; /* monotonic ms; 0: serving */
    bool ready_told;
    bool ending;
};

/* wait.c */
/* What a step sees of an answer: trouble where there is none (NULL) or Redis can't serve now. */
struct reply reply_seen(int status, const struct reply *reply);
struct ask *ask_take(struct worker *worker);
void ask_give(struct ask *ask);
void wait_run_woken(struct worker *worker);
void wait_hung_up(void *owner, uint64_t token); /* the hang-up watch's callback */

/* worker_api.c */
extern const sluice_worker_api worker_api;
struct worker_handle *worker_handle_of(struct worker *worker, const struct plugin *plugin);

/* Runs a worker step on behalf of its plugin, watched for blocking the loop. */
void worker_step(struct worker_handle *handle, sluice_worker_step *step, void *state,
                 const sluice_reply *reply);

/* A timer that runs once and frees itself; those that have not rung by the worker's end never do. */
void worker_timer(struct worker_handle *handle, int64_t ms, sluice_worker_step *then, void *state);
void worker_timers_close(struct worker *worker);

static inline bool worker_draining(const struct worker *worker)
{
    return worker->drain_started != 0;
}

#endif
