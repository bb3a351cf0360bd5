/* What the test of the session scripts stands on: the scripts as functions.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_TEST_SCRIPTS_H
#define SESSION_TEST_SCRIPTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <test_redis.h>

#include "create.lua.h"
#include "destroy.lua.h"
#include "list.lua.h"
#include "patch.lua.h"
#include "revoke.lua.h"
#include "rotate.lua.h"
#include "touch.lua.h"

#define ARGS_MAX 2200
#define IDLE "60000"
#define ABSOLUTE "600000"
#define INDEX "user:acme:ann"

/* ---- The scripts -------------------------------------------------------------------------- */

/* `keys` says how many of the arguments, which end with NULL, are keys. */
static redisReply *run_all(const char *script, const char *keys, const char *const *args)
{
    const char *argv[ARGS_MAX] = {keys};
    int count = 1;
    for (; *args; args++) {
        assert_true(count < ARGS_MAX);
        argv[count++] = *args;
    }
    redisReply *reply = run_script(script, count, argv);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    return reply;
}

#define RUN(script, keys, ...) run_all(script, keys, (const char *const[]){__VA_ARGS__, NULL})

static const char *key_of(const char *hash)
{
    static char keys[4][64];
    static int turn;
    char *key = keys[turn++ % 4];
    (void)snprintf(key, sizeof keys[0], "session:%s", hash);
    return key;
}

#define CREATE(hash, idle, absolute, most, room, ...)                                              \
    RUN(create_lua, "2", key_of(hash), INDEX, hash, idle, absolute, most, room, "acme", "ann",     \
        "public", "10.0.0.1", "maker", ##__VA_ARGS__)
#define MAKE(hash, ...) is(CREATE(hash, IDLE, ABSOLUTE, "1000", "65536", ##__VA_ARGS__), "ok")

#define PATCH(version, with_key, room, count, ...)                                                 \
    RUN(patch_lua, "1", key_of("h"), version, with_key, room, count, IDLE, ABSOLUTE, ##__VA_ARGS__)
#define BY_SESSION(...) PATCH("", "0", "65536", "1000", __VA_ARGS__)
#define BY_KEY(...) PATCH("", "1", "65536", "1000", __VA_ARGS__)

/* The i-th part of an array, which goes. */
static redisReply *part(redisReply *reply, size_t i)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_true(i < reply->elements);
    redisReply *taken = reply->element[i];
    reply->element[i] = NULL;
    freeReplyObject(reply);
    return taken;
}

static redisReply *touch_by(const char *hash, const char *idle, const char *absolute,
                            const char *address)
{
    return part(
        RUN(touch_lua, "1", key_of(hash), idle, absolute, "user:", hash, "1", address, "browser"),
        0);
}

static redisReply *touch(const char *hash)
{
    return touch_by(hash, IDLE, ABSOLUTE, "10.0.0.2");
}

static redisReply *rotate(const char *from, const char *to)
{
    return RUN(rotate_lua, "3", key_of(from), key_of(to), INDEX, from, to, IDLE, ABSOLUTE);
}

static redisReply *list(const char *from, const char *skip, const char *limit, const char *mine)
{
    return RUN(list_lua, "1", INDEX, "session:", from, skip, limit, mine, IDLE, ABSOLUTE);
}

static long long end_all_but(const char *but, const char *most)
{
    return number(RUN(revoke_lua, "1", INDEX, "session:", but, most));
}

/* ---- What they answer --------------------------------------------------------------------- */

static void is(redisReply *reply, const char *word)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, word);
    freeReplyObject(reply);
}

static void is_nil(redisReply *reply)
{
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

/* A member of what describe gives, "" where there is none. Frees nothing. */
static const char *member_of(const redisReply *session, const char *name)
{
    const redisReply *data = session->element[6];
    for (size_t i = 0; i < data->elements; i += 2)
        if (strcmp(data->element[i]->str, name) == 0)
            return data->element[i + 1]->str;
    return "";
}

static void holds(const char *hash, const char *name, const char *json)
{
    redisReply *session = touch(hash);
    assert_int_equal(session->type, REDIS_REPLY_ARRAY);
    assert_string_equal(member_of(session, name), json);
    freeReplyObject(session);
}

static long long version_of(const char *hash)
{
    return number(ask("HGET session:%s version", hash));
}

static long long left(const char *key)
{
    return number(ask("PTTL %s", key));
}

static int exists(const char *key)
{
    return (int)number(ask("EXISTS %s", key));
}

static long long listed(void)
{
    redisReply *rows = list("-inf", "0", "100", "");
    long long count = (long long)rows->elements;
    freeReplyObject(rows);
    return count;
}

static void text_is(redisReply *reply, const char *text)
{
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_string_equal(reply->str, text);
    freeReplyObject(reply);
}

#define TEST(name) cmocka_unit_test_setup(name, flush)

#endif
