/* SHA-256 over several parts.
 *
 *   length, bytes, length, bytes, ... -> digest -> hexadecimal
 *
 * SPDX-License-Identifier: MIT */
#include "hash.h"

#include <openssl/evp.h>
#include <sluice/hex.h>

static bool update(EVP_MD_CTX *context, const sluice_bytes *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestUpdate(context, &parts[i].len, sizeof parts[i].len) != 1 ||
            EVP_DigestUpdate(context, parts[i].data, parts[i].len) != 1)
            return false;
    }
    return true;
}

bool digest_parts(const sluice_bytes *parts, size_t count, unsigned char ret_digest[DIGEST_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                update(context, parts, count) && EVP_DigestFinal_ex(context, ret_digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    return made;
}

bool hash_parts(const sluice_bytes *parts, size_t count, char ret_hex[HASH_SIZE])
{
    unsigned char digest[DIGEST_SIZE];
    bool made = digest_parts(parts, count, digest);
    if (made)
        sluice_hex(digest, sizeof digest, ret_hex);
    return made;
}
