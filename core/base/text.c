/* Growing strings: every addition makes room, writes, and ends with a NUL.
 *
 *   text_room -> bytes written by the caller or by text_add_* -> text_added
 *
 * Grows by doubling. Integers are written without printf: they are on every request's way.
 *
 * SPDX-License-Identifier: MIT */
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define TEXT_MIN ((size_t)128)

static char empty[1]; /* shared by all texts without memory; never written */

void text_init(struct text *text, struct arena *arena)
{
    *text = (struct text){.data = empty, .arena = arena};
}

void text_release(struct text *text)
{
    if (text->size && !text->arena)
        free(text->data);
    text_init(text, text->arena);
}

void text_clear(struct text *text)
{
    text->len = 0;
    if (text->size)
        text->data[0] = '\0';
}

static void grow(struct text *text, size_t least)
{
    size_t size = text->size ? text->size : TEXT_MIN;
    while (size < least)
        size *= 2;
    char *data;
    if (text->arena) {
        data = arena_alloc(text->arena, size, 1);
        memcpy(data, text->data, text->len + 1);
    } else {
        data = realloc(text->size ? text->data : NULL, size);
        if (!data)
            out_of_memory(size);
        data[text->len] = '\0';
    }
    text->data = data;
    text->size = size;
}

char *text_room(struct text *text, size_t more)
{
    if (more > SIZE_MAX / 4)
        out_of_memory(more);
    size_t least = text->len + more + 1;
    if (least > text->size)
        grow(text, least);
    return text->data + text->len;
}

void text_added(struct text *text, size_t len)
{
    text->len += len;
    if (text->size)
        text->data[text->len] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_bytes(struct text *text, const void *bytes, size_t len)
{
    if (!len)
        return;
    memcpy(text_room(text, len), bytes, len);
    text_added(text, len);
}

void text_add_char(struct text *text, char c)
{
    *text_room(text, 1) = c;
    text_added(text, 1);
}

size_t digits_of(uint64_t value, char ret_digits[20])
{
    char reversed[20];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < len; i++)
        ret_digits[i] = reversed[len - 1 - i];
    return len;
}

void text_add_uint(struct text *text, uint64_t value)
{
    text_added(text, digits_of(value, text_room(text, 20)));
}

void text_add_int(struct text *text, int64_t value)
{
    if (value < 0)
        text_add_char(text, '-');
    /* Negated as unsigned: INT64_MIN has no positive counterpart. */
    text_add_uint(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void text_add_double(struct text *text, double value)
{
    if (fabs(value) < 9007199254740992.0 && trunc(value) == value) {
        if (signbit(value))
            text_add_char(text, '-');
        text_add_uint(text, (uint64_t)fabs(value));
        return;
    }
    char digits[32];
    int len = 0;
    for (int precision = 15; precision <= 17; precision++) {
        len = snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    text_add_bytes(text, digits, len > 0 ? (size_t)len : 0);
}

void text_add_format(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len <= 0)
        return;
    char *room = text_room(text, (size_t)len);
    va_start(args, format);
    (void)vsnprintf(room, (size_t)len + 1, format, args);
    va_end(args);
    text_added(text, (size_t)len);
}
