/* One bucket of one policy: the arithmetic of the four algorithms, in exact integers.
 *
 *   bucket as stored -> bucket_advance(now) -> bucket_afford? -> bucket_spend -> stored again
 *
 * take.lua does the same in Redis. A reply of it has buckets as they were; this file counts on from
 * there, request by request, and comes to the same decisions.
 *
 *   token bucket    level tokens x per_ms at the time `at`; amount tokens come every per_ms
 *   GCRA            ITU-T I.371: the same, told by the time at which the bucket is full; here it is
 *                   held as a level, in Redis as that time
 *   fixed window    level tokens were taken in the window of per_ms that began at `at`
 *   sliding window  the same, and the previous window's tokens count by the part of it that the
 *                   sliding one still covers
 *
 * capacity x per_ms is at most 2^53, so that no intermediate value leaves 64 bits here or a
 * double's 53 bits there. Times are in ms since 1970 by one clock; costs are -capacity to capacity.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_BUCKET_H
#define RATELIMIT_BUCKET_H

#include <stdint.h>

/* As in the option's choices and in take.lua. */
enum algorithm {
    TOKEN_BUCKET,
    FIXED_WINDOW,
    SLIDING_WINDOW,
    GCRA,
};

struct limit {
    int64_t algorithm;
    int64_t capacity; /* tokens */
    int64_t amount;   /* tokens that come every per_ms; unused by windows */
    int64_t per_ms;   /* of windows: how long they are */
};

#define BUCKET_EXACT_MAX (INT64_C(1) << 53) /* the most that capacity x per_ms may be */

struct bucket {
    int64_t level;
    int64_t previous; /* sliding window only */
    int64_t at;
};

/* One that nothing was taken from. */
struct bucket bucket_full(const struct limit *limit, int64_t now);

/* The bucket as it is now. A clock that stepped back takes nothing away and gives nothing. */
struct bucket bucket_advance(const struct limit *limit, struct bucket bucket, int64_t now);

/* These take a bucket that was advanced to `now`. */
int bucket_affords(const struct limit *limit, const struct bucket *bucket, int64_t now,
                   int64_t cost);
void bucket_spend(const struct limit *limit, struct bucket *bucket, int64_t cost);
int64_t bucket_remaining(const struct limit *limit, const struct bucket *bucket, int64_t now);

/* How long until `cost` is there if nobody else takes any; 0: now; -1: never. */
int64_t bucket_wait_ms(const struct limit *limit, const struct bucket *bucket, int64_t now,
                       int64_t cost);

/* How long until it is full. */
int64_t bucket_reset_ms(const struct limit *limit, const struct bucket *bucket, int64_t now);

/* How long an empty one takes to be full. */
int64_t bucket_window_ms(const struct limit *limit);

#endif
