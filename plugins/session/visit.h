/* What is known of a session, and of the one that a request came with.
 *
 *   authenticate: touch.lua's reply -> record -> visit, attached to its request
 *   handler:      visits_find -> what was read already, without another look at Redis
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_VISIT_H
#define SESSION_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "shared/hasher.h"

/* A member of a session's data. */
struct member {
    const char *name;
    const char *json; /* its value, as JSON text */
};

/* A session as a script describes it, in a request's memory. */
struct record {
    const char *space, *user, *id; /* the public one */
    int64_t created, ends;         /* ms since 1970 */
    const char *version;           /* a number */
    const struct member *members;
    uint64_t count;
};

/* Reads what describe of common.lua gives. */
void record_read(sluice_request *req, const sluice_reply *reply, struct record *ret_record);

/* The JSON text of a member, NULL when there is none of this name. */
const char *record_member(const struct record *record, const char *name);

/* The session that a request came with, in the request's memory. */
struct visit {
    char hash[HASH_SIZE];
    bool by_cookie;
    struct record record; /* without members where the route is another plugin's */

    const sluice_request *req;
    struct visits *visits;
    struct visit *next;
};

/* The visits of a worker's requests. A zeroed one is empty. */
#define VISIT_CHAINS 256u
struct visits {
    struct visit *chains[VISIT_CHAINS];
};

/* Until the request ends. */
void visits_attach(struct visits *visits, sluice_request *req, struct visit *visit);

/* NULL: the request came without a valid session. */
struct visit *visits_find(const struct visits *visits, const sluice_request *req);

#endif
