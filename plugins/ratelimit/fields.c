/* What a limited response says of its limits.
 *
 *   rulings -> RateLimit-Policy, RateLimit, X-RateLimit-*
 *   refused -> 429
 *
 * Policy names need no escapes in a structured field's string (RFC 9651 section 3.3.3): they have
 * no quotes and no backslashes.
 *
 * SPDX-License-Identifier: MIT */
#include "fields.h"

#define QUOTA_EXCEEDED "https://iana.org/assignments/http-problem-types#quota-exceeded"

int64_t fields_seconds(int64_t ms)
{
    return (ms + 999) / 1000;
}

static const char *number(sluice_request *req, int64_t value)
{
    return sluice_concat(req, value);
}

/* ---- RateLimit-Policy and RateLimit -------------------------------------------------------- */

static const char *policy_item(sluice_request *req, const struct demand *demand)
{
    return sluice_concat(req, "\"", demand->policy->name, "\";q=", demand->policy->capacity,
                         ";w=", fields_seconds(bucket_window_ms(&demand->policy->limit)));
}

static const char *limit_item(sluice_request *req, const struct demand *demand)
{
    const struct ruling *ruling = &demand->ruling;
    if (ruling->next_ms <= 0)
        return sluice_concat(req, "\"", demand->policy->name, "\";r=", ruling->remaining);
    return sluice_concat(req, "\"", demand->policy->name, "\";r=", ruling->remaining,
                         ";t=", fields_seconds(ruling->next_ms));
}

static const char *join(sluice_request *req, const char *list, const char *item)
{
    return list ? sluice_concat(req, list, ", ", item) : item;
}

/* ---- The strictest ------------------------------------------------------------------------- */

/* A policy that refuses is stricter than one that does not; then the one with the least left, then
 * the one that takes the longest to come back. */
static bool stricter(const struct ruling *a, const struct ruling *b)
{
    if (a->afforded != b->afforded)
        return !a->afforded;
    if (a->remaining != b->remaining)
        return a->remaining < b->remaining;
    return a->reset_ms > b->reset_ms;
}

static void set_classic(sluice_request *req, const struct demand *strictest, int64_t now_ms)
{
    const struct ruling *ruling = &strictest->ruling;
    sluice_set_header(req, "X-RateLimit-Limit", number(req, strictest->policy->capacity));
    sluice_set_header(req, "X-RateLimit-Remaining", number(req, ruling->remaining));
    sluice_set_header(req, "X-RateLimit-Reset",
                      number(req, fields_seconds(now_ms + ruling->reset_ms)));
}

void fields_set(sluice_request *req, const struct demand *demands, uint32_t count, int64_t now_ms)
{
    const char *policies = NULL, *limits = NULL;
    const struct demand *strictest = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct demand *demand = &demands[i];
        if (demand->policy->shadow)
            continue;
        policies = join(req, policies, policy_item(req, demand));
        limits = join(req, limits, limit_item(req, demand));
        if (!strictest || stricter(&demand->ruling, &strictest->ruling))
            strictest = demand;
    }
    if (!strictest)
        return;
    sluice_set_header(req, "RateLimit-Policy", policies);
    sluice_set_header(req, "RateLimit", limits);
    set_classic(req, strictest, now_ms);
}

/* ---- 429 ----------------------------------------------------------------------------------- */

sluice_verdict fields_refuse(sluice_request *req, const struct demand *demands, uint32_t count)
{
    sluice_list *violated = sluice_list_new(req);
    const char *names = NULL;
    int64_t wait_ms = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct demand *demand = &demands[i];
        if (demand->policy->shadow || demand->ruling.afforded)
            continue;
        sluice_push(req, violated, demand->policy->name);
        names = join(req, names, demand->policy->name);
        if (demand->ruling.wait_ms > wait_ms)
            wait_ms = demand->ruling.wait_ms;
    }
    long long seconds = (long long)fields_seconds(wait_ms);
    const char *detail =
        sluice_printf(req, "too many requests (policy %s); try again in %lld s", names, seconds);
    return sluice_problem_with(req, 429, "rate_limited", detail, "type", QUOTA_EXCEEDED,
                               "retryAfter", seconds, "violated-policies", violated);
}
