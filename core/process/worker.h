/* A worker: one process, one loop, from its start to the end of its draining. It serves http, or it
 * is a process of a plugin.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_WORKER_H
#define SLUICE_CORE_WORKER_H

#include <stddef.h>

#include "counters.h"
#include "gateway.h"
#include "redis.h"

/* Everything a worker is given by the generation that forks it; all of it outlives the worker. */
struct worker_setup {
    const struct gateway *gateway;
    unsigned index, count;
    unsigned generation_slot; /* which row of the counters */
    struct counters *counters;
    const int *listeners; /* listening sockets, shared with the other workers */
    size_t listener_count;
    const char *admin_token;
    struct redis_target redis;
    /* The worker writes one byte to it when it is ready: accepting, and its Redis session and
     * scripts are up or 1 s has gone by. -1: nobody wants to know. */
    int ready_fd;
    const struct process *process; /* of a plugin; NULL: it serves http */
    int channel;                   /* of such a process, to its generation */
};

/* Serves until SIGTERM, drains, and returns the exit status: 0 after a clean end. Takes over the
 * process's signals. Call in a freshly forked child that has no loop yet. */
int worker_main(const struct worker_setup *setup);

#endif
