/* Commands as bytes: RESP arrays of bulk strings, written straight into the output buffer.
 *
 *   argv -> *<argc> $<len> <bytes> $<len> <bytes> ...
 *
 * On the way of every request: no printf, one look at the room per argument.
 * The format is https://redis.io/docs/latest/develop/reference/protocol-spec/.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arg_text.h"
#include "redis_internal.h"

#define HEADER_MAX 23 /* '$', 20 digits, CR, LF */

static char *put_crlf(char *to)
{
    to[0] = '\r';
    to[1] = '\n';
    return to + 2;
}

/* "$12\r\n" or "*3\r\n"; returns where it ends. */
static char *put_header(char *to, char kind, uint64_t count)
{
    *to++ = kind;
    to += digits_of(count, to);
    return put_crlf(to);
}

static void add_header(struct text *out, char kind, uint64_t count)
{
    char *start = text_room(out, HEADER_MAX);
    text_added(out, (size_t)(put_header(start, kind, count) - start));
}

static void add_bulk(struct text *out, const void *bytes, size_t len)
{
    char *start = text_room(out, HEADER_MAX + len + 2);
    char *to = put_header(start, '$', len);
    if (len)
        memcpy(to, bytes, len);
    text_added(out, (size_t)(put_crlf(to + len) - start));
}

static void add_uint(struct text *out, uint64_t value, bool negative)
{
    char digits[21];
    digits[0] = '-';
    size_t len = digits_of(value, digits + 1);
    if (negative)
        add_bulk(out, digits, len + 1);
    else
        add_bulk(out, digits + 1, len);
}

/* What has a length only once it is written: the header is put in front of it afterwards. */
static void add_written(struct text *out, const sluice_arg *arg)
{
    size_t start = out->len;
    text_add_arg(out, arg);
    size_t len = out->len - start;
    char header[HEADER_MAX];
    size_t header_len = (size_t)(put_header(header, '$', len) - header);
    (void)text_room(out, header_len + 2);
    char *at = out->data + start;
    memmove(at + header_len, at, len);
    memcpy(at, header, header_len);
    (void)put_crlf(at + header_len + len);
    text_added(out, header_len + 2);
}

static void add_arg(struct text *out, const sluice_arg *arg)
{
    switch (arg->type) {
    case SLUICE_ARG_TEXT:
        add_bulk(out, arg->u.text, arg->u.text ? strlen(arg->u.text) : 0);
        break;
    case SLUICE_ARG_BYTES:
    case SLUICE_ARG_JSON:
        add_bulk(out, arg->u.text, arg->len);
        break;
    case SLUICE_ARG_INT:
        /* Negated as unsigned: INT64_MIN has no positive counterpart. */
        add_uint(out, arg->u.i64 < 0 ? 0 - (uint64_t)arg->u.i64 : (uint64_t)arg->u.i64,
                 arg->u.i64 < 0);
        break;
    case SLUICE_ARG_UINT:
    case SLUICE_ARG_BOOL:
        add_uint(out, arg->u.u64, false);
        break;
    case SLUICE_ARG_NIL:
        add_bulk(out, NULL, 0);
        break;
    default:
        add_written(out, arg);
        break;
    }
}

static void add_args(struct text *out, const sluice_arg *argv, uint32_t argc, uint32_t stride)
{
    const char *at = (const char *)argv;
    for (uint32_t i = 0; i < argc; i++, at += stride)
        add_arg(out, (const void *)at);
}

void redis_encode(struct text *out, const sluice_arg *argv, uint32_t argc, uint32_t stride)
{
    add_header(out, '*', argc);
    add_args(out, argv, argc, stride);
}

void redis_encode_script(struct text *out, const struct redis_call *call)
{
    add_header(out, '*', (uint64_t)call->argc + 3);
    add_bulk(out, "EVALSHA", 7);
    add_bulk(out, call->script->sha1, sizeof call->script->sha1 - 1);
    add_uint(out, call->keys, false);
    add_args(out, call->argv, call->argc, call->stride);
}
