/* Bytes as text: two hexadecimal digits each, lower case.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_HEX_H
#define SLUICE_HEX_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ret_text has room for 2 * len + 1; it ends with a NUL. */
static inline void sluice_hex(const void *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = (const unsigned char *)bytes;
    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[from[i] >> 4];
        ret_text[2 * i + 1] = digits[from[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

#ifdef __cplusplus
}
#endif
#endif
