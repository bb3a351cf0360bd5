/* SHA-256 over several parts.
 *
 * SPDX-License-Identifier: MIT */
#ifndef IDEMPOTENCY_HASH_H
#define IDEMPOTENCY_HASH_H

#include <stddef.h>

#include <sluice/abi.h>

#define HASH_SIZE 65 /* hexadecimal digits and a NUL */

/* Each part counts with its length, so that no two lists of parts are one text. False, with
 * *ret_hex untouched, where OpenSSL can't. */
bool hash_parts(const sluice_bytes *parts, size_t count, char ret_hex[HASH_SIZE]);

void hex_of(const unsigned char *bytes, size_t len, char *ret_hex); /* 2 * len + 1 */

#endif
