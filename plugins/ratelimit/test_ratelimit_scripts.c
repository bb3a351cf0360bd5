/* take.lua against a real Redis, held to the mirror in bucket.c, with a clock that the test moves.
 *
 *   take(keys, call, now) -> numbers, and what the script left in the keys
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <test_redis.h>

#include "bucket.h"
#include "judge.h"
#include "take.lua.h"

#define NOW 1795423490123LL

/* ---- Asking ------------------------------------------------------------------------------- */

static void assert_value(const char *key, const char *expected)
{
    redisReply *reply = ask("GET %s", key);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_string_equal(reply->str, expected);
    freeReplyObject(reply);
}

/* One bucket `b`, one request. True when it was taken, going by what is left. */
static int64_t take(const struct limit *limit, int64_t now, int64_t cost)
{
    char call[256];
    (void)snprintf(call, sizeof call, "[[%d,%d,%d,%d,0],[1],[1,1,1,%d],[]]", (int)limit->algorithm,
                   (int)limit->capacity, (int)limit->amount, (int)limit->per_ms, (int)cost);
    redisReply *reply = ask("EVAL %s 1 b %s %lld", take_lua, call, (long long)now);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->element[0]->integer, now);
    struct bucket bucket = {.level = reply->element[1]->integer,
                            .at = now + reply->element[2]->integer,
                            .previous = reply->elements > 3 ? reply->element[3]->integer : 0};
    freeReplyObject(reply);
    return bucket_affords(limit, &bucket, now, cost);
}

/* ---- The mirror ---------------------------------------------------------------------------- */

static uint64_t chance_state;

/* splitmix64: the same sequences in every run. */
static int64_t between(int64_t least, int64_t most)
{
    uint64_t z = chance_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return least + (int64_t)((z ^ z >> 31) % (uint64_t)(most - least + 1));
}

#define BUCKETS 8 /* two of each algorithm; every fifth is a shadow */

struct mirror {
    struct limit limits[BUCKETS];
    struct bucket buckets[BUCKETS]; /* as stored */
    bool stored[BUCKETS];
    int64_t now;
};

static bool is_shadow(int i)
{
    return i % 5 == 4;
}

/* Small numbers meet often; large ones are at the edge of what is exact. */
static struct limit random_limit(int64_t algorithm)
{
    if (between(0, 3) == 0)
        return (struct limit){algorithm, between(100000000, 1000000000), between(1, 1000),
                              between(1000000, 9007199)};
    return (struct limit){algorithm, between(1, 9), between(1, 7), between(1, 5000)};
}

static void mirror_start(struct mirror *mirror)
{
    mirror->now = NOW;
    for (int i = 0; i < BUCKETS; i++) {
        mirror->limits[i] = random_limit(i % 4);
        mirror->stored[i] = false;
    }
    freeReplyObject(ask("FLUSHALL"));
}

/* Seats for one call: which buckets, at which cost, how many times. */
struct seats {
    int count;
    int64_t times[4];
    int64_t cost[4][BUCKETS]; /* 0: not asked for */
};

static void random_seats(const struct mirror *mirror, struct seats *seats)
{
    memset(seats, 0, sizeof *seats);
    seats->count = (int)between(1, 4);
    for (int s = 0; s < seats->count; s++) {
        seats->times[s] = between(1, 3);
        seats->cost[s][s] = 1;
        for (int i = 0; i < BUCKETS; i++) {
            int64_t capacity = mirror->limits[i].capacity;
            if (between(0, 2) == 0)
                seats->cost[s][i] = between(0, 4) ? between(1, capacity) : -between(1, capacity);
        }
    }
}

static size_t put(char *text, size_t len, int64_t value)
{
    return len + (size_t)sprintf(text + len, "%lld,", (long long)value);
}

