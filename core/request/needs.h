/* What a route needs before its handler runs, and the judgement.
 *
 *   auth: none | client | session | admin | self | scope:<name>, alternatives joined by ","
 *
 * `self` is the client that the route's {id} names, or the admin. `admin` is the admin token, or a
 * key with the scope admin:<area>, where the area is the name of the plugin that has the route.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_NEEDS_H
#define SLUICE_CORE_NEEDS_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/abi.h>

#include "arena.h"

#define NEED_CLIENT SLUICE_IDENTITY_CLIENT
#define NEED_SESSION SLUICE_IDENTITY_SESSION
#define NEED_ADMIN SLUICE_IDENTITY_ADMIN
#define NEED_SELF 8u

struct needs {
    uint32_t kinds; /* NEED_*, or'ed; 0 and no scopes: open to all */
    uint32_t scope_count;
    const char *const *scopes; /* alternatives as well */
};

enum judgement {
    JUDGED_FIT,
    JUDGED_UNKNOWN,   /* 401: nobody, or not the kind of credential that could do it */
    JUDGED_FORBIDDEN, /* 403: known, and not allowed */
};

/* 0, or -EINVAL with *ret_wrong at the word that is not in the grammar. */
int needs_parse(struct needs *needs, struct arena *arena, const char *auth, const char **ret_wrong);

/* True when the route is open to everyone: authenticators don't run. */
static inline bool needs_nobody(const struct needs *needs)
{
    return needs->kinds == 0 && needs->scope_count == 0;
}

/* Which identities could ever fit: SLUICE_IDENTITY_* (self and scopes count as client). */
uint32_t needs_identities(const struct needs *needs);

/* `who` may be NULL; `area` is the plugin's name; `id` the route's {id} parameter or NULL. */
enum judgement needs_judge(const struct needs *needs, const sluice_identity *who, const char *area,
                           const char *id);

#endif
