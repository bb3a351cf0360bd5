/* Session ids as text, and the digest under which they are stored.
 *
 *   32 random bytes -> 43 characters of base64url (RFC 4648 section 5, no padding) -> SHA-256
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_ID_H
#define SESSION_ID_H

#include <stdbool.h>

#include <sluice/plugin.h>

#include "shared/hasher.h"

#define ID_LEN 43u
#define PUBLIC_ID_LEN 22u /* 128 bits: names a session, opens nothing */

struct id {
    char text[ID_LEN + 1];
    char hash[HASH_SIZE];
};

/* A new id, in the request's memory; NULL when OpenSSL refused to hash. */
struct id *id_make(sluice_request *req, struct hasher *hasher);
const char *id_make_public(sluice_request *req);

/* True for what id_make could have made. */
bool id_is_formed(const char *text);

#endif
