/* What the scripts of apikey left in Redis. For the two suites of scripts.
 *
 *   script(text, keys, KEYS .., ARGV .., NULL) -> reply
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_TEST_STORE_H
#define APIKEY_TEST_STORE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <test_redis.h>

#define META "client:acme:meta"
#define INDEX "client:acme:apiKeys"
#define USED "client:acme:used"
#define HOUR_MS 3600000LL

#define SCRIPT_ARGS_MAX 24

static redisReply *script(const char *text, const char *keys, ...)
{
    const char *argv[SCRIPT_ARGS_MAX] = {keys};
    int argc = 1;
    va_list args;
    va_start(args, keys);
    for (const char *arg; (arg = va_arg(args, const char *)) != NULL;) {
        assert_true(argc < SCRIPT_ARGS_MAX);
        argv[argc++] = arg;
    }
    va_end(args);
    return run_script(text, argc, argv);
}

/* ms that a key still works; -1: no end, -2: it is gone. */
static long long left(const char *hash)
{
    return number(ask("PTTL apiKey:%s", hash));
}

static json_t *entry_of(const char *hash)
{
    redisReply *reply = ask("GET apiKey:%s", hash);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    json_t *entry = json_loads(reply->str, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(entry);
    freeReplyObject(reply);
    return entry;
}

static void assert_member(const char *hash, const char *name, const char *expected)
{
    json_t *entry = entry_of(hash);
    const char *value = json_string_value(json_object_get(entry, name));
    assert_non_null(value);
    assert_string_equal(value, expected);
    json_decref(entry);
}

/* Every entry is in the index and every indexed hash has its entry. */
static void assert_index_and_entries_agree(long long count)
{
    redisReply *index = ask("ZRANGE %s 0 -1", INDEX);
    assert_int_equal((long long)index->elements, count);
    for (size_t i = 0; i < index->elements; i++)
        assert_int_equal(number(ask("EXISTS apiKey:%s", index->element[i]->str)), 1);
    freeReplyObject(index);
    redisReply *entries = ask("KEYS apiKey:*");
    assert_int_equal((long long)entries->elements, count);
    freeReplyObject(entries);
}

#endif
