/* What a worker knows of buckets without Redis: enough to go on limiting while it is away.
 *
 *   hash -> a set of four entries -> its entry, or the longest unused anew
 *
 * An entry has three buckets. `told` is the shared bucket as Redis told it last; `known` is the same
 * with what was spent here since; `share` is this worker's part of it, which decides. Left alone
 * `told` and the bucket in Redis fill alike, so what `known` lacks against `told` is what Redis has
 * to be told.
 *
 * A level of the shared bucket is tokens x per_ms; of a share, tokens x per_ms x divisor. The
 * part of a level that belongs to this worker is therefore the same number.
 *
 * SPDX-License-Identifier: MIT */
#include "local.h"

#include <stdlib.h>

#include "judge.h"
#include "question.h"

#define SETS 1024u
#define PLACES 4u

struct entry {
    uint64_t hash; /* 0: never used */
    int64_t used_at;
    struct bucket told, known, share;
    bool strayed; /* known and share are in use: Redis does not know everything */
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
    *oldest = (struct entry){.hash = hash, .used_at = now, .told = bucket_full(&limit, now)};
    return oldest;
}

void local_learn(struct local *local, uint64_t hash, const struct policy *policy, int64_t remaining,
                 int64_t now)
{
    struct entry *entry = find(local, hash, policy, now);
    entry->told = (struct bucket){.level = remaining * policy->limit.per_ms, .at = now};
    entry->strayed = false;
}

/* The first judgement without Redis. */
static void stray(const struct local *local, struct entry *entry, const struct policy *policy,
                  int64_t now)
{
    struct limit shared = whole(policy), own = part(local, policy);
    entry->known = bucket_advance(&shared, entry->told, now);
    entry->share = bucket_full(&own, now);
    if (entry->known.level < entry->share.level)
        entry->share.level = entry->known.level;
    entry->strayed = true;
}

bool local_return(struct local *local, uint64_t hash, const struct policy *policy, int64_t now,
                  int64_t *ret_most, int64_t *ret_owed)
{
    struct entry *entry = find(local, hash, policy, now);
    if (!entry->strayed)
        return false;
    struct limit shared = whole(policy);
    struct bucket told = bucket_advance(&shared, entry->told, now);
    struct bucket known = bucket_advance(&shared, entry->known, now);
    *ret_most = bucket_remaining(&shared, &told, now);
    *ret_owed = *ret_most - bucket_remaining(&shared, &known, now);
    return true;
}

/* ---- Judging ------------------------------------------------------------------------------- */

static struct entry *stray_entry(struct local *local, const struct demand *demand, int64_t now)
{
    uint64_t hash = local_hash(local, demand->key);
    struct entry *entry = find(local, hash, demand->policy, now);
    if (!entry->strayed)
        stray(local, entry, demand->policy, now);
    return entry;
}

/* `share` was spent from by judging. */
static void spend(struct entry *entry, const struct demand *demand, int64_t now)
{
    struct limit shared = whole(demand->policy);
    entry->known = bucket_advance(&shared, entry->known, now);
    bucket_spend(&shared, &entry->known, demand->cost);
}

bool local_judge(struct local *local, struct demand *demands, uint32_t count, int64_t now)
{
    struct stake stakes[POLICIES_MAX] = {0};
    struct limit limits[POLICIES_MAX];
    struct entry *entries[POLICIES_MAX];
    struct ruling rulings[POLICIES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        struct policy *policy = demands[i].policy;
        limits[i] = part(local, policy);
        entries[i] = stray_entry(local, &demands[i], now);
        entries[i]->share = bucket_advance(&limits[i], entries[i]->share, now);
        stakes[i] = (struct stake){&limits[i], &entries[i]->share, demands[i].cost, policy->shadow};
    }
    bool pass = judge(stakes, count, now, rulings);
    for (uint32_t i = 0; i < count; i++) {
        demands[i].ruling = rulings[i];
        if (pass && rulings[i].afforded)
            spend(entries[i], &demands[i], now);
    }
    return pass;
}
