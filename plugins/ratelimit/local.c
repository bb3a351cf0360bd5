/* What a worker knows of buckets without Redis: enough to go on limiting while it is away.
 *
 *   hash -> a set of four entries -> its entry, or the longest unused anew
 *
 * An entry has three buckets. `known` is the shared bucket by what Redis told last; `share` is this
 * worker's part of it, which decides; `spent` is a share that starts full, so that what it lacks is
 * what was spent here and has not come back yet.
 *
 * A level of the shared bucket is tokens x per_ms; of a share, tokens x per_ms x divisor. The
 * part of a level that belongs to this worker is therefore the same number.
 *
 * SPDX-License-Identifier: MIT */
#include "local.h"

#include <stdlib.h>

#include "batch.h"
#include "judge.h"

#define SETS 1024u
#define PLACES 4u

struct entry {
    uint64_t hash; /* 0: never used */
    int64_t used_at;
    struct bucket known, share, spent;
    bool strayed; /* share and spent are in use: Redis does not know everything */
};

struct local {
    uint64_t seed;
    int64_t divisor;
    struct entry entries[SETS][PLACES];
};

struct local *local_new(uint64_t seed, int64_t divisor)
{
    struct local *local = calloc(1, sizeof *local);
    if (!local)
        return NULL;
    local->seed = seed;
    local->divisor = divisor;
    return local;
}

void local_free(struct local *local)
{
    free(local);
}

/* FNV-1a from a secret start, and the finaliser of MurmurHash3. */
uint64_t local_hash(const struct local *local, const char *key)
{
    uint64_t hash = local->seed;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
    hash ^= hash >> 33;
    return hash ? hash : 1;
}

/* ---- The limits ---------------------------------------------------------------------------- */

/* Any algorithm at its average rate. */
static struct limit whole(const struct policy *policy)
{
    struct limit limit = policy->limit;
    limit.algorithm = TOKEN_BUCKET;
    return limit;
}

static struct limit part(const struct local *local, const struct policy *policy)
{
    struct limit limit = whole(policy);
    int64_t capacity = limit.capacity / local->divisor;
    limit.capacity = capacity > policy->cost ? capacity : policy->cost;
    limit.per_ms *= local->divisor;
    return limit;
}

/* ---- Entries ------------------------------------------------------------------------------- */

static struct entry *find(struct local *local, uint64_t hash, const struct policy *policy,
                          int64_t now)
{
    struct entry *set = local->entries[hash % SETS];
    struct entry *oldest = set;
    for (uint32_t i = 0; i < PLACES; i++) {
        if (set[i].hash == hash) {
            set[i].used_at = now;
            return &set[i];
        }
        if (!set[i].hash || (oldest->hash && set[i].used_at < oldest->used_at))
            oldest = &set[i];
    }
    struct limit limit = whole(policy);
    *oldest = (struct entry){.hash = hash, .used_at = now, .known = bucket_full(&limit, now)};
    return oldest;
}

void local_learn(struct local *local, uint64_t hash, const struct policy *policy, int64_t remaining,
                 int64_t now)
{
    struct entry *entry = find(local, hash, policy, now);
    entry->known = (struct bucket){.level = remaining * policy->limit.per_ms, .at = now};
    entry->strayed = false;
}

/* The first judgement without Redis: both shares begin. */
static void stray(const struct local *local, struct entry *entry, const struct policy *policy,
                  int64_t now)
{
    struct limit shared = whole(policy), own = part(local, policy);
    struct bucket known = bucket_advance(&shared, entry->known, now);
    entry->spent = bucket_full(&own, now);
    entry->share = entry->spent;
    if (known.level < entry->share.level)
        entry->share.level = known.level;
    entry->strayed = true;
}

bool local_return(struct local *local, uint64_t hash, const struct policy *policy, int64_t now,
                  int64_t *ret_most, int64_t *ret_owed)
{
    struct entry *entry = find(local, hash, policy, now);
    if (!entry->strayed)
        return false;
    struct limit shared = whole(policy), own = part(local, policy);
    struct bucket known = bucket_advance(&shared, entry->known, now);
    struct bucket spent = bucket_advance(&own, entry->spent, now);
    *ret_most = bucket_remaining(&shared, &known, now);
    *ret_owed = own.capacity - bucket_remaining(&own, &spent, now);
    return true;
}

/* ---- Judging ------------------------------------------------------------------------------- */

/* `ret_limit` lives as long as the stake. */
static struct stake stake_on(struct local *local, struct entry *entry, const struct demand *demand,
                             int64_t now, struct limit *ret_limit)
{
    *ret_limit = part(local, demand->policy);
    if (!entry->strayed)
        stray(local, entry, demand->policy, now);
    entry->share = bucket_advance(ret_limit, entry->share, now);
    entry->spent = bucket_advance(ret_limit, entry->spent, now);
    return (struct stake){ret_limit, &entry->share, demand->cost, demand->policy->shadow};
}

bool local_judge(struct local *local, struct demand *demands, uint32_t count, int64_t now)
{
    struct stake stakes[POLICIES_MAX] = {0};
    struct limit limits[POLICIES_MAX];
    struct entry *entries[POLICIES_MAX];
    struct ruling rulings[POLICIES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = local_hash(local, demands[i].key);
        entries[i] = find(local, hash, demands[i].policy, now);
        stakes[i] = stake_on(local, entries[i], &demands[i], now, &limits[i]);
    }
    bool pass = judge(stakes, count, now, rulings);
    for (uint32_t i = 0; i < count; i++) {
        demands[i].ruling = rulings[i];
        if (pass && rulings[i].afforded)
            bucket_spend(&limits[i], &entries[i]->spent, demands[i].cost);
    }
    return pass;
}
