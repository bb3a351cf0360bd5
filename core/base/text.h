/* A growing string of bytes: answers, log lines, commands to Redis.
 *
 * Lives in an arena when it was given one, else on the heap until text_release. Always ends with
 * a NUL that `len` does not count. Like arenas, it never fails: out of memory ends the process.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_TEXT_H
#define SLUICE_CORE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct text {
    char *data; /* "" before the first byte; never NULL after text_init */
    size_t len;
    size_t size;
    struct arena *arena; /* NULL: heap */
};

void text_init(struct text *text, struct arena *arena);
void text_release(struct text *text); /* of the heap; an arena's needs none */
void text_clear(struct text *text);   /* empties it, keeps its memory */

/* Makes room for `more` bytes and returns where they go; text_added says how many were written. */
char *text_room(struct text *text, size_t more);
void text_added(struct text *text, size_t len);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t len);
void text_add_char(struct text *text, char c);
void text_add_int(struct text *text, int64_t value);
void text_add_uint(struct text *text, uint64_t value);
/* The fewest digits that read back as the same double (tries %.15g, %.16g, %.17g); whole numbers
 * below 2^53 without exponent or fraction. */
void text_add_double(struct text *text, double value);
void text_add_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

/* Decimal digits of `value` without NUL, at most 20; returns how many. Used where a length is
 * needed before the digits. */
size_t digits_of(uint64_t value, char ret_digits[20]);

#endif
