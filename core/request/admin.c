/* The admin token: `Authorization: Bearer <token>` (RFC 6750), compared in constant time.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "request.h"
#include "worker_internal.h"

static const char *bearer(const struct request *req)
{
    const struct header *header = message_header(&req->message, "Authorization");
    if (!header || strncasecmp(header->value, "Bearer ", 7) != 0)
        return NULL;
    return header->value + 7 + strspn(header->value + 7, " ");
}

void admin_authenticate(struct request *req)
{
    const char *token = bearer(req);
    const char *expected = req->worker->setup->admin_token;
    if (!token || !expected)
        return;
    size_t len = strlen(expected);
    if (strlen(token) != len || CRYPTO_memcmp(token, expected, len) != 0)
        return;
    req->known = true;
    req->who.size = sizeof req->who;
    req->who.kinds = SLUICE_IDENTITY_ADMIN;
    req->who.scopes = "";
}
