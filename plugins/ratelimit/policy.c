/* A limit policy: how many, how fast, of whom, and what happens when Redis is away.
 *
 *   options -> policies_check -> policy_find
 *
 * SPDX-License-Identifier: MIT */
#include "policy.h"

#include <stddef.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define AMOUNT_MAX 1000000000
#define NOTICE_MS 10000

static const char *const algorithms[] = {"token-bucket", "fixed-window", "sliding-window", "gcra",
                                         NULL};
static const char *const pers[] = {"client", "key", "address", "route", NULL};
static const char *const on_store_errors[] = {"local", "open", "closed", NULL};

const sluice_option policy_options[POLICY_OPTION_COUNT] = {
    {.name = "name", .type = SLUICE_NAME, .offset = offsetof(struct policy, name)},
    {.name = "algorithm",
     .type = SLUICE_CHOICE,
     .offset = offsetof(struct policy, algorithm),
     .fallback = "token-bucket",
     .help = "how requests are counted",
     .choices = algorithms},
    {.name = "capacity",
     .type = SLUICE_INT,
     .offset = offsetof(struct policy, capacity),
     .fallback = "20",
     .min = 1,
     .max = AMOUNT_MAX,
     .help = "tokens of a full bucket, or of a window; for gcra the burst and one"},
    {.name = "refill",
     .type = SLUICE_RATE,
     .offset = offsetof(struct policy, refill),
     .min = 1,
     .max = AMOUNT_MAX,
     .help = "how fast tokens come back, for token-bucket and gcra; 1/s when absent"},
    {.name = "window",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct policy, window),
     .min = 1,
     .max = 366 * DAY_MS,
     .help = "how long a window is, for fixed-window and sliding-window; 60s when absent"},
    {.name = "per",
     .type = SLUICE_CHOICE,
     .offset = offsetof(struct policy, per),
     .fallback = "client",
     .help = "whose requests share a bucket; who has no identity is an address (IPv6: a /64)",
     .choices = pers},
    {.name = "cost",
     .type = SLUICE_INT,
     .offset = offsetof(struct policy, cost),
     .fallback = "1",
     .min = 1,
     .max = AMOUNT_MAX,
     .help = "tokens that a request takes"},
    {.name = "on_store_error",
     .type = SLUICE_CHOICE,
     .offset = offsetof(struct policy, on_store_error),
     .fallback = "local",
     .help = "without Redis: each worker limits its share, everything passes, or nothing does",
     .choices = on_store_errors},
    {.name = "shadow",
     .type = SLUICE_BOOL,
     .offset = offsetof(struct policy, shadow),
     .fallback = "false",
     .help = "counts and logs, and never refuses"},
};

/* ---- Checking ----------------------------------------------------------------------------- */

static void refuse(sluice_host *host, const struct policy *policy, const char *option,
                   const char *what)
{
    char path[256];
    (void)snprintf(path, sizeof path, "policies.%s.%s", policy->name, option);
    sluice_refuse(host, path, "%s", what);
}

/* An option that the algorithm does not read is a mistake, not a detail. */
static bool derive(sluice_host *host, struct policy *policy)
{
    bool windowed = policy->algorithm == FIXED_WINDOW || policy->algorithm == SLIDING_WINDOW;
    if (windowed && policy->refill.amount) {
        refuse(host, policy, "refill",
               "refill is for token-bucket and gcra; a window algorithm takes `capacity` in each "
               "`window`: write window: 60s instead");
        return false;
    }
    if (!windowed && policy->window) {
        refuse(host, policy, "window",
               "window is for fixed-window and sliding-window; token-bucket and gcra take a "
               "refill: write refill: 1/s instead");
        return false;
    }
    if (!policy->refill.amount)
        policy->refill = (sluice_rate){1, 1000};
    if (!policy->window)
        policy->window = 60000;
    policy->limit = (struct limit){
        .algorithm = policy->algorithm,
        .capacity = policy->capacity,
        .amount = windowed ? policy->capacity : policy->refill.amount,
        .per_ms = windowed ? policy->window : policy->refill.per_ms,
    };
    return true;
}

static bool check(sluice_host *host, struct policy *policy)
{
    char what[160];
    if (!derive(host, policy))
        return false;
    if (policy->limit.per_ms > 366 * DAY_MS) {
        refuse(host, policy, "refill", "the time of a refill may be 366d at most");
        return false;
    }
    if (policy->capacity > BUCKET_EXACT_MAX / policy->limit.per_ms) {
        (void)snprintf(what, sizeof what,
                       "capacity %lld times %lld ms is more than 2^53, beyond which Redis can't "
                       "count exactly; take a smaller capacity or a shorter time",
                       (long long)policy->capacity, (long long)policy->limit.per_ms);
        refuse(host, policy, "capacity", what);
        return false;
    }
    if (policy->cost > policy->capacity) {
        (void)snprintf(what, sizeof what,
                       "a cost of %lld is more than the capacity of %lld: no request could pass",
                       (long long)policy->cost, (long long)policy->capacity);
        refuse(host, policy, "cost", what);
        return false;
    }
    return true;
}

/* Routes that name no policy are limited whatever the configuration says. */
static void add_default(sluice_host *host, sluice_map *policies)
{
    struct policy *grown = sluice_host_alloc(host, (policies->count + 1) * sizeof(struct policy));
    if (policies->count)
        memcpy(grown, policies->items, policies->count * sizeof *grown);
    grown[policies->count] = (struct policy){
        .name = POLICY_DEFAULT, .algorithm = TOKEN_BUCKET, .capacity = 20, .cost = 1};
    policies->items = grown;
    policies->count++;
}

bool policies_check(sluice_host *host, sluice_map *policies)
{
    bool fine = true;
    if (!policy_find(policies, POLICY_DEFAULT, strlen(POLICY_DEFAULT)))
        add_default(host, policies);
    struct policy *items = policies->items;
    for (uint64_t i = 0; i < policies->count; i++) {
        fine = check(host, &items[i]) && fine;
        sluice_add_policy(host, items[i].name);
    }
    return fine;
}

/* ---- Finding and counting ----------------------------------------------------------------- */

struct policy *policy_find(const sluice_map *policies, const char *name, size_t len)
{
    struct policy *items = policies->items;
    for (uint64_t i = 0; i < policies->count; i++)
        if (strncmp(items[i].name, name, len) == 0 && !items[i].name[len])
            return &items[i];
    return NULL;
}

bool notice_due(struct notice *notice, int64_t monotonic_ms, int64_t *ret_count)
{
    notice->count++;
    if (monotonic_ms < notice->next_ms)
        return false;
    *ret_count = notice->count;
    notice->count = 0;
    notice->next_ms = monotonic_ms + NOTICE_MS;
    return true;
}
