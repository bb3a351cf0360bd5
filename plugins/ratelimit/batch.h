/* One script call for everybody who waits.
 *
 *   batch_ask: park -> queue -> take.lua -> judged, each woken -> the next call
 *
 * A question that comes while no call is in flight is asked at once; those that come meanwhile wait
 * for its answer, or until they are many, and go together, up to CALL_QUESTIONS_MAX in the order in
 * which they came. Nobody waits for a timer. A question whose request has ended leaves the queue; one that is in flight by
 * then has spent what it asked for.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_BATCH_H
#define RATELIMIT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "judge.h"
#include "policy.h"

struct batch;
struct local;

/* One bucket that a request takes from. */
struct demand {
    struct policy *policy;
    const char *key; /* with redis.prefix */
    int64_t cost;
    struct ruling ruling; /* once judged */
};

/* What a parked request asks; in its memory, and the state of the step that `batch_ask` names. */
struct question {
    struct demand *demands; /* of different buckets, at most POLICIES_MAX */
    uint32_t count;

    bool judged; /* false when its step runs: Redis gave no answer */
    bool pass;
    int64_t now; /* the time of the judgement, ms since 1970 */

    struct batch *batch;
    struct question *next, **from; /* in the queue; `from` is NULL when it is not there */
    struct call *call;             /* in flight: in this call, in this seat; otherwise NULL */
    uint32_t seat;
    sluice_token token;
};

/* NULL: out of memory. `local` learns what every bucket holds; it and `take` outlive the batch. */
struct batch *batch_new(const sluice_script *take, struct local *local);
void batch_free(struct batch *batch); /* takes NULL */

/* Parks the request; `then` runs when its question was judged, or could not be. */
SLUICE_MUST_RETURN sluice_verdict batch_ask(struct batch *batch, sluice_request *req,
                                            struct question *question, sluice_step *then,
                                            const char *then_name);

#endif
