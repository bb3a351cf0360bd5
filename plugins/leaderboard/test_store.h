/* Commands that must not fail, for the suites of scripts.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_STORE_H
#define TEST_STORE_H

#include <string.h>

#include <test_redis.h>

#define SHA_SIZE 41

/* The reply, which is none of Redis's errors. */
static inline redisReply *must(redisReply *reply)
{
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("Redis: %s", reply->str);
    return reply;
}

/* `format` has one %s, the argument's place. */
static inline void do_command(const char *format, const char *argument)
{
    freeReplyObject(must(redisCommand(redis, format, argument)));
}

static inline void load(const char *script, char ret_sha[SHA_SIZE])
{
    redisReply *reply = must(redisCommand(redis, "SCRIPT LOAD %s", script));
    assert_int_equal(strlen(reply->str), SHA_SIZE - 1);
    memcpy(ret_sha, reply->str, SHA_SIZE);
    freeReplyObject(reply);
}

#endif
