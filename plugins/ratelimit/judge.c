/* Several buckets, one request: it takes its cost from all of them or from none.
 *
 *   stakes -> all afford it? -> spend -> a ruling for each
 *
 * SPDX-License-Identifier: MIT */
#include "judge.h"

static bool affords(const struct stake *stake, int64_t now)
{
    return bucket_affords(stake->limit, stake->bucket, now, stake->cost);
}

static struct ruling rule(const struct stake *stake, int64_t now, bool afforded)
{
    const struct limit *limit = stake->limit;
    int64_t remaining = bucket_remaining(limit, stake->bucket, now);
    return (struct ruling){
        .afforded = afforded,
        .remaining = remaining,
        .wait_ms = afforded ? 0 : bucket_wait_ms(limit, stake->bucket, now, stake->cost),
        .next_ms = remaining < limit->capacity
                       ? bucket_wait_ms(limit, stake->bucket, now, remaining + 1)
                       : 0,
        .reset_ms = bucket_reset_ms(limit, stake->bucket, now),
    };
}

bool judge(const struct stake *stakes, uint32_t count, int64_t now, struct ruling *ret_rulings)
{
    bool pass = true;
    for (uint32_t i = 0; i < count; i++)
        pass = pass && (stakes[i].shadow || affords(&stakes[i], now));
    for (uint32_t i = 0; i < count; i++) {
        bool afforded = affords(&stakes[i], now);
        if (pass && afforded)
            bucket_spend(stakes[i].limit, stakes[i].bucket, stakes[i].cost);
        if (ret_rulings)
            ret_rulings[i] = rule(&stakes[i], now, afforded);
    }
    return pass;
}
