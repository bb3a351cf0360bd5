/* Boards with periods around the days on which clocks change, on a real Redis: a point for each
 * quarter of an hour, through period_at and submit.lua, is found once, on its own day.
 *
 *   every 15 minutes -> period_at (now, next) -> submit.lua with that clock -> sums by period
 *
 * SPDX-License-Identifier: MIT */
#include "test_store.h"

#include "period.h"
#include "submit.lua.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KEYS 10
#define WORDS 28

static char sha[SHA_SIZE];

static int set_up(void **state)
{
    if (start_server(state))
        return -1;
    load(submit_lua, sha);
    return 0;
}

struct words {
    char text[WORDS][96];
    const char *argv[WORDS];
    int count;
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct words *words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    assert_true(words->count < WORDS);
    (void)vsnprintf(words->text[words->count], sizeof words->text[0], format, args);
    va_end(args);
    words->argv[words->count] = words->text[words->count];
    words->count++;
}

static void add_data_keys(struct words *words, const char *period)
{
    add(words, "b:%s", period);
    add(words, "b:%s:users", period);
    add(words, "b:%s:distinct", period);
    add(words, "b:%s:counts", period);
}

static void add_period(struct words *words, const struct period *period)
{
    add(words, "%s", period->name);
    add(words, "%lld", (long long)period->start);
    add(words, "%s", ""); /* never expires: the test's days are long past, or to come */
}

/* One point for ann at `now`, Redis's time; the gateway's clock is `skew` ahead of it. */
static void submit(enum period_kind kind, const char *zone, int64_t now, int64_t skew)
{
    struct words words = {.count = 0};
    struct period this, next;
    period_at(kind, zone, now + skew, &this);
    period_at(kind, zone, this.end, &next);
    add(&words, "EVALSHA");
    add(&words, "%s", sha);
    add(&words, "%d", KEYS);
    add(&words, "board:b");
    add_data_keys(&words, this.name);
    add_data_keys(&words, next.name);
    add(&words, "periods");
    add(&words, "the-id");
    add(&words, "dl-");
    add(&words, "s");
    add(&words, "%lld", (long long)this.end);
    add(&words, "%lld", (long long)now);
    add_period(&words, &this);
    add_period(&words, &next);
    add(&words, "0");
    add(&words, "ann");
    add(&words, "1");
    add(&words, "%s", "");
    freeReplyObject(must(redisCommandArgv(redis, words.count, words.argv, NULL)));
}

static int points_of(const char *period)
{
    redisReply *reply = must(redisCommand(redis, "ZSCORE b:%s ann", period));
    int points = reply->type == REDIS_REPLY_NIL ? 0 : atoi(reply->str);
    freeReplyObject(reply);
    return points;
}

/* A point for every quarter of an hour from `first` for so many hours, each with another clock. */
static void play(enum period_kind kind, const char *zone, int64_t first, int hours)
{
    static const int64_t skews[] = {0, -MINUTE, -HOUR / 2};
    do_command("FLUSHALL%s", "");
    do_command("SET board:b %s", "{\"id\":\"the-id\"}");
    for (int i = 0; i < hours * 4; i++)
        submit(kind, zone, first + i * 15 * MINUTE, skews[i % 3]);
}

/* 2026 in Berlin: clocks go forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC. */
#define BEFORE_SPRING INT64_C(1774652400000) /* 28 March, 00:00 in Berlin */
#define BEFORE_AUTUMN INT64_C(1792792800000) /* 24 October, 00:00 in Berlin */

static void the_day_of_23_hours_has_their_points(void **state)
{
    (void)state;
    play(PERIOD_DAILY, "Europe/Berlin", BEFORE_SPRING, 24 + 23 + 24);
    assert_int_equal(points_of("2026-03-28"), 24 * 4);
    assert_int_equal(points_of("2026-03-29"), 23 * 4);
    assert_int_equal(points_of("2026-03-30"), 24 * 4);
}

static void the_day_of_25_hours_has_their_points(void **state)
{
    (void)state;
    play(PERIOD_DAILY, "Europe/Berlin", BEFORE_AUTUMN, 24 + 25 + 24);
    assert_int_equal(points_of("2026-10-24"), 24 * 4);
    assert_int_equal(points_of("2026-10-25"), 25 * 4);
    assert_int_equal(points_of("2026-10-26"), 24 * 4);
}

static void the_hour_that_comes_twice_is_counted_twice_and_the_lost_one_never(void **state)
{
    (void)state;
    play(PERIOD_HOURLY, "Europe/Berlin", BEFORE_AUTUMN + DAY, 25);
    assert_int_equal(points_of("2026-10-25T02+0200"), 4);
    assert_int_equal(points_of("2026-10-25T02+0100"), 4);
    play(PERIOD_HOURLY, "Europe/Berlin", BEFORE_SPRING + DAY, 23);
    assert_int_equal(points_of("2026-03-29T01+0100"), 4);
    assert_int_equal(points_of("2026-03-29T02+0100"), 0);
    assert_int_equal(points_of("2026-03-29T02+0200"), 0);
    assert_int_equal(points_of("2026-03-29T03+0200"), 4);
}

/* Lord Howe's clocks go forward by half an hour on 4 October 2026; from an hour before that day. */
static void a_change_by_half_an_hour_is_one_as_well(void **state)
{
    (void)state;
    play(PERIOD_DAILY, "Australia/Lord_Howe", INT64_C(1791034200000) - HOUR, 25);
    assert_int_equal(points_of("2026-10-03"), 4);
    assert_int_equal(points_of("2026-10-04"), 47 * 2); /* 23.5 hours */
    assert_int_equal(points_of("2026-10-05"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_day_of_23_hours_has_their_points),
        cmocka_unit_test(the_day_of_25_hours_has_their_points),
        cmocka_unit_test(the_hour_that_comes_twice_is_counted_twice_and_the_lost_one_never),
        cmocka_unit_test(a_change_by_half_an_hour_is_one_as_well),
    };
    return cmocka_run_group_tests(tests, set_up, stop_server);
}
