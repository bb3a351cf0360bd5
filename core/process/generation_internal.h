/* A generation's own state, shared by the files that make it up.
 *
 *   generation.c  reads, loads, asks the master, and says what it serves
 *   places.c      the processes it keeps alive: http workers, and processes of plugins
 *   executors.c   the children that a plugin's process asks for
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_GENERATION_INTERNAL_H
#define SLUICE_CORE_GENERATION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "backoff.h"
#include "gateway.h"
#include "generation.h"
#include "worker.h"

/* A process's place: it is filled again when its process dies. */
struct place {
    const struct process *process; /* NULL: http worker `index` */
    unsigned index;
    pid_t pid;    /* 0: nobody */
    int ready_fd; /* until it is ready; -1 */
    int channel;  /* to a plugin's process; -1 */
    bool ready;
    int64_t start_at; /* monotonic ms; 0: no start is due */
    struct backoff backoff;
    pid_t *executors; /* by slot; 0: none */
};

struct serving {
    const struct generation_setup *setup;
    struct gateway gateway;
    struct gateway_source source;
    struct worker_setup worker;
    struct place *places; /* http workers first */
    unsigned place_count;
    int *listeners;
    int signals;
    bool told;           /* READY was sent */
    int64_t drain_until; /* monotonic ms; 0: serving */
    bool failed;
};

/* places.c: runs everything until it has drained. `ready` is called when all of it is ready. */
void places_serve(struct serving *serving, void (*ready)(struct serving *serving));

/* executors.c */
/* Does what the process of this place asks for. -EPIPE when it is gone. */
int executors_obey(struct serving *serving, struct place *place);
/* True when `pid` was an executor of this place: its process is told how it ended. */
bool executors_ended(struct place *place, pid_t pid, int status, const struct rusage *usage);
void executors_kill(struct place *place);
bool executors_alive(const struct place *place);

#endif
