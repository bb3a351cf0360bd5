/* Redis where blocking is right: one connection, one command at a time, hiredis's own client.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_REDIS_BLOCKING_H
#define SLUICE_CORE_REDIS_BLOCKING_H

#include "redis.h"

struct redis_blocking {
    const struct redis_target *target;
    struct redisContext *context; /* NULL: not connected */
};

/* Connects when it is first asked, and again after trouble. `target` is kept. */
void redis_blocking_init(struct redis_blocking *redis, const struct redis_target *target);
void redis_blocking_close(struct redis_blocking *redis);

/* The reply, in the arena; trouble when none came within `timeout_ms`, with why. */
const struct reply *redis_blocking_ask(struct redis_blocking *redis, struct arena *arena,
                                       const sluice_arg *argv, uint32_t argc, uint32_t stride,
                                       int64_t timeout_ms);

#endif
