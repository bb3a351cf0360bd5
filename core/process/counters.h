/* Counters that all processes of a gateway share: one mapping, made by the master, inherited or
 * passed as a descriptor, one cache line group per worker. Written by their worker alone.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_COUNTERS_H
#define SLUICE_CORE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS_GENERATIONS 8 /* serving, starting and draining ones */
#define COUNTERS_WORKERS 128   /* the most http workers of one generation */

struct worker_counters {
    _Atomic uint64_t accepting;   /* 1 while the worker takes connections */
    _Atomic uint64_t connections; /* open now */
    _Atomic uint64_t accepted;
    _Atomic uint64_t requests;
    _Atomic uint64_t parked;      /* requests that wait now */
    _Atomic uint64_t stale_wakes; /* tokens refused */
    _Atomic uint64_t restarts;    /* of this place, by the generation */
    char pad[8];
} __attribute__((aligned(64)));

struct counters {
    struct worker_counters workers[COUNTERS_GENERATIONS][COUNTERS_WORKERS];
};

/* A descriptor of new, zeroed counters, or a negative errno. */
int counters_create(void);
/* Maps a descriptor; NULL on failure. */
struct counters *counters_map(int fd);

#endif
