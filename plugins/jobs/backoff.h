/* When to try again after a failure.
 *
 *   exponential 1s 1h   full jitter: any time up to the base doubled with each attempt, up to the
 *                       cap (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015)
 *   fixed 5s            always the same
 *   list 1s 5s 1m       one after the other, then the last again and again
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_BACKOFF_H
#define JOBS_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_TIMES_MAX 20
#define BACKOFF_SIZE 400 /* bytes of the longest text with its NUL */
#define BACKOFF_TIME_MAX_MS (30 * 86400000LL)
#define BACKOFF_RULE                                                                               \
    "must be \"exponential BASE CAP\", \"fixed TIME\" or \"list TIME TIME ...\", with times like " \
    "250ms, 5s, 1m or 1h, up to 30d"

enum backoff_kind { BACKOFF_EXPONENTIAL, BACKOFF_FIXED, BACKOFF_LIST };

struct backoff {
    enum backoff_kind kind;
    unsigned count;
    int64_t times[BACKOFF_TIMES_MAX]; /* ms; exponential: base and cap */
};

/* False for a text that follows no rule. */
bool backoff_read(const char *text, struct backoff *ret_backoff);

/* The text of a backoff, as backoff_read takes it. */
void backoff_write(const struct backoff *backoff, char ret_text[BACKOFF_SIZE]);

/* Milliseconds until the next attempt, when `attempts` (1 or more) have failed. `random` is any
 * number, of which all bits count. */
int64_t backoff_delay(const struct backoff *backoff, int64_t attempts, uint64_t random);

#endif
