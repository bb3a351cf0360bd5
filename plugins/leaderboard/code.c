/* Subscores as text that sorts.
 *
 * Positive doubles sort as their bits do, negative ones backwards: flipping the sign bit of the
 * former and all bits of the latter puts every double in order.
 *
 * SPDX-License-Identifier: MIT */
#include "code.h"

#include <string.h>

#define SIGN (UINT64_C(1) << 63)

void code_write(double value, bool invert, char ret_code[CODE_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    double plain = value == 0 ? 0 : value;
    uint64_t bits;
    memcpy(&bits, &plain, sizeof bits);
    bits = bits & SIGN ? ~bits : bits | SIGN;
    if (invert)
        bits = ~bits;
    for (int i = 0; i < 16; i++)
        ret_code[i] = digits[bits >> (60 - 4 * i) & 15];
    ret_code[16] = '\0';
}

static uint64_t parse(const char *code)
{
    uint64_t bits = 0;
    for (int i = 0; i < 16; i++) {
        char c = code[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
        bits = bits << 4 | (digit & 15);
    }
    return bits;
}

double code_read(const char *code, bool invert)
{
    double value;
    if (strlen(code) != 16)
        return 0;
    uint64_t bits = parse(code);
    if (invert)
        bits = ~bits;
    bits = bits & SIGN ? bits & ~SIGN : ~bits;
    memcpy(&value, &bits, sizeof value);
    return value;
}
