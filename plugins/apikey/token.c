/* API keys as text.
 *
 * SPDX-License-Identifier: MIT */
#include "token.h"

#include <string.h>

#define PREFIX_LEN 4u
#define SECRET_LEN 43u /* 62^43 > 2^256 */
#define CHECK_LEN 6u   /* 62^6 > 2^32 */
#define CHECKED_LEN (PREFIX_LEN + SECRET_LEN)

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 as in ISO 3309 and zlib, bit by bit: 47 bytes are not worth a table. */
static uint32_t crc32(const char *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

/* Divides the big-endian number by 62 in place and returns the remainder. */
static uint32_t divide(uint8_t number[TOKEN_RANDOM])
{
    uint32_t rest = 0;
    for (size_t i = 0; i < TOKEN_RANDOM; i++) {
        uint32_t part = rest << 8 | number[i];
        number[i] = (uint8_t)(part / 62);
        rest = part % 62;
    }
    return rest;
}

static void write_check(const char *token, char ret_check[CHECK_LEN])
{
    uint32_t crc = crc32(token, CHECKED_LEN);
    for (size_t i = CHECK_LEN; i-- > 0; crc /= 62)
        ret_check[i] = base62[crc % 62];
}

void token_write(const uint8_t random[TOKEN_RANDOM], char ret_token[TOKEN_SIZE])
{
    uint8_t number[TOKEN_RANDOM];
    memcpy(number, random, sizeof number);
    memcpy(ret_token, TOKEN_PREFIX, PREFIX_LEN);
    for (size_t i = SECRET_LEN; i-- > 0;)
        ret_token[PREFIX_LEN + i] = base62[divide(number)];
    ret_token[CHECKED_LEN] = '_';
    write_check(ret_token, ret_token + CHECKED_LEN + 1);
    ret_token[TOKEN_SIZE - 1] = '\0';
}

bool token_is_whole(const char *token)
{
    char check[CHECK_LEN];
    if (strlen(token) != TOKEN_SIZE - 1 || strncmp(token, TOKEN_PREFIX, PREFIX_LEN) != 0)
        return false;
    if (strspn(token + PREFIX_LEN, base62) != SECRET_LEN || token[CHECKED_LEN] != '_')
        return false;
    write_check(token, check);
    return memcmp(token + CHECKED_LEN + 1, check, CHECK_LEN) == 0;
}

bool token_is_unprefixed(const char *token)
{
    static const char base64url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return strlen(token) == TOKEN_UNPREFIXED_LEN &&
           strspn(token, base64url) == TOKEN_UNPREFIXED_LEN;
}
