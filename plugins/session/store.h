/* Names in Redis.
 *
 *   session:<sha256 of the id>   hash   what common.lua describes; ends with the session
 *   user:<space>:<user>          zset   the sha256 of each session of a user, by when it ends
 *
 * A space has no colon in it, so two different users never share an index.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_STORE_H
#define SESSION_STORE_H

#include <sluice/plugin.h>

/* In the request's memory. */
static inline const char *store_session(sluice_request *req, const char *hash)
{
    return sluice_key(req, "session:", hash);
}

static inline const char *store_index(sluice_request *req, const char *space, const char *user)
{
    return sluice_key(req, "user:", space, ":", user);
}

#endif
