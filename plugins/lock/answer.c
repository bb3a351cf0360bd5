/* Leases as JSON, and refusals.
 *
 *   {status, lockId, fence, expires at, owner} -> {resource, lockId, fence, owner, expiresAt}
 *   {"held" or "full", lockId, ms} -> 423 or 429, with Retry-After
 *
 * SPDX-License-Identifier: MIT */
#include <time.h>

#include "lease.h"

const char *answer_time(sluice_request *req, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char day[32] = "";
    if (gmtime_r(&seconds, &utc))
        (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    return sluice_printf(req, "%s.%03dZ", day, (int)(ms % 1000));
}

static const char *or_absent(sluice_request *req, const sluice_reply *owner)
{
    const char *text = sluice_text(owner);
    return *text ? sluice_concat(req, text) : NULL;
}

sluice_verdict answer_lease(sluice_request *req, uint32_t status, const char *resource,
                            const sluice_reply *lease)
{
    return sluice_json(req, status, "resource", resource, "lockId", sluice_at(lease, 1), "fence",
                       sluice_int(sluice_at(lease, 2)), "owner",
                       or_absent(req, sluice_at(lease, 4)), "expiresAt",
                       answer_time(req, sluice_int(sluice_at(lease, 3))));
}

sluice_arg answer_object(sluice_request *req, const char *resource, const sluice_reply *lease)
{
    return sluice_object(req, "resource", resource, "lockId", sluice_at(lease, 1), "fence",
                         sluice_int(sluice_at(lease, 2)), "owner",
                         or_absent(req, sluice_at(lease, 4)), "expiresAt",
                         answer_time(req, sluice_int(sluice_at(lease, 3))));
}

sluice_verdict answer_refused(sluice_request *req, const char *resource,
                              const sluice_reply *refusal)
{
    int64_t left = sluice_int(sluice_at(refusal, 2));
    int64_t seconds = left > 1000 ? (left + 999) / 1000 : 1;
    if (lease_is(refusal, "full"))
        return sluice_problem_with(
            req, 429, "too_many_waiters",
            sluice_printf(req, "%d wait for %s already, and no more may", WAITERS_MAX, resource),
            "retryAfter", seconds);
    return sluice_problem_with(
        req, 423, "locked",
        sluice_concat(req, resource, " is held by somebody else; waitMs waits for it"), "resource",
        resource, "retryAfter", seconds);
}
