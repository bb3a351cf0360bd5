/* Bytes out and replies in.
 *
 *   out -> one write a turn                     poll: writable again, after EAGAIN
 *   poll: readable -> read -> reader -> reply -> the oldest pending -> done -> its memory is reused
 *
 * Invariant: the n-th reply belongs to the n-th command sent on this connection. A reply beyond
 * that, or bytes that are none, say that the two sides no longer agree: the connection is dropped.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <sys/socket.h>

#include "clock.h"
#include "redis_internal.h"

#define READS_MAX 16                  /* in a row, before other things get their turn */
#define SLICE ((size_t)16384)         /* hiredis moves what is left of its buffer ever so often */
#define OUTPUT_KEPT ((size_t)1 << 20) /* a buffer that grew beyond is given back when empty */

/* ---- Writing ------------------------------------------------------------------------------ */

static void watch(struct redis *redis, bool blocked)
{
    redis->blocked = blocked;
    (void)uv_poll_start(&redis->link->poll, blocked ? UV_READABLE | UV_WRITABLE : UV_READABLE,
                        redis_polled);
}

/* Gives back the bytes of `out` that are written: all at once, or when they are most of it. */
static void trim(struct redis *redis)
{
    struct text *out = &redis->out;
    if (redis->out_sent == out->len) {
        if (out->size > OUTPUT_KEPT)
            text_release(out);
        text_clear(out);
        redis->out_sent = 0;
    } else if (redis->out_sent > out->len / 2) {
        size_t left = out->len - redis->out_sent;
        memmove(out->data, out->data + redis->out_sent, left + 1);
        out->len = left;
        redis->out_sent = 0;
    }
}

void redis_flush(struct redis *redis)
{
    if (!redis->link || redis->blocked || redis->write_error)
        return;
    while (redis->out_sent < redis->out.len) {
        ssize_t sent = send(redis->link->fd, redis->out.data + redis->out_sent,
                            redis->out.len - redis->out_sent, MSG_NOSIGNAL);
        if (sent >= 0) {
            redis->out_sent += (size_t)sent;
        } else if (errno == EAGAIN) {
            watch(redis, true);
            break;
        } else if (errno != EINTR) {
            redis->write_error = errno;
            redis_in_next_turn(redis);
            break;
        }
    }
    trim(redis);
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* True when the group has all its replies; *reply is then their array. */
static bool collect(struct redis *redis, uint32_t parts, struct reply **reply)
{
    if (!redis->group) {
        redis->group = reply_array(&redis->reader.arena, parts);
        redis->group_got = 0;
    }
    redis->group->u.array.items[redis->group_got++] = *reply;
    if (redis->group_got < parts)
        return false;
    *reply = redis->group;
    redis->group = NULL;
    return true;
}

/* RESP2 has no type of its own for messages: they are arrays that begin with "message". */
static bool is_message(const struct reply *reply)
{
    if (reply->type != SLUICE_REPLY_ARRAY || reply->u.array.count == 0)
        return false;
    const struct reply *first = reply->u.array.items[0];
    return first->type == SLUICE_REPLY_TEXT && strcmp(first->u.text.data, "message") == 0;
}

static void answer(struct redis *redis, struct reply *reply)
{
    if (redis->config.pushed && is_message(reply)) {
        redis->config.pushed(redis->config.owner, reply);
        redis_reader_forget(&redis->reader);
        return;
    }
    const struct pending *first = redis_pending_first(redis);
    if (!first) {
        redis_drop(redis, "Redis at %s sent a reply that nobody asked for%s%s", redis->name,
                   reply->type == SLUICE_REPLY_ERROR ? ": " : "",
                   reply->type == SLUICE_REPLY_ERROR ? reply->u.text.data : "");
        return;
    }
    if (first->parts && !collect(redis, first->parts, &reply))
        return;
    if (!redis_script_again(redis, reply)) {
        struct pending entry = redis_pending_shift(redis);
        entry.done(entry.context, entry.late ? REDIS_LATE : 0, reply);
    }
    redis_reader_forget(&redis->reader);
}

static void consume(struct redis *redis, const char *bytes, size_t len)
{
    const struct redis_link *link = redis->link;
    if (redis_reader_feed(&redis->reader, bytes, len) < 0) {
        redis_drop(redis, "Redis at %s sent a reply of more than 64 MiB", redis->name);
        return;
    }
    struct reply *reply;
    const char *why;
    int got;
    while ((got = redis_reader_next(&redis->reader, &reply, &why)) > 0) {
        answer(redis, reply);
        if (redis->link != link)
            return;
    }
    if (got < 0)
        redis_drop(redis, "Redis at %s sent what can't be taken as a reply: %s", redis->name, why);
}

/* Reads and answers until there is no more, or no link. */
void redis_read(struct redis *redis)
{
    const struct redis_link *link = redis->link;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t got = recv(link->fd, redis->input, REDIS_INPUT_SIZE, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            redis_drop(redis, "Redis at %s closed the connection%s%s", redis->name, got ? ": " : "",
                       got ? strerror(errno) : "");
            return;
        }
        redis->heard = clock_monotonic_ms();
        for (size_t at = 0; at < (size_t)got && redis->link == link; at += SLICE)
            consume(redis, redis->input + at, (size_t)got - at < SLICE ? (size_t)got - at : SLICE);
        if (redis->link != link || (size_t)got < REDIS_INPUT_SIZE)
            return;
    }
}

void redis_polled(uv_poll_t *poll, int status, int events)
{
    struct redis *redis = poll->data;
    if (redis->state == REDIS_CONNECTING) {
        redis_connect_decided(redis);
        return;
    }
    const struct redis_link *link = redis->link;
    if (events & UV_WRITABLE) {
        watch(redis, false);
        redis_flush(redis);
    }
    if (status < 0 || events & UV_READABLE)
        redis_read(redis);
    if (status < 0 && redis->link == link) /* libuv has stopped watching */
        redis_drop(redis, "the connection to Redis at %s failed", redis->name);
}
