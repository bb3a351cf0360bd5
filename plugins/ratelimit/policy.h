/* A limit policy: how many, how fast, of whom, and what happens when Redis is away.
 *
 *   options -> policies_check -> policy_find
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_POLICY_H
#define RATELIMIT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "bucket.h"

#define POLICIES_MAX 64
#define POLICY_DEFAULT "default"

/* Whose requests share a bucket. Someone without an identity is an address. */
enum per {
    PER_CLIENT, /* or, with a session alone, per user */
    PER_KEY,
    PER_ADDRESS,
    PER_ROUTE, /* everybody together */
};

enum on_store_error {
    STORE_ERROR_LOCAL,
    STORE_ERROR_OPEN,
    STORE_ERROR_CLOSED,
};

/* Something that may happen a thousand times a second and is logged once in ten. */
struct notice {
    int64_t next_ms; /* monotonic */
    int64_t count;   /* since it was last logged */
};

struct policy {
    const char *name;
    int64_t algorithm;
    int64_t capacity;
    sluice_rate refill; /* token bucket, GCRA */
    int64_t window;     /* the window algorithms */
    int64_t per;
    int64_t cost;
    int64_t on_store_error;
    bool shadow;

    struct limit limit; /* of the above */

    /* Of each worker. */
    struct notice shadowed, passed;
};

#define POLICY_OPTION_COUNT 9
extern const sluice_option policy_options[POLICY_OPTION_COUNT];

/* Derives the limits, adds the built-in default where there is none, and tells what can't be at the
 * option's own place. Then false. */
bool policies_check(sluice_host *host, sluice_map *policies);

/* NULL: there is none. `len` bytes of `name`. */
struct policy *policy_find(const sluice_map *policies, const char *name, size_t len);

/* Counts; true when it is time to log, with what was counted in *ret_count. */
bool notice_due(struct notice *notice, int64_t monotonic_ms, int64_t *ret_count);

#endif
