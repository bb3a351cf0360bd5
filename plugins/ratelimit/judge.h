/* Several buckets, one request: it takes its cost from all of them or from none.
 *
 *   stakes -> all afford it? -> spend -> a ruling for each
 *
 * A shadow bucket gives what it can and keeps nobody away.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_JUDGE_H
#define RATELIMIT_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "bucket.h"

/* What a request wants of one bucket. */
struct stake {
    const struct limit *limit;
    struct bucket *bucket; /* advanced to the time of the judgement; changed by it */
    int64_t cost;
    bool shadow;
};

/* What became of it. */
struct ruling {
    bool afforded;     /* by this bucket, whatever the others said */
    int64_t remaining; /* tokens, after the request */
    int64_t wait_ms;   /* until the cost is there; 0 when afforded, -1: never */
    int64_t next_ms;   /* until there is one token more; 0 when full */
    int64_t reset_ms;  /* until it is full */
};

/* True when the request may pass. `ret_rulings` has room for `count`, or is NULL. */
bool judge(const struct stake *stakes, uint32_t count, int64_t now, struct ruling *ret_rulings);

#endif
