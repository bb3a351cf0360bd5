/* Verified keys, remembered by each worker: a request with one of them costs no trip to Redis.
 *
 *   cache_find -> an entry, or miss -> cache_expect -> GET -> cache_fill, if still expected
 *   Redis says that apiKey:<hash> changed -> gone, and no longer expected
 *
 * What Redis says of a change and what it answers to a GET travel on two connections, so the news
 * can overtake an older answer. An answer is therefore kept only if nothing was heard of its key
 * since before it was asked for. What is kept is served only as long as everything that was told
 * is known to be complete (sluice_tracked_until): a revoked key lives on for at most 2 s, however
 * the network fails, and for a few ms as a rule. When Redis is gone altogether, nobody can revoke
 * anything either, and what was known then is served for 30 s more, so that local limits are worth
 * having.
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_CACHE_H
#define APIKEY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "shared/hasher.h"
#include "store.h"

#define CACHE_WITHOUT_REDIS_MS 30000

struct cache;

/* Bounded: 8,192 entries, the oldest of a set goes, and each for ten minutes. NULL: out of memory. */
struct cache *cache_new(void);
void cache_free(struct cache *cache); /* takes NULL */

/* Begins to follow the changes of entries; in `start`. */
void cache_track(struct cache *cache, sluice_worker *worker);

/* The entry of a hash, or NULL. Lives until the cache is next called. */
const struct entry *cache_find(struct cache *cache, sluice_worker *worker, const char *hash);

/* Marks that a hash is being asked for; a number for cache_fill, 0 when it should not be kept. */
uint64_t cache_expect(struct cache *cache, const char *hash);

/* Keeps a copy of what came for it, for `left_ms` at most (-1: no end of its own), if the mark is
 * still there. Takes the mark away in any case. */
void cache_fill(struct cache *cache, sluice_worker *worker, const char *hash, uint64_t mark,
                const struct entry *entry, int64_t left_ms);
void cache_give_up(struct cache *cache, const char *hash, uint64_t mark);

/* True once a minute for each hash that is remembered: its use should be noted now. */
bool cache_use_is_due(struct cache *cache, sluice_worker *worker, const char *hash);

#endif
