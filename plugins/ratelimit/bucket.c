/* One bucket of one policy: the arithmetic of the four algorithms, in exact integers.
 *
 *   advance -> room (tokens, scaled) -> affords, remaining, wait -> spend
 *
 * SPDX-License-Identifier: MIT */
#include "bucket.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of numbers that are not negative. */
static int64_t divide_up(int64_t number, int64_t by)
{
    return (number + by - 1) / by;
}

static int is_window(const struct limit *limit)
{
    return limit->algorithm == FIXED_WINDOW || limit->algorithm == SLIDING_WINDOW;
}

static int64_t full_level(const struct limit *limit)
{
    return limit->capacity * limit->per_ms;
}

struct bucket bucket_full(const struct limit *limit, int64_t now)
{
    if (is_window(limit))
        return (struct bucket){.at = now - now % limit->per_ms};
    return (struct bucket){.level = full_level(limit), .at = now};
}

/* ---- The passing of time ------------------------------------------------------------------ */

static struct bucket refill(const struct limit *limit, struct bucket bucket, int64_t now)
{
    int64_t full = full_level(limit);
    int64_t level = least(bucket.level, full);
    int64_t passed = now - bucket.at;
    if (passed >= 0) {
        if (passed >= divide_up(full - level, limit->amount))
            return (struct bucket){.level = full, .at = now};
        return (struct bucket){.level = level + passed * limit->amount, .at = now};
    }
    /* The clock stepped back. What is further ahead than a refill takes is no time to wait for. */
    if (-passed > divide_up(full, limit->amount))
        return (struct bucket){.level = level, .at = now};
    return (struct bucket){.level = level, .at = bucket.at};
}

/* The time at which it is full stays, whatever the clock does: a step back makes it emptier. */
static struct bucket drain_to(const struct limit *limit, struct bucket bucket, int64_t now)
{
    if (bucket.at <= now)
        return refill(limit, bucket, now);
    int64_t full = full_level(limit);
    int64_t level = least(bucket.level, full);
    int64_t back = bucket.at - now;
    if (back >= divide_up(level, limit->amount))
        return (struct bucket){.level = 0, .at = now};
    return (struct bucket){.level = level - back * limit->amount, .at = now};
}

static struct bucket roll(const struct limit *limit, struct bucket bucket, int64_t now)
{
    int64_t window = now - now % limit->per_ms;
    if (bucket.at == window - limit->per_ms)
        return (struct bucket){.previous = bucket.level, .at = window};
    if (bucket.at < window || bucket.at - window > limit->per_ms)
        return (struct bucket){.at = window};
    return bucket;
}

struct bucket bucket_advance(const struct limit *limit, struct bucket bucket, int64_t now)
{
    if (is_window(limit))
        return roll(limit, bucket, now);
    return limit->algorithm == GCRA ? drain_to(limit, bucket, now) : refill(limit, bucket, now);
}

/* ---- What is there ------------------------------------------------------------------------ */

/* How much one token is in the scale of `room`. */
static int64_t unit(const struct limit *limit)
{
    return limit->algorithm == FIXED_WINDOW ? 1 : limit->per_ms;
}

/* How long the window that `at` began goes on. */
static int64_t window_left(const struct limit *limit, const struct bucket *bucket, int64_t now)
{
    return bucket->at + limit->per_ms - most(now, bucket->at);
}

static int64_t room(const struct limit *limit, const struct bucket *bucket, int64_t now)
{
    if (limit->algorithm == FIXED_WINDOW)
        return limit->capacity - bucket->level;
    if (limit->algorithm == SLIDING_WINDOW)
        return (limit->capacity - bucket->level) * limit->per_ms -
               bucket->previous * window_left(limit, bucket, now);
    return bucket->level;
}

int bucket_affords(const struct limit *limit, const struct bucket *bucket, int64_t now,
                   int64_t cost)
{
    return cost <= 0 || room(limit, bucket, now) >= cost * unit(limit);
}

int64_t bucket_remaining(const struct limit *limit, const struct bucket *bucket, int64_t now)
{
    return most(0, room(limit, bucket, now)) / unit(limit);
}

void bucket_spend(const struct limit *limit, struct bucket *bucket, int64_t cost)
{
    if (is_window(limit))
        bucket->level = most(0, bucket->level + cost);
    else
        bucket->level = least(full_level(limit), bucket->level - cost * limit->per_ms);
}

/* ---- When it will be there ---------------------------------------------------------------- */

/* In this window the previous one fades by `previous` a ms; in the next, this one does. */
static int64_t slide_ms(const struct limit *limit, const struct bucket *bucket, int64_t now,
                        int64_t cost)
{
    int64_t left = window_left(limit, bucket, now);
    int64_t early = most(0, bucket->at - now); /* after a step back of the clock */
    int64_t lacking = cost * limit->per_ms - room(limit, bucket, now);
    if (bucket->level + cost <= limit->capacity)
        return early + divide_up(lacking, bucket->previous);
    int64_t covered = (limit->capacity - cost) * limit->per_ms / bucket->level;
    return early + left + most(0, limit->per_ms - covered);
}

int64_t bucket_wait_ms(const struct limit *limit, const struct bucket *bucket, int64_t now,
                       int64_t cost)
{
    if (bucket_affords(limit, bucket, now, cost))
        return 0;
    if (cost > limit->capacity)
        return -1;
    if (limit->algorithm == FIXED_WINDOW)
        return bucket->at + limit->per_ms - now;
    if (limit->algorithm == SLIDING_WINDOW)
        return slide_ms(limit, bucket, now, cost);
    return bucket->at - now + divide_up(cost * limit->per_ms - bucket->level, limit->amount);
}

int64_t bucket_reset_ms(const struct limit *limit, const struct bucket *bucket, int64_t now)
{
    return bucket_wait_ms(limit, bucket, now, limit->capacity);
}

int64_t bucket_window_ms(const struct limit *limit)
{
    return is_window(limit) ? limit->per_ms : divide_up(full_level(limit), limit->amount);
}
