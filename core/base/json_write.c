/* JSON text from typed arguments, written straight into a growing string.
 *
 *   bytes -> run of plain ones | escape | UTF-8 sequence | U+FFFD -> text
 *
 * SPDX-License-Identifier: MIT */
#include "json_write.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "arena.h"

/* What a byte of a string is: 0 goes as it is, 1 needs \u00XX or starts a longer sequence, any
 * other value is the letter after a backslash. */
static const char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',      ['\r'] = 'r',
    ['\t'] = 't', [0] = 1,       [1] = 1,      [2] = 1,      [3] = 1,           [4] = 1,
    [5] = 1,      [6] = 1,       [7] = 1,      [11] = 1,     [14] = 1,          [15] = 1,
    [16] = 1,     [17] = 1,      [18] = 1,     [19] = 1,     [20] = 1,          [21] = 1,
    [22] = 1,     [23] = 1,      [24] = 1,     [25] = 1,     [26] = 1,          [27] = 1,
    [28] = 1,     [29] = 1,      [30] = 1,     [31] = 1,     [128 ... 255] = 1,
};

/* Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 if there is none. */
static size_t sequence(const unsigned char *at, size_t len)
{
    static const unsigned char low[256] = {[0xe0] = 0xa0, [0xf0] = 0x90};
    static const unsigned char high[256] = {[0xed] = 0x9f, [0xf4] = 0x8f};
    unsigned char first = at[0];
    size_t want = first >= 0xc2 && first <= 0xdf   ? 2
                  : first >= 0xe0 && first <= 0xef ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
    if (want == 0 || want > len)
        return 0;
    if (at[1] < (low[first] ? low[first] : 0x80) || at[1] > (high[first] ? high[first] : 0xbf))
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return want;
}

/* Writes what is at `at`, which is not plain; returns how many bytes of it are done. */
static size_t add_special(struct text *text, const unsigned char *at, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    char escape = escapes[at[0]];
    if (escape > 1) {
        char pair[2] = {'\\', escape};
        text_add_bytes(text, pair, sizeof pair);
        return 1;
    }
    if (at[0] < 0x20) {
        char code[6] = {'\\', 'u', '0', '0', hex[at[0] >> 4], hex[at[0] & 15]};
        text_add_bytes(text, code, sizeof code);
        return 1;
    }
    size_t whole = sequence(at, len);
    text_add_bytes(text, whole ? (const char *)at : "\xef\xbf\xbd", whole ? whole : 3);
    return whole ? whole : 1;
}

void json_add_string(struct text *text, const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes;
    (void)text_room(text, len + 2);
    text_add_char(text, '"');
    while (len) {
        size_t plain = 0;
        while (plain < len && !escapes[at[plain]])
            plain++;
        text_add_bytes(text, at, plain);
        at += plain;
        len -= plain;
        if (len) {
            size_t done = add_special(text, at, len);
            at += done;
            len -= done;
        }
    }
    text_add_char(text, '"');
}

static bool is_nil(const sluice_arg *value)
{
    switch (value->type) {
    case SLUICE_ARG_TEXT:
    case SLUICE_ARG_ERROR:
        return value->u.text == NULL;
    case SLUICE_ARG_JSON:
        return value->len == 0;
    case SLUICE_ARG_LIST:
        return value->u.list == NULL;
    default:
        return value->type == SLUICE_ARG_NIL || value->type > SLUICE_ARG_ERROR;
    }
}

static void add_double(struct text *text, double value)
{
    if (isfinite(value))
        text_add_double(text, value);
    else
        text_add(text, "null");
}

void json_add_value(struct text *text, const sluice_arg *value)
{
    if (is_nil(value)) {
        text_add_bytes(text, "null", 4);
        return;
    }
    switch (value->type) {
    case SLUICE_ARG_INT:
        text_add_int(text, value->u.i64);
        return;
    case SLUICE_ARG_UINT:
        text_add_uint(text, value->u.u64);
        return;
    case SLUICE_ARG_DOUBLE:
        add_double(text, value->u.f64);
        return;
    case SLUICE_ARG_BOOL:
        text_add(text, value->u.u64 ? "true" : "false");
        return;
    case SLUICE_ARG_JSON:
        text_add_bytes(text, value->u.text, value->len);
        return;
    case SLUICE_ARG_LIST:
        text_add_bytes(text, value->u.list->text.data, value->u.list->text.len);
        text_add_char(text, ']');
        return;
    case SLUICE_ARG_BYTES:
        json_add_string(text, value->u.text, value->len);
        return;
    default:
        json_add_string(text, value->u.text, strlen(value->u.text));
        return;
    }
}

int json_add_pairs(struct text *text, int first, const sluice_arg *pairs, uint32_t count,
                   uint32_t stride)
{
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        const sluice_arg *name = arg_at(pairs, stride, i);
        const sluice_arg *value = arg_at(pairs, stride, i + 1);
        bool named = name->type == SLUICE_ARG_TEXT || name->type == SLUICE_ARG_BYTES;
        if (!named || is_nil(name) || is_nil(value))
            continue;
        if (!first)
            text_add_char(text, ',');
        first = 0;
        json_add_value(text, name);
        text_add_char(text, ':');
        json_add_value(text, value);
    }
    return first;
}

void json_add_object(struct text *text, const sluice_arg *pairs, uint32_t count, uint32_t stride)
{
    text_add_char(text, '{');
    (void)json_add_pairs(text, 1, pairs, count, stride);
    text_add_char(text, '}');
}

sluice_list *json_list_new(struct arena *arena)
{
    sluice_list *list = arena_new(arena, sluice_list);
    text_init(&list->text, arena);
    text_add_char(&list->text, '[');
    return list;
}

void json_list_push(sluice_list *list, const sluice_arg *value)
{
    if (list->text.len > 1)
        text_add_char(&list->text, ',');
    json_add_value(&list->text, value);
}
