/* Requests of remote workers that wait for a job, in the order in which they came.
 *
 *   poll_enter -> asks -> poll_park -> (a message names the queue) -> asks again -> ... -> poll_leave
 *
 * Of one queue only one request of this worker asks at a time: a thousand that wait cost Redis no
 * more than one.
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_POLLS_H
#define JOBS_POLLS_H

#include <stdbool.h>

#include <sluice/plugin.h>

#include "jobs.h"

struct poll {
    struct poll *next, **from;
    struct polls *polls; /* NULL: not entered */
    const char *queue;
    sluice_token token;
    bool parked; /* else it asks */
    bool called; /* while it asked: it asks again before it parks */
};

/* Begins to listen. 0, or -1: out of memory. */
int32_t polls_start(sluice_worker *worker, struct jobs *jobs);
void polls_stop(struct jobs *jobs);

/* `queue` lives as long as the poll is entered. */
void poll_enter(struct polls *polls, struct poll *poll, const char *queue);
void poll_leave(struct poll *poll); /* also one that was never entered */

/* There may be something for whoever waits for this queue. */
void polls_call(struct polls *polls, const char *queue);

#endif
