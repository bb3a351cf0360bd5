/* Percent-encoding (RFC 3986 section 2.1) and query strings.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "router.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte of an escape whose two digits start at `digits`; -1 for a broken one, or a NUL. */
static int escaped_byte(const char *digits, const char *end)
{
    if (end - digits < 2)
        return -1;
    int high = hex_digit(digits[0]), low = hex_digit(digits[1]);
    if (high < 0 || low < 0 || (high | low) == 0)
        return -1;
    return high << 4 | low;
}

const char *percent_decode(struct arena *arena, const char *bytes, size_t len, bool plus)
{
    char *text = arena_copy(arena, bytes, len);
    const char *end = text + len;
    char *to = text;
    for (const char *from = text; from < end; from++) {
        if (*from == '%') {
            int byte = escaped_byte(from + 1, end);
            if (byte < 0)
                return NULL;
            *to++ = (char)byte;
            from += 2;
        } else {
            *to++ = plus && *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
    return text;
}

const char *query_value(struct arena *arena, const char *query, const char *name)
{
    while (*query) {
        size_t len = strcspn(query, "&");
        size_t name_len = strcspn(query, "=&");
        const char *key = percent_decode(arena, query, name_len, true);
        if (key && strcmp(key, name) == 0) {
            size_t skip = name_len < len ? name_len + 1 : len;
            return percent_decode(arena, query + skip, len - skip, true);
        }
        query += len + (query[len] == '&');
    }
    return NULL;
}
