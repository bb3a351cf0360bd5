/* Verified keys, remembered by each worker.
 *
 * A table of sets of four: a hash, being one already, names its set by its first digits. A place is
 * empty, marked (somebody asks Redis) or filled. Both kinds give way to newer ones when their set
 * is full; losing a mark only means that an answer is not kept.
 *
 * SPDX-License-Identifier: MIT */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#define SETS 2048
#define WAYS 4
#define AGE_MAX_MS (10 * 60 * 1000)
#define USE_NOTED_EVERY_MS (60 * 1000)

struct place {
    char hash[HASH_SIZE]; /* "" when empty */
    uint64_t mark;        /* of a question under way; 0: filled */
    uint64_t used;        /* the higher, the newer */
    int64_t until;        /* monotonic ms: the key's own end, or that of its age */
    int64_t use_due_at;   /* monotonic ms: when to note its use again */
    char *texts;          /* what the entry points to */
    struct entry entry;
};

struct cache {
    struct place places[SETS][WAYS];
    uint64_t clock;   /* rises with every mark and fill */
    bool interrupted; /* changes may have been missed: forget all before serving again */
    int64_t lost_at;  /* monotonic ms: since when; 0: not interrupted */
};

struct cache *cache_new(void)
{
    return calloc(1, sizeof(struct cache));
}

static void empty(struct place *place)
{
    free(place->texts);
    memset(place, 0, sizeof *place);
}

static void forget_all(struct cache *cache)
{
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS; way++)
            empty(&cache->places[set][way]);
    cache->interrupted = false;
    cache->lost_at = 0;
}

void cache_free(struct cache *cache)
{
    if (cache)
        forget_all(cache);
    free(cache);
}

/* ---- Places ------------------------------------------------------------------------------- */

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static struct place *set_of(struct cache *cache, const char *hash)
{
    unsigned set = digit(hash[0]) << 8 | digit(hash[1]) << 4 | digit(hash[2]);
    return cache->places[set % SETS];
}

static struct place *place_of(struct cache *cache, const char *hash)
{
    struct place *set = set_of(cache, hash);
    for (size_t way = 0; way < WAYS; way++)
        if (strcmp(set[way].hash, hash) == 0)
            return &set[way];
    return NULL;
}

static struct place *oldest(struct cache *cache, const char *hash)
{
    struct place *set = set_of(cache, hash), *found = set;
    for (size_t way = 1; way < WAYS; way++)
        if (set[way].used < found->used)
            found = &set[way];
    return found;
}

/* ---- Changes ------------------------------------------------------------------------------ */

static void changed(sluice_worker *worker, void *state, const sluice_reply *key)
{
    struct cache *cache = state;
    if (sluice_is_nil(key)) {
        /* All keys flushed, which is known to be complete; or the watch was interrupted. */
        if (sluice_tracked_until(worker) > 0) {
            forget_all(cache);
        } else if (!cache->interrupted) {
            cache->interrupted = true;
            cache->lost_at = sluice_monotonic(worker);
        }
        return;
    }
    sluice_bytes name = sluice_text_bytes(key);
    if (name.len < HASH_SIZE - 1)
        return;
    struct place *place = place_of(cache, (const char *)name.data + name.len - (HASH_SIZE - 1));
    if (place)
        empty(place);
}

void cache_track(struct cache *cache, sluice_worker *worker)
{
    sluice_track(worker, "apiKey:", changed, cache);
}

/* ---- Finding ------------------------------------------------------------------------------ */

static bool may_serve(struct cache *cache, sluice_worker *worker, int64_t now)
{
    if (sluice_tracked_until(worker) > now) {
        if (cache->interrupted)
            forget_all(cache);
        return true;
    }
    return cache->interrupted && !sluice_redis_ready(worker) &&
           now - cache->lost_at <= CACHE_WITHOUT_REDIS_MS;
}

const struct entry *cache_find(struct cache *cache, sluice_worker *worker, const char *hash)
{
    int64_t now = sluice_monotonic(worker);
    if (!may_serve(cache, worker, now))
        return NULL;
    struct place *place = place_of(cache, hash);
    if (!place || place->mark)
        return NULL;
    if (now >= place->until) {
        empty(place);
        return NULL;
    }
    place->used = ++cache->clock;
    return &place->entry;
}

/* ---- Filling ------------------------------------------------------------------------------ */

uint64_t cache_expect(struct cache *cache, const char *hash)
{
    if (cache->interrupted || place_of(cache, hash))
        return 0;
    struct place *place = oldest(cache, hash);
    empty(place);
    memcpy(place->hash, hash, HASH_SIZE);
    place->mark = place->used = ++cache->clock;
    return place->mark;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *move_text(char **at, const char *text)
{
    if (!text)
        return NULL;
    char *copy = *at;
    size_t size = strlen(text) + 1;
    memcpy(copy, text, size);
    *at += size;
    return copy;
}

/* What requests need of the entry, its texts in one piece of memory; false when there is none. */
static bool keep(struct place *place, const struct entry *entry)
{
    char *at = malloc(1 + size_of(entry->client) + size_of(entry->space) + size_of(entry->scopes) +
                      size_of(entry->key) + size_of(entry->policy) + size_of(entry->cidrs));
    if (!at)
        return false;
    place->texts = at;
    place->entry = (struct entry){
        .client = move_text(&at, entry->client),
        .space = move_text(&at, entry->space),
        .scopes = move_text(&at, entry->scopes),
        .key = move_text(&at, entry->key),
        .policy = move_text(&at, entry->policy),
        .cidrs = move_text(&at, entry->cidrs),
        .disabled = entry->disabled,
        .self_made = entry->self_made,
    };
    return true;
}

static struct place *marked(struct cache *cache, const char *hash, uint64_t mark)
{
    struct place *place = mark ? place_of(cache, hash) : NULL;
    return place && place->mark == mark ? place : NULL;
}

void cache_fill(struct cache *cache, sluice_worker *worker, const char *hash, uint64_t mark,
                const struct entry *entry, int64_t left_ms)
{
    struct place *place = marked(cache, hash, mark);
    if (!place)
        return;
    if (cache->interrupted || !keep(place, entry)) {
        empty(place);
        return;
    }
    place->mark = 0;
    place->until =
        sluice_monotonic(worker) + (left_ms < 0 || left_ms > AGE_MAX_MS ? AGE_MAX_MS : left_ms);
}

void cache_give_up(struct cache *cache, const char *hash, uint64_t mark)
{
    struct place *place = marked(cache, hash, mark);
    if (place)
        empty(place);
}

/* ---- Use ---------------------------------------------------------------------------------- */

bool cache_use_is_due(struct cache *cache, sluice_worker *worker, const char *hash)
{
    struct place *place = place_of(cache, hash);
    int64_t now = sluice_monotonic(worker);
    if (!place || place->mark || now < place->use_due_at)
        return false;
    place->use_due_at = now + USE_NOTED_EVERY_MS;
    return true;
}
