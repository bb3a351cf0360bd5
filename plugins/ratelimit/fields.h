/* What a limited response says of its limits.
 *
 *   rulings -> RateLimit-Policy: "default";q=20;w=20     draft-ietf-httpapi-ratelimit-headers-10
 *              RateLimit: "default";r=5;t=1
 *              X-RateLimit-Limit, -Remaining, -Reset     of the policy with the least left
 *   refused -> 429 with Retry-After and the draft's problem type quota-exceeded
 *
 * `t` is when the next token comes; it is left out of a full bucket. Shadow policies are not told.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_FIELDS_H
#define RATELIMIT_FIELDS_H

#include <sluice/plugin.h>

#include "question.h"

/* `now_ms` since 1970, of the clock that judged. */
void fields_set(sluice_request *req, const struct demand *demands, uint32_t count, int64_t now_ms);

SLUICE_MUST_RETURN sluice_verdict fields_refuse(sluice_request *req, const struct demand *demands,
                                                uint32_t count);

/* Whole seconds, rounded up: a promise of time is never too early. */
int64_t fields_seconds(int64_t ms);

#endif
