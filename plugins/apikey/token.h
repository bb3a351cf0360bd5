/* API keys as text.
 *
 *   32 random bytes -> slc_<43 base62 digits>_<6 base62 digits: CRC-32 of all before it and its _>
 *
 * The checksum tells a mistyped or cut-off key from an unknown one without asking Redis; it
 * protects nothing else. It covers the first 47 characters, `slc_` and the digits.
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_TOKEN_H
#define APIKEY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_PREFIX "slc_"
#define TOKEN_RANDOM 32u         /* bytes */
#define TOKEN_SIZE 55u           /* of a token's text with its NUL */
#define TOKEN_UNPREFIXED_LEN 43u /* of the classic server's tokens: 32 bytes in base64url */

void token_write(const uint8_t random[TOKEN_RANDOM], char ret_token[TOKEN_SIZE]);

/* True when prefix, length, digits and checksum are right. */
bool token_is_whole(const char *token);

/* True for what looks like a token of the classic server. */
bool token_is_unprefixed(const char *token);

#endif
