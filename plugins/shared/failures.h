/* Failed attempts: a token bucket per address, in the memory of one worker.
 *
 *   a failing attempt -> failures_spend -> 0: a token was there, else ms until there is one
 *
 * IPv4 addresses count one by one, IPv6 addresses by their /64, which is what one host is given.
 * The table is bounded: a new address takes the place that is nearest to being full again, so a
 * flood from many addresses forgets those that failed least.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SHARED_FAILURES_H
#define SHARED_FAILURES_H

#include <stdint.h>

#include <sluice/abi.h>

struct failures;

/* `seed` spreads the addresses, so that nobody can choose some that meet. NULL: out of memory. */
struct failures *failures_new(int64_t capacity, sluice_rate refill, uint64_t seed);
void failures_free(struct failures *failures); /* takes NULL */

/* Takes a token from the bucket of `address` at `now_ms` (monotonic). 0, or, when the bucket is
 * empty, the milliseconds until it has one; nothing is taken then. */
int64_t failures_spend(struct failures *failures, const char *address, int64_t now_ms);

#endif
