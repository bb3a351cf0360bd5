/* Those who wait at this worker: what is kept for them while their requests are parked.
 *
 *   waiters_join -> ... message, queue lost, subscription back -> called -> its request asks again
 *        `-> while a lock has a waiter here: tend.lua each second, and when the lock runs out
 *
 * A waiter joins before its place in the queue is asked for, so that no call can come too early.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LOCK_WAITERS_H
#define LOCK_WAITERS_H

#include <sluice/plugin.h>

struct lease;
struct line;
struct waiters;

#define WAITER_LIVES_MS 3000 /* a dead gateway's waiters keep a lock up for no longer */

/* In its request's memory. */
struct waiter {
    const struct lease *lease;
    struct line *line; /* of this worker's waiters for one lock; NULL: not in one */
    struct waiter *next, **from;
    bool parked; /* its request is, on this token */
    bool called; /* while it was not */
    sluice_token token;
};

/* NULL: out of memory. `tend` outlives it. */
struct waiters *waiters_new(sluice_worker *worker, const char *name, const sluice_script *tend);
void waiters_listen(struct waiters *waiters);
/* Waiters that are still in a line leave it. Takes NULL. */
void waiters_free(struct waiters *waiters);

/* On which they are called, with redis.prefix. */
const char *waiters_channel(const struct waiters *waiters);

/* Joining a second time changes nothing. False: out of memory. */
bool waiters_join(struct waiters *waiters, struct waiter *waiter, const struct lease *lease);
/* Looks after the waiter's lock in so many ms, or earlier. */
void waiters_look_in(struct waiter *waiter, int64_t ms);
void waiters_call(struct waiter *waiter); /* its request asks again */
void waiters_part(struct waiter *waiter); /* not in a line: nothing */

#endif
