/* Requests of remote workers that wait for a job.
 *
 * SPDX-License-Identifier: MIT */
#include "polls.h"

#include <stdlib.h>
#include <string.h>

#include "store.h"

struct polls {
    sluice_worker *worker;
    struct poll *first, **end;
};

/* ---- The line ----------------------------------------------------------------------------- */

void poll_enter(struct polls *polls, struct poll *poll, const char *queue)
{
    poll->polls = polls;
    poll->queue = queue;
    poll->next = NULL;
    poll->from = polls->end;
    *polls->end = poll;
    polls->end = &poll->next;
}

void poll_leave(struct poll *poll)
{
    struct polls *polls = poll->polls;
    if (!polls)
        return;
    *poll->from = poll->next;
    if (poll->next)
        poll->next->from = poll->from;
    else
        polls->end = poll->from;
    poll->polls = NULL;
}

/* ---- Calling ------------------------------------------------------------------------------ */

static void call(struct polls *polls, struct poll *poll)
{
    if (poll->parked && sluice_wake(polls->worker, poll->token, 1))
        poll->parked = false;
    else
        poll->called = true;
}

void polls_call(struct polls *polls, const char *queue)
{
    struct poll *first = NULL;
    for (struct poll *poll = polls->first; poll; poll = poll->next) {
        if (strcmp(poll->queue, queue) != 0)
            continue;
        if (!poll->parked) {
            poll->called = true;
            return;
        }
        if (!first)
            first = poll;
    }
    if (first)
        call(polls, first);
}

/* News of the subscription itself: messages may have been missed. */
static void call_all(struct polls *polls)
{
    for (struct poll *poll = polls->first; poll; poll = poll->next)
        call(polls, poll);
}

static void told(sluice_worker *worker, void *state, const sluice_reply *message)
{
    struct polls *polls = state;
    (void)worker;
    if (sluice_length(message) == 2)
        polls_call(polls, sluice_text(sluice_at(message, 1)));
    else
        call_all(polls);
}

/* ---- Life --------------------------------------------------------------------------------- */

int32_t polls_start(sluice_worker *worker, struct jobs *jobs)
{
    jobs->polls = calloc(1, sizeof *jobs->polls);
    if (!jobs->polls) {
        sluice_log(worker, SLUICE_LOG_ERROR, "can't start: out of memory");
        return -1;
    }
    jobs->polls->worker = worker;
    jobs->polls->end = &jobs->polls->first;
    sluice_subscribe(worker, CHANNEL_WAKE, told, jobs->polls);
    return 0;
}

void polls_stop(struct jobs *jobs)
{
    free(jobs->polls);
    jobs->polls = NULL;
}