static void write_call(const struct mirror *mirror, const struct seats *seats, char *text)
{
    size_t len = (size_t)sprintf(text, "[[");
    for (int i = 0; i < BUCKETS; i++) {
        const struct limit *limit = &mirror->limits[i];
        len = put(text, len, limit->algorithm);
        len = put(text, len, limit->capacity);
        len = put(text, len, limit->amount);
        len = put(text, len, limit->per_ms);
        len = put(text, len, is_shadow(i));
    }
    len = len - 1 + (size_t)sprintf(text + len - 1, "],[1,2,3,4,5,6,7,8],[");
    for (int s = 0; s < seats->count; s++) {
        int64_t wanted = 0;
        for (int i = 0; i < BUCKETS; i++)
            wanted += seats->cost[s][i] != 0;
        len = put(text, put(text, len, seats->times[s]), wanted);
        for (int i = 0; i < BUCKETS; i++)
            if (seats->cost[s][i])
                len = put(text, put(text, len, i + 1), seats->cost[s][i]);
    }
    (void)sprintf(text + len - 1, "],[]]");
}

static void assert_as_mirrored(const struct mirror *mirror, const redisReply *reply,
                               const struct bucket *now)
{
    size_t at = 1;
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    for (int i = 0; i < BUCKETS; i++) {
        assert_true(at + 1 < reply->elements);
        assert_int_equal(reply->element[at++]->integer, now[i].level);
        assert_int_equal(mirror->now + reply->element[at++]->integer, now[i].at);
        if (mirror->limits[i].algorithm == SLIDING_WINDOW)
            assert_int_equal(reply->element[at++]->integer, now[i].previous);
    }
    assert_int_equal(at, reply->elements);
}

/* What is spent from becomes what is stored. */
static void judge_once(struct mirror *mirror, const int64_t *cost, struct bucket *now)
{
    struct stake stakes[BUCKETS];
    struct ruling rulings[BUCKETS];
    int of[BUCKETS];
    uint32_t count = 0;
    for (int i = 0; i < BUCKETS; i++) {
        if (cost[i] == 0)
            continue;
        of[count] = i;
        stakes[count++] = (struct stake){&mirror->limits[i], &now[i], cost[i], is_shadow(i)};
    }
    bool pass = judge(stakes, count, mirror->now, rulings);
    for (uint32_t k = 0; pass && k < count; k++) {
        if (!rulings[k].afforded)
            continue;
        mirror->buckets[of[k]] = now[of[k]];
        mirror->stored[of[k]] = true;
    }
}

static void pass_time(struct mirror *mirror)
{
    int64_t kind = between(0, 20);
    if (kind == 0)
        mirror->now -= between(1, 10000);
    else if (kind == 1)
        mirror->now += between(0, 100000000);
    else if (kind < 14)
        mirror->now += between(0, 2000);
}

static void mirror_call(struct mirror *mirror)
{
    static char text[8192];
    struct bucket now[BUCKETS];
    struct seats seats;
    pass_time(mirror);
    random_seats(mirror, &seats);
    write_call(mirror, &seats, text);
    redisReply *reply =
        ask("EVAL %s 8 a b c d e f g h %s %lld", take_lua, text, (long long)mirror->now);
    for (int i = 0; i < BUCKETS; i++)
        now[i] = mirror->stored[i]
                     ? bucket_advance(&mirror->limits[i], mirror->buckets[i], mirror->now)
                     : bucket_full(&mirror->limits[i], mirror->now);
    assert_as_mirrored(mirror, reply, now);
    freeReplyObject(reply);
    for (int s = 0; s < seats.count; s++)
        for (int64_t n = 0; n < seats.times[s]; n++)
            judge_once(mirror, seats.cost[s], now);
}

static void the_script_counts_as_the_gateway_does(void **state)
{
    struct mirror mirror;
    (void)state;
    chance_state = 3;
    for (int sequence = 0; sequence < 150; sequence++) {
        mirror_start(&mirror);
        for (int i = 0; i < 40; i++)
            mirror_call(&mirror);
    }
}

/* ---- Single facts -------------------------------------------------------------------------- */

static void of_300_requests_each_900_ms_exactly_271_pass(void **state)
{
    const struct limit limit = {TOKEN_BUCKET, 2, 1, 1000};
    int64_t allowed = 0;
    (void)state;
    for (int i = 0; i < 300; i++)
        allowed += take(&limit, NOW + i * 900, 1);
    assert_int_equal(allowed, 271);
}

static void a_token_bucket_is_its_level_and_its_time(void **state)
{
    const struct limit limit = {TOKEN_BUCKET, 20, 1, 1000};
    (void)state;
    assert_true(take(&limit, NOW, 3));
    assert_value("b", "17000 1795423490123");
}

