/* Redis where blocking is right.
 *
 *   ask -> (connect, AUTH, SELECT) -> command -> reply, copied into the arena
 *
 * A connection on which anything went wrong is not used again: what it would answer next is unknown.
 *
 * SPDX-License-Identifier: MIT */
#include "redis_blocking.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "arg_text.h"
#include "json_write.h"

static const struct reply *trouble(struct arena *arena, const char *why)
{
    return reply_text(arena, SLUICE_REPLY_TROUBLE, why, strlen(why));
}

void redis_blocking_init(struct redis_blocking *redis, const struct redis_target *target)
{
    *redis = (struct redis_blocking){.target = target};
}

void redis_blocking_close(struct redis_blocking *redis)
{
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
}

/* ---- Connecting --------------------------------------------------------------------------- */

static bool accepted(redisReply *reply)
{
    bool good = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply)
        freeReplyObject(reply);
    return good;
}

static bool greet(redisContext *context, const struct redis_target *target)
{
    if (target->user &&
        !accepted(redisCommand(context, "AUTH %s %s", target->user, target->password)))
        return false;
    if (!target->user && target->password &&
        !accepted(redisCommand(context, "AUTH %s", target->password)))
        return false;
    return !target->database || accepted(redisCommand(context, "SELECT %d", target->database));
}

/* NULL, or why there is no connection. */
static const char *connect_to(struct redis_blocking *redis, struct timeval timeout)
{
    const struct redis_target *target = redis->target;
    redis->context = target->host ? redisConnectWithTimeout(target->host, target->port, timeout)
                                  : redisConnectUnixWithTimeout(target->path, timeout);
    if (!redis->context || redis->context->err)
        return "can't connect to Redis";
    if (redisSetTimeout(redis->context, timeout) != REDIS_OK || !greet(redis->context, target))
        return "Redis does not let this process in";
    return NULL;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static struct reply *copy(struct arena *arena, const redisReply *from)
{
    struct reply *reply;
    switch (from->type) {
    case REDIS_REPLY_INTEGER:
        return reply_int(arena, from->integer);
    case REDIS_REPLY_ARRAY:
        reply = reply_array(arena, from->elements);
        for (size_t i = 0; i < from->elements; i++)
            reply->u.array.items[i] = copy(arena, from->element[i]);
        return reply;
    case REDIS_REPLY_STRING:
        return reply_text(arena, SLUICE_REPLY_TEXT, from->str, (size_t)from->len);
    case REDIS_REPLY_STATUS:
        return reply_text(arena, SLUICE_REPLY_STATUS, from->str, (size_t)from->len);
    case REDIS_REPLY_ERROR:
        reply = reply_text(arena, SLUICE_REPLY_ERROR, from->str, (size_t)from->len);
        if (reply_is_unavailable(reply))
            reply->type = SLUICE_REPLY_TROUBLE;
        return reply;
    default:
        return reply_new(arena, SLUICE_REPLY_NIL);
    }
}

static redisReply *command(redisContext *context, struct arena *arena, const sluice_arg *argv,
                           uint32_t argc, uint32_t stride)
{
    const char **parts = arena_array(arena, const char *, argc);
    size_t *lens = arena_array(arena, size_t, argc);
    for (uint32_t i = 0; i < argc; i++) {
        struct text text;
        text_init(&text, arena);
        text_add_arg(&text, arg_at(argv, stride, i));
        parts[i] = text.data;
        lens[i] = text.len;
    }
    return redisCommandArgv(context, (int)argc, parts, lens);
}

const struct reply *redis_blocking_ask(struct redis_blocking *redis, struct arena *arena,
                                       const sluice_arg *argv, uint32_t argc, uint32_t stride,
                                       int64_t timeout_ms)
{
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    const char *why = redis->context ? NULL : connect_to(redis, timeout);
    if (why) {
        redis_blocking_close(redis);
        return trouble(arena, why);
    }
    (void)redisSetTimeout(redis->context, timeout);
    redisReply *answer = command(redis->context, arena, argv, argc, stride);
    if (!answer) {
        redis_blocking_close(redis);
        return trouble(arena, "Redis did not answer");
    }
    const struct reply *reply = copy(arena, answer);
    freeReplyObject(answer);
    return reply;
}
