/* A Redis that throws keys away when it is full can't keep a queue: it is refused as long as it would.
 *
 *   start -> CONFIG GET maxmemory-policy -> noeviction, or: nothing is enqueued -> asked again ...
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_EVICTION_H
#define JOBS_EVICTION_H

#include "jobs.h"

/* Looks now, and again until the answer is the right one. */
void eviction_look(sluice_worker *worker, struct jobs *jobs);

#endif
