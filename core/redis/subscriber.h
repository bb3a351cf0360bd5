/* What Redis tells unasked: messages on channels, and changes of keys kept in memory.
 *
 * One more connection per worker, opened by the first subscription, since a subscribed RESP2
 * connection takes no other commands. Changes come through client-side caching's broadcast mode
 * (CLIENT TRACKING ... BCAST), redirected to this connection itself: when it dies, tracking dies
 * with it and says so, instead of falling silent.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_SUBSCRIBER_H
#define SLUICE_CORE_SUBSCRIBER_H

#include <uv.h>

#include "redis.h"

struct subscriber;

/* What a subscription gets, as the ABI's subscribe and track describe it. */
typedef void subscriber_fn(void *context, const struct reply *news);

/* Does nothing until the first subscription. `config` as for redis_new; its scripts, `ready` and
 * `owner` are not used. Never NULL. */
struct subscriber *subscriber_new(uv_loop_t *loop, const struct redis_config *config);

/* Names are copied and whole, prefix included. Both last until subscriber_close. */
void subscriber_channel(struct subscriber *subscriber, const char *channel, subscriber_fn *told,
                        void *context);
void subscriber_track(struct subscriber *subscriber, const char *key_prefix, subscriber_fn *told,
                      void *context);

/* Monotonic ms until which the changes told are known to be complete; 0: they are not. */
int64_t subscriber_tracked_until(const struct subscriber *subscriber);

/* Nobody is told anything any more; the memory is freed when the loop has closed the handles. */
void subscriber_close(struct subscriber *subscriber);

#endif
