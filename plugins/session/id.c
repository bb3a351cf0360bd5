/* Session ids as text.
 *
 * SPDX-License-Identifier: MIT */
#include "id.h"

#include <string.h>

#define RANDOM 32u

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Without padding: what is left of the last group is filled with zero bits. */
static void encode(const uint8_t *bytes, size_t len, char *to)
{
    uint32_t bits = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            *to++ = base64url[bits >> (count - 6) & 63];
    }
    if (count)
        *to++ = base64url[bits << (6 - count) & 63];
    *to = '\0';
}

struct id *id_make(sluice_request *req, struct hasher *hasher)
{
    struct id *id = sluice_new(req, struct id);
    uint8_t random[RANDOM];
    sluice_random(sluice_worker_of(req), random, sizeof random);
    encode(random, sizeof random, id->text);
    return hasher_hash(hasher, id->text, id->hash) ? id : NULL;
}

const char *id_make_public(sluice_request *req)
{
    char *text = sluice_alloc(req, PUBLIC_ID_LEN + 1);
    uint8_t random[RANDOM / 2];
    sluice_random(sluice_worker_of(req), random, sizeof random);
    encode(random, sizeof random, text);
    return text;
}

/* The last of 43 characters has two bits that mean nothing: they are zero, so that one session has
 * one id. */
bool id_is_formed(const char *text)
{
    if (strlen(text) != ID_LEN || strspn(text, base64url) != ID_LEN)
        return false;
    return ((strchr(base64url, text[ID_LEN - 1]) - base64url) & 3) == 0;
}
