/* Replies out of bytes: hiredis parses, struct reply is made in an arena.
 *
 *   feed bytes -> redisReaderGetReply -> make_* for each value, inner ones into their array ->
 * reply
 *
 * Works with hiredis 0.14 and 1.x. Of the latter's RESP3 only nil is taken: we never ask for
 * RESP3, so its other types mean that something else than our commands' replies is coming in.
 *
 * Invariants: what one reply may cost is bounded before memory is taken for it; after a refusal
 * the reader is of no more use, and the caller drops the connection.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>

#include <hiredis/hiredis.h>

#include "memory.h"
#include "redis_internal.h"

#if HIREDIS_MAJOR >= 1
typedef size_t array_size;
#else
typedef int array_size;
#endif

/* hiredis keeps an empty buffer of up to this size, instead of allocating a new one. */
#define KEPT_BUFFER ((size_t)256 << 10)

/* NULL makes hiredis stop with an error of its own; ours says more. */
static void *refuse(const redisReadTask *task, const char *why)
{
    struct redis_reader *reader = task->privdata;
    reader->refused = why;
    return NULL;
}

/* Puts a value into the array around it. */
static void *place(const redisReadTask *task, struct reply *reply)
{
    if (task->parent) {
        struct reply *around = task->parent->obj;
        around->u.array.items[task->idx] = reply;
    }
    return reply;
}

static void *make_text(const redisReadTask *task, char *bytes, size_t len)
{
    struct redis_reader *reader = task->privdata;
    uint32_t type;
    switch (task->type) {
    case REDIS_REPLY_STRING:
        type = SLUICE_REPLY_TEXT;
        break;
    case REDIS_REPLY_STATUS:
        type = SLUICE_REPLY_STATUS;
        break;
    case REDIS_REPLY_ERROR:
        type = SLUICE_REPLY_ERROR;
        break;
    default:
        return refuse(task, "a text of a type that RESP2 does not have");
    }
    reader->bytes += len;
    if (reader->bytes > REDIS_REPLY_MAX)
        return refuse(task, "a reply of more than 64 MiB");
    return place(task, reply_text(&reader->arena, type, bytes, len));
}

static void *make_array(const redisReadTask *task, array_size count)
{
    struct redis_reader *reader = task->privdata;
    if (task->type != REDIS_REPLY_ARRAY)
        return refuse(task, "an aggregate of a type that RESP2 does not have");
    unsigned nesting = 1;
    for (const redisReadTask *around = task->parent; around; around = around->parent)
        nesting++;
    if (nesting > REDIS_NESTING_MAX)
        return refuse(task, "arrays nested more than 7 deep");
    if ((size_t)count > REDIS_ELEMENTS_MAX - reader->elements)
        return refuse(task, "a reply of more than 1,048,576 elements");
    reader->elements += (size_t)count;
    return place(task, reply_array(&reader->arena, (uint64_t)count));
}

static void *make_integer(const redisReadTask *task, long long value)
{
    struct redis_reader *reader = task->privdata;
    return place(task, reply_int(&reader->arena, value));
}

static void *make_nil(const redisReadTask *task)
{
    struct redis_reader *reader = task->privdata;
    return place(task, reply_new(&reader->arena, SLUICE_REPLY_NIL));
}

#if HIREDIS_MAJOR >= 1
static void *refuse_double(const redisReadTask *task, double value, char *bytes, size_t len)
{
    (void)value;
    (void)bytes;
    (void)len;
    return refuse(task, "a double, which RESP2 does not have");
}

static void *refuse_bool(const redisReadTask *task, int value)
{
    (void)value;
    return refuse(task, "a boolean, which RESP2 does not have");
}
#endif

static redisReplyObjectFunctions makers = {
    .createString = make_text,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
#if HIREDIS_MAJOR >= 1
    .createDouble = refuse_double,
    .createBool = refuse_bool,
#endif
};

void redis_reader_open(struct redis_reader *reader)
{
    redis_reader_forget(reader);
    reader->hiredis = memory_must(redisReaderCreateWithFunctions(&makers));
    reader->hiredis->privdata = reader;
    reader->hiredis->maxbuf = KEPT_BUFFER;
    reader->refused = NULL;
}

void redis_reader_close(struct redis_reader *reader)
{
    if (reader->hiredis)
        redisReaderFree(reader->hiredis);
    reader->hiredis = NULL;
}

void redis_reader_release(struct redis_reader *reader)
{
    redis_reader_close(reader);
    arena_release(&reader->arena);
}

void redis_reader_forget(struct redis_reader *reader)
{
    arena_clear(&reader->arena);
    reader->elements = 0;
    reader->bytes = 0;
}

int redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t len)
{
    redisReader *hiredis = reader->hiredis;
    if (hiredis->len - hiredis->pos + len > REDIS_REPLY_MAX)
        return -EMSGSIZE;
    if (redisReaderFeed(hiredis, bytes, len) != REDIS_OK)
        out_of_memory(len);
    return 0;
}

int redis_reader_next(struct redis_reader *reader, struct reply **ret_reply, const char **ret_why)
{
    void *reply = NULL;
    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK) {
        *ret_why = reader->refused ? reader->refused : reader->hiredis->errstr;
        return -EPROTO;
    }
    if (!reply)
        return 0;
    *ret_reply = reply;
    return 1;
}
