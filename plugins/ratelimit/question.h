/* What a request asks of the limiter, in one script call with everybody who waits.
 *
 *   question_ask: park -> shared/batch -> take.lua -> judged
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_QUESTION_H
#define RATELIMIT_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "judge.h"
#include "policy.h"
#include "shared/batch.h"

struct local;

/* One bucket that a request takes from. */
struct demand {
    struct policy *policy;
    const char *key; /* with redis.prefix */
    int64_t cost;
    struct ruling ruling; /* once judged */
};

/* In the request's memory, and the state of the step that question_ask names. */
struct question {
    struct demand *demands; /* of different buckets, at most POLICIES_MAX */
    uint32_t count;

    bool judged; /* false when its step runs: Redis gave no answer */
    bool pass;
    int64_t now; /* the time of the judgement, ms since 1970 */

    struct batch_ticket ticket;
};

/* `local` learns what every bucket holds; it outlives the batch. NULL: out of memory. */
struct batch *question_batch(struct local *local);

/* Parks the request; `then` runs when its question was judged, or could not be. */
SLUICE_MUST_RETURN sluice_verdict question_ask(sluice_request *req, struct question *question,
                                               sluice_step *then, const char *then_name);

#endif
