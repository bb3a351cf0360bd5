/* Which buckets a request takes from, and their names in Redis.
 *
 *   route's limit, client's policy -> names -> policies -> whose bucket -> demands
 *
 *   ratelimit:<policy>:<space>:<subject>   a bucket; <space> is empty where nobody is known
 *   ratelimit:<client>:<policy>            a client's fixed window
 *
 * Subjects, percent-encoded where a character has a meaning in keys:
 *   <client>   key/<client>/<key id>   user/<user>   address/<address>   route/<method><pattern>
 *   check/<subject>   what POST /v1/ratelimit/check names: no request spends from it
 *
 * Names have no slash and no colon, so that no two buckets meet.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_DEMAND_H
#define RATELIMIT_DEMAND_H

#include <stdbool.h>

#include <sluice/plugin.h>

#include "question.h"

/* What the request has to spend, in its memory; *ret_count is 0 when it is not limited. NULL when a
 * name is no policy: *ret_unknown is the name. */
struct demand *demand_of(sluice_request *req, const sluice_map *policies, uint32_t *ret_count,
                         const char **ret_unknown);

/* Whose bucket it is. */
enum kind {
    KIND_CHECK,
    KIND_CLIENT,
    KIND_KEY,
    KIND_USER,
    KIND_ADDRESS,
    KIND_ROUTE,
};
extern const char *const demand_kinds[]; /* their names; ends with NULL */

/* Addresses and routes belong to no space. */
bool demand_has_space(enum kind kind);

/* The name of a bucket, in the request's memory. */
const char *demand_key(sluice_request *req, const struct policy *policy, enum kind kind,
                       const char *space, const char *subject);

#endif
