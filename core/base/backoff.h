/* How long to wait before starting again what keeps dying: 50 ms, doubling to 30 s.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_BACKOFF_H
#define SLUICE_CORE_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t delay;   /* ms, of the last wait; 0: none yet */
    int64_t started; /* monotonic ms of the last start */
};

static inline void backoff_started(struct backoff *backoff, int64_t now)
{
    backoff->started = now;
}

/* It has died: when to start it again. A run of 10 s or more counts as healthy and forgets what
 * came before. */
static inline int64_t backoff_next(struct backoff *backoff, int64_t now)
{
    const int64_t first = 50, most = 30000, healthy = 10000;
    if (now - backoff->started >= healthy)
        backoff->delay = 0;
    backoff->delay = backoff->delay ? backoff->delay * 2 : first;
    if (backoff->delay > most)
        backoff->delay = most;
    return now + backoff->delay;
}

#endif
