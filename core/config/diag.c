/* Configuration errors: one line each, at their place.
 *
 *   mark + format -> "config.yaml:12:9: message\n" -> lines
 *
 * Whatever comes from outside (keys, values, names of files) can't break a line in two: control
 * characters are printed as question marks.
 *
 * SPDX-License-Identifier: MIT */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"

#define QUOTE_MAX 60 /* bytes of a value that a message repeats */

void diag_init(struct diag *diag)
{
    text_init(&diag->lines, NULL);
    diag->count = 0;
}

void diag_release(struct diag *diag)
{
    if (diag)
        text_release(&diag->lines);
}

static void add_mark(struct text *lines, struct mark mark)
{
    if (!mark.file)
        return;
    text_add(lines, mark.file);
    if (mark.line)
        text_add_format(lines, ":%u:%u", mark.line, mark.column);
    text_add(lines, ": ");
}

static void flatten(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

void diag_add(struct diag *diag, struct mark mark, const char *format, ...)
{
    struct text *lines = &diag->lines;
    size_t start = lines->len;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = len > 0 ? (size_t)len + 1 : 1;

    add_mark(lines, mark);
    char *room = text_room(lines, size);
    va_start(args, format);
    (void)vsnprintf(room, size, format, args);
    va_end(args);
    text_added(lines, size - 1);
    flatten(lines->data + start);
    text_add_char(lines, '\n');
    diag->count++;
}

const char *diag_quote(struct arena *arena, const char *text)
{
    size_t len = strlen(text);
    if (len <= QUOTE_MAX)
        return arena_printf(arena, "\"%s\"", text);
    size_t cut = QUOTE_MAX;
    while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--; /* not through a UTF-8 character */
    return arena_printf(arena, "\"%.*s...\"", (int)cut, text);
}
