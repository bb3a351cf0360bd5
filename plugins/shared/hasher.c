/* SHA-256: the digest under which secrets are stored.
 *
 * SPDX-License-Identifier: MIT */
#include "hasher.h"

#include <stdint.h>
#include <string.h>

#include <sluice/hex.h>

bool hasher_init(struct hasher *hasher)
{
    hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    hasher->context = EVP_MD_CTX_new();
    return hasher->sha256 && hasher->context;
}

void hasher_release(struct hasher *hasher)
{
    EVP_MD_CTX_free(hasher->context);
    EVP_MD_free(hasher->sha256);
    hasher->context = NULL;
    hasher->sha256 = NULL;
}

bool hasher_hash(struct hasher *hasher, const char *text, char ret_hash[HASH_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_DigestInit_ex2(hasher->context, hasher->sha256, NULL) != 1 ||
        EVP_DigestUpdate(hasher->context, text, strlen(text)) != 1 ||
        EVP_DigestFinal_ex(hasher->context, digest, &len) != 1)
        return false;
    sluice_hex(digest, len, ret_hash);
    return true;
}
