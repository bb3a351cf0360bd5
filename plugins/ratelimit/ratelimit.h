/* The rate limiter from inside: its configuration and the steps that its files give each other.
 *
 *   ratelimit.c  options, routes, life cycle
 *   policy.c     policies: their options, their checks, finding them by name
 *   demand.c     which buckets a request takes from, and their names in Redis
 *   hook.c       the before hook: lets a request pass, or refuses it
 *   away.c       the same without Redis
 *   question.c   what a request asks, in one script call with everybody who waits
 *   call.c       such a call: what goes into it, what comes out
 *   judge.c      several buckets, one request: all or nothing
 *   bucket.c     the arithmetic of one bucket
 *   local.c      what is known without Redis
 *   fields.c     RateLimit fields, and the 429
 *   check.c      limits for the callers' own services
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_H
#define RATELIMIT_H

#include <sluice/plugin.h>

#include "policy.h"

struct batch;
struct local;

struct ratelimit {
    sluice_map policies; /* of struct policy; always has one named default */
    const sluice_script *take;

    /* Made in each worker. */
    struct batch *batch;
    struct local *local;
    struct notice troubled;
};

sluice_step limit_request; /* the hook */
sluice_step check_limit, show_limit, reset_limit;

#endif
