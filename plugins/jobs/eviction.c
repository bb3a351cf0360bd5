/* A Redis that throws keys away can't keep a queue.
 *
 * SPDX-License-Identifier: MIT */
#include "eviction.h"

#include <string.h>

#define AGAIN_MS 1000

static sluice_worker_step looked, again;

void eviction_look(sluice_worker *worker, struct jobs *jobs)
{
    sluice_worker_ask(worker, looked, jobs, "CONFIG", "GET", "maxmemory-policy");
}

static void again(sluice_worker *worker, void *state, const sluice_reply *none)
{
    (void)none;
    eviction_look(worker, state);
}

static void looked(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct jobs *jobs = state;
    const char *policy = sluice_text(sluice_at(reply, 1));
    if (sluice_is_error(reply)) {
        sluice_log(worker, SLUICE_LOG_WARN,
                   "Redis does not tell its maxmemory-policy (%s); it must be noeviction, or jobs "
                   "can be lost",
                   sluice_text(reply));
        return;
    }
    bool evicts = !sluice_is_trouble(reply) && strcmp(policy, "noeviction") != 0;
    if (evicts && !jobs->evicts)
        sluice_log(worker, SLUICE_LOG_ERROR,
                   "Redis has maxmemory-policy %s and would throw jobs away; no job is taken until "
                   "it is noeviction",
                   policy);
    if (!sluice_is_trouble(reply))
        jobs->evicts = evicts;
    if (evicts || sluice_is_trouble(reply))
        sluice_timer(worker, AGAIN_MS, again, jobs);
}
