/* What a worker knows of buckets without Redis: enough to go on limiting while it is away.
 *
 *   with Redis:  reply -> local_learn           how much the bucket holds, as it was told last
 *   without:     request -> local_judge         by this worker's share of each bucket
 *   with again:  local_return -> the next call  what was spent meanwhile
 *
 * The share is a token bucket of capacity / (workers x gateways), at least one request, whose
 * tokens come that much slower; it starts with what the bucket was known to hold. Windows are
 * limited at their average rate then. When Redis is back, the first call tells it what was spent
 * here, and how much the bucket can hold at most by what is known of it: so an outage is no way to
 * a full bucket, even if Redis forgot everything.
 *
 * A bounded table; a new bucket takes the place of the one longest unused among four. Buckets are
 * told apart by 64 bits of a seeded hash. Times are monotonic ms.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_LOCAL_H
#define RATELIMIT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy.h"

struct demand;
struct local;

/* `divisor` is workers x gateways. NULL: out of memory. */
struct local *local_new(uint64_t seed, int64_t divisor);
void local_free(struct local *local); /* takes NULL */

uint64_t local_hash(const struct local *local, const char *key);

/* Redis told that the bucket holds so many tokens, and knows what was spent without it. */
void local_learn(struct local *local, uint64_t hash, const struct policy *policy, int64_t remaining,
                 int64_t now);

/* False when Redis knows all that was spent. Otherwise: tokens that the bucket can't have more
 * than, and tokens to take from it. */
bool local_return(struct local *local, uint64_t hash, const struct policy *policy, int64_t now,
                  int64_t *ret_most, int64_t *ret_owed);

/* Judges by this worker's shares; sets the rulings. True: it may pass. */
bool local_judge(struct local *local, struct demand *demands, uint32_t count, int64_t now);

#endif
