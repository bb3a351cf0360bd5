/* Replies: made by the Redis session and by wakers, read through the table that plugins see.
 *
 *   parsed bytes, waker's arguments -> struct reply -> reply_api -> a step
 *
 * A reader never gets a NULL: what is absent is a nil, and what has no text has the text "".
 *
 * SPDX-License-Identifier: MIT */
#include "reply.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arg_text.h"
#include "text.h"

static const struct reply *of(const sluice_reply *abi)
{
    return (const struct reply *)abi;
}

static bool has_text(const struct reply *reply)
{
    switch (reply->type) {
    case SLUICE_REPLY_TEXT:
    case SLUICE_REPLY_STATUS:
    case SLUICE_REPLY_ERROR:
    case SLUICE_REPLY_TROUBLE:
        return reply->u.text.data != NULL;
    default:
        return false;
    }
}

static uint32_t type(const sluice_reply *abi)
{
    return of(abi)->type;
}

/* The whole text must be the number: "12abc" and "3.7" are no integers. */
static int64_t integer(const sluice_reply *abi)
{
    const struct reply *reply = of(abi);
    if (reply->type == SLUICE_REPLY_INT)
        return reply->u.integer;
    if (!has_text(reply) || !reply->u.text.len)
        return 0;
    char *end;
    errno = 0;
    long long value = strtoll(reply->u.text.data, &end, 10);
    return !errno && end == reply->u.text.data + reply->u.text.len ? value : 0;
}

static double number(const sluice_reply *abi)
{
    const struct reply *reply = of(abi);
    if (reply->type == SLUICE_REPLY_INT)
        return (double)reply->u.integer;
    if (!has_text(reply) || !reply->u.text.len)
        return 0;
    char *end;
    double value = strtod(reply->u.text.data, &end);
    return end == reply->u.text.data + reply->u.text.len ? value : 0;
}

static sluice_bytes text(const sluice_reply *abi)
{
    const struct reply *reply = of(abi);
    if (!has_text(reply))
        return (sluice_bytes){"", 0};
    return (sluice_bytes){reply->u.text.data, reply->u.text.len};
}

static uint64_t length(const sluice_reply *abi)
{
    const struct reply *reply = of(abi);
    return reply->type == SLUICE_REPLY_ARRAY ? reply->u.array.count : 0;
}

static const sluice_reply *at(const sluice_reply *abi, uint64_t i)
{
    const struct reply *reply = of(abi);
    if (reply->type != SLUICE_REPLY_ARRAY || i >= reply->u.array.count || !reply->u.array.items[i])
        return &reply_nil.abi;
    return &reply->u.array.items[i]->abi;
}

const sluice_reply_api reply_api = {
    .size = sizeof(sluice_reply_api),
    .type = type,
    .integer = integer,
    .number = number,
    .text = text,
    .length = length,
    .at = at,
};

const struct reply reply_nil = {.abi = {&reply_api}, .type = SLUICE_REPLY_NIL};

struct reply *reply_new(struct arena *arena, uint32_t kind)
{
    struct reply *reply = arena_new(arena, struct reply);
    reply->abi.api = &reply_api;
    reply->type = kind;
    return reply;
}

struct reply *reply_text(struct arena *arena, uint32_t kind, const char *data, size_t len)
{
    struct reply *reply = reply_new(arena, kind);
    reply->u.text.data = arena_copy(arena, data, len);
    reply->u.text.len = len;
    return reply;
}

struct reply *reply_int(struct arena *arena, int64_t value)
{
    struct reply *reply = reply_new(arena, SLUICE_REPLY_INT);
    reply->u.integer = value;
    return reply;
}

struct reply *reply_array(struct arena *arena, uint64_t count)
{
    struct reply *reply = reply_new(arena, SLUICE_REPLY_ARRAY);
    reply->u.array.items = arena_array(arena, struct reply *, count);
    reply->u.array.count = count;
    return reply;
}

/* Doubles, lists and integers beyond INT64_MAX. */
static struct reply *written(struct arena *arena, const sluice_arg *value)
{
    struct text out;
    text_init(&out, arena);
    text_add_arg(&out, value);
    struct reply *reply = reply_new(arena, SLUICE_REPLY_TEXT);
    reply->u.text.data = out.data;
    reply->u.text.len = out.len;
    return reply;
}

static struct reply *from_arg(struct arena *arena, const sluice_arg *value)
{
    switch (value->type) {
    case SLUICE_ARG_TEXT:
    case SLUICE_ARG_ERROR:
        if (!value->u.text)
            return reply_new(arena, SLUICE_REPLY_NIL);
        return reply_text(arena,
                          value->type == SLUICE_ARG_ERROR ? SLUICE_REPLY_ERROR : SLUICE_REPLY_TEXT,
                          value->u.text, strlen(value->u.text));
    case SLUICE_ARG_BYTES:
    case SLUICE_ARG_JSON:
        return reply_text(arena, SLUICE_REPLY_TEXT, value->u.text, value->len);
    case SLUICE_ARG_INT:
        return reply_int(arena, value->u.i64);
    case SLUICE_ARG_UINT:
    case SLUICE_ARG_BOOL:
        if (value->u.u64 > INT64_MAX)
            return written(arena, value);
        return reply_int(arena, (int64_t)value->u.u64);
    case SLUICE_ARG_DOUBLE:
    case SLUICE_ARG_LIST:
        return written(arena, value);
    default:
        return reply_new(arena, SLUICE_REPLY_NIL);
    }
}

struct reply *reply_from_args(struct arena *arena, const sluice_arg *values, uint32_t count,
                              uint32_t stride)
{
    if (!count)
        return reply_new(arena, SLUICE_REPLY_NIL);
    if (count == 1)
        return from_arg(arena, values);
    struct reply *reply = reply_array(arena, count);
    for (uint32_t i = 0; i < count; i++)
        reply->u.array.items[i] =
            from_arg(arena, (const void *)((const char *)values + (size_t)i * stride));
    return reply;
}

int reply_is_unavailable(const struct reply *error)
{
    static const char *const codes[] = {
        "LOADING",     "READONLY", "OOM",  "MISCONF", "MASTERDOWN", "NOREPLICAS",
        "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOAUTH",  "NOPERM",
    };
    if (error->type != SLUICE_REPLY_ERROR || !has_text(error))
        return 0;
    const char *message = error->u.text.data;
    size_t code = strcspn(message, " ");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strlen(codes[i]) == code && !memcmp(message, codes[i], code))
            return 1;
    return strstr(message, "max number of clients") != NULL;
}
