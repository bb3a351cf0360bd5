/* SHA-256: the digest under which secrets are stored.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SHARED_HASHER_H
#define SHARED_HASHER_H

#include <stdbool.h>

#include <openssl/evp.h>

#define HASH_SIZE 65u /* of SHA-256 in hex with its NUL */

/* SHA-256, fetched once a process: fetching costs twice as much as hashing. */
struct hasher {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

/* False when OpenSSL has no SHA-256 or no memory. */
bool hasher_init(struct hasher *hasher);
void hasher_release(struct hasher *hasher); /* also of a zeroed or half-made one */

/* SHA-256 of the text in lower-case hex; false when OpenSSL refused. */
bool hasher_hash(struct hasher *hasher, const char *text, char ret_hash[HASH_SIZE]);

#endif
