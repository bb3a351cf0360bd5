/* Names and user ids: what may become part of a key in Redis.
 *
 *   text -> length -> every character -> true, or false and the caller answers 422
 *
 * Header-only and without libraries: path parameters are checked with it, <sluice/json.h> checks
 * bodies with it. Names hold no colon, so that two different names can never make one key.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CHECK_H
#define SLUICE_CHECK_H

#include <sluice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a refusal tells its reader, behind the name of what was refused. */
#define SLUICE_NAME_RULE                                                                           \
    "must be 1 to 128 characters of A-Z, a-z, 0-9, '.', '_', '@' and '-', and not \".\" or \"..\""
#define SLUICE_USER_ID_RULE "must be 1 to 256 bytes of UTF-8 without spaces and control characters"

static inline bool sluice_is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '@' || c == '-';
}

/* The name of a client, space, board, queue, policy or resource. NULL is none. */
static inline bool sluice_is_name(const char *text)
{
    uint32_t len = 0;
    if (!text)
        return false;
    while (len <= SLUICE_NAME_MAX && sluice_is_name_character(text[len]))
        len++;
    if (len == 0 || len > SLUICE_NAME_MAX || text[len])
        return false;
    return strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

#define SLUICE_NO_CHARACTER UINT32_MAX

/* The character at *at, which moves behind it; SLUICE_NO_CHARACTER for what is not UTF-8 (RFC 3629:
 * no overlong forms, no surrogates, nothing above U+10FFFF). The text ends with NUL. */
static inline uint32_t sluice_utf8_next(const char **at)
{
    const unsigned char *byte = (const unsigned char *)*at;
    const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    uint32_t code = byte[0], more = 0;
    if (code >= 0x80)
        more = code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;
    if ((code >= 0x80 && code < 0xc2) || code > 0xf4)
        return SLUICE_NO_CHARACTER;
    if (more)
        code &= 0x3fu >> more;
    for (uint32_t i = 1; i <= more; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return SLUICE_NO_CHARACTER;
        code = code << 6 | (byte[i] & 0x3fu);
    }
    if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return SLUICE_NO_CHARACTER;
    *at += 1 + more;
    return code;
}

/* Unicode's White_Space, and the two zero-width characters that are spaces by name. */
static inline bool sluice_is_space(uint32_t code)
{
    return code == 0x20 || (code >= 0x09 && code <= 0x0d) || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200b) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000 || code == 0xfeff;
}

/* The C0 and C1 sets and DEL. */
static inline bool sluice_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* The id that a client gives one of its users. NULL is none. */
static inline bool sluice_is_user_id(const char *text)
{
    const char *at = text;
    if (!text || !*text)
        return false;
    while (*at) {
        uint32_t code = sluice_utf8_next(&at);
        if (code == SLUICE_NO_CHARACTER || sluice_is_space(code) || sluice_is_control(code))
            return false;
        if ((uint64_t)(at - text) > SLUICE_USER_ID_MAX)
            return false;
    }
    return true;
}

#ifdef __cplusplus
}
#endif
#endif
