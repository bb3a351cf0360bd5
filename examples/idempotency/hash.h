/* SHA-256 over several parts.
 *
 * SPDX-License-Identifier: MIT */
#ifndef IDEMPOTENCY_HASH_H
#define IDEMPOTENCY_HASH_H

#include <stddef.h>

#include <sluice/abi.h>

#define DIGEST_SIZE 32
#define HASH_SIZE 65 /* hexadecimal digits and a NUL */

/* Each part counts with its length, so that no two lists of parts are one text. False, with
 * what is returned of no use, where OpenSSL can't. */
bool digest_parts(const sluice_bytes *parts, size_t count, unsigned char ret_digest[DIGEST_SIZE]);
bool hash_parts(const sluice_bytes *parts, size_t count, char ret_hex[HASH_SIZE]);

#endif