static void a_fixed_window_is_its_count_and_its_start(void **state)
{
    const struct limit limit = {FIXED_WINDOW, 20, 20, 60000};
    (void)state;
    assert_true(take(&limit, NOW, 3));
    assert_value("b", "3 1795423440000");
}

static void a_sliding_window_is_two_counts_and_its_start(void **state)
{
    const struct limit limit = {SLIDING_WINDOW, 20, 20, 60000};
    (void)state;
    assert_true(take(&limit, NOW, 3));
    assert_true(take(&limit, NOW + 60000, 2));
    assert_value("b", "2 3 1795423500000");
}

static void gcra_is_the_time_at_which_it_is_full(void **state)
{
    const struct limit limit = {GCRA, 20, 3, 1000};
    (void)state;
    assert_true(take(&limit, NOW, 4));
    assert_value("b", "1795423491456 1");
}

static void a_refusal_writes_nothing(void **state)
{
    (void)state;
    for (int64_t algorithm = TOKEN_BUCKET; algorithm <= GCRA; algorithm++) {
        const struct limit limit = {algorithm, 2, 1, 1000};
        freeReplyObject(ask("FLUSHALL"));
        assert_false(take(&limit, NOW, 3));
        assert_int_equal(number(ask("EXISTS b")), 0);
    }
}

static void what_is_not_a_bucket_counts_as_full(void **state)
{
    (void)state;
    for (int64_t algorithm = TOKEN_BUCKET; algorithm <= GCRA; algorithm++) {
        const struct limit limit = {algorithm, 2, 1, 1000};
        freeReplyObject(ask("SET b %s", "what?"));
        assert_true(take(&limit, NOW, 2));
        assert_false(take(&limit, NOW, 1));
        freeReplyObject(ask("DEL b"));
        freeReplyObject(ask("RPUSH b x"));
        assert_true(take(&limit, NOW, 2));
        assert_false(take(&limit, NOW, 1));
    }
}

/* Without a clock from the test, Redis's own decides. */
static void a_key_ends_when_its_bucket_is_full_again(void **state)
{
    (void)state;
    freeReplyObject(ask("EVAL %s 4 t f s g %s", take_lua,
                        "[[0,20,1,1000,0,1,20,20,60000,0,2,20,20,60000,0,3,20,1,1000,0],[1,2,3,4],"
                        "[1,4,1,3,2,3,3,3,4,3],[]]"));
    assert_in_range(number(ask("PTTL t")), 2500, 3000);
    assert_in_range(number(ask("PTTL f")), 1, 60000);
    assert_in_range(number(ask("PTTL s")), 60001, 120000);
    assert_in_range(number(ask("PTTL g")), 2500, 3000);
}

static void what_was_spent_during_an_outage_is_taken_once_and_never_more_than_is_there(void **state)
{
    (void)state;
    freeReplyObject(
        ask("EVAL %s 1 b %s %lld", take_lua, "[[0,20,1,1000,0],[1],[1,1,1,1],[1,15,4]]", NOW));
    assert_value("b", "10000 1795423490123"); /* 15 at most, 4 spent, and the request's own */
    freeReplyObject(
        ask("EVAL %s 1 b %s %lld", take_lua, "[[0,20,1,1000,0],[1],[1,1,1,1],[1,20,30]]", NOW));
    assert_value("b", "0 1795423490123");
}

#define FACT(test) cmocka_unit_test_setup(test, flush)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(the_script_counts_as_the_gateway_does),
        FACT(of_300_requests_each_900_ms_exactly_271_pass),
        FACT(a_token_bucket_is_its_level_and_its_time),
        FACT(a_fixed_window_is_its_count_and_its_start),
        FACT(a_sliding_window_is_two_counts_and_its_start),
        FACT(gcra_is_the_time_at_which_it_is_full),
        FACT(a_refusal_writes_nothing),
        FACT(what_is_not_a_bucket_counts_as_full),
        FACT(a_key_ends_when_its_bucket_is_full_again),
        FACT(what_was_spent_during_an_outage_is_taken_once_and_never_more_than_is_there),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
