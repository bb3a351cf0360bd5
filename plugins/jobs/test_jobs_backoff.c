/* When to try again after a failure: the grammar, what it refuses, and the times.
 *
 * SPDX-License-Identifier: MIT */
#include "backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY_MS 86400000LL

static struct backoff read_it(const char *text)
{
    struct backoff backoff = {0};
    if (!backoff_read(text, &backoff))
        fail_msg("\"%s\" was refused", text);
    return backoff;
}

/* ---- The grammar -------------------------------------------------------------------------- */

static void an_exponential_has_a_base_and_a_cap(void **state)
{
    (void)state;
    struct backoff backoff = read_it("exponential 250ms 1h");
    assert_int_equal(backoff.kind, BACKOFF_EXPONENTIAL);
    assert_int_equal(backoff.count, 2);
    assert_int_equal(backoff.times[0], 250);
    assert_int_equal(backoff.times[1], 3600000);
}

static void a_list_has_its_times_in_their_order_and_in_every_unit(void **state)
{
    static const int64_t times[] = {7, 5000, 120000, 7200000, DAY_MS, 0};
    (void)state;
    struct backoff backoff = read_it("list 7ms 5s 2m 2h 1d 0s");
    assert_int_equal(backoff.kind, BACKOFF_LIST);
    assert_int_equal(backoff.count, COUNT(times));
    for (size_t i = 0; i < COUNT(times); i++)
        assert_int_equal(backoff.times[i], times[i]);
}

static void what_follows_no_rule_is_refused_and_nothing_is_written(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "exponential",
        "exponential 1s",
        "exponential 1s 1h 2h",
        "exponential 0ms 1h",  /* would never wait */
        "exponential 1h 1s",   /* a base beyond its cap */
        "exponentially 1s 1h", /* a longer word */
        "expo 1s 1h",
        "Exponential 1s 1h",
        "fixed",
        "fixed 1s 2s",
        "fixed1s",
        " fixed 1s",
        "fixed 1s ",
        "fixed -1s",
        "fixed +1s",
        "fixed 1.5s",
        "fixed 1",
        "fixed s",
        "fixed 1 s",
        "fixed 1w",
        "fixed 1S",
        "fixed 1sx",
        "fixed 1ms1s",
        "fixed 31d",
        "fixed 2592000001ms",
        "fixed 99999999999ms", /* eleven digits */
        "fixed 9223372036854775808ms",
        "list",
        "list ",
        "list 1s,2s",
        "list 1s 2s x",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct backoff backoff = {.count = 77};
        if (backoff_read(texts[i], &backoff))
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(backoff.count, 77);
    }
}

static void thirty_days_are_the_longest_time(void **state)
{
    (void)state;
    assert_int_equal(read_it("fixed 30d").times[0], BACKOFF_TIME_MAX_MS);
    assert_int_equal(read_it("fixed 2592000000ms").times[0], BACKOFF_TIME_MAX_MS);
}

static void a_list_has_twenty_times_at_most(void **state)
{
    char text[200] = "list";
    struct backoff backoff;
    (void)state;
    for (int i = 0; i < BACKOFF_TIMES_MAX; i++)
        (void)strcat(text, " 1s");
    assert_int_equal(read_it(text).count, BACKOFF_TIMES_MAX);
    (void)strcat(text, " 1s");
    assert_false(backoff_read(text, &backoff));
}

static void what_is_written_reads_as_the_same(void **state)
{
    struct backoff longest = {.kind = BACKOFF_LIST, .count = BACKOFF_TIMES_MAX};
    char text[BACKOFF_SIZE];
    (void)state;
    for (int i = 0; i < BACKOFF_TIMES_MAX; i++)
        longest.times[i] = BACKOFF_TIME_MAX_MS - i;
    backoff_write(&longest, text);
    struct backoff again = read_it(text);
    assert_memory_equal(&again, &longest, sizeof longest);
    struct backoff fixed = read_it("fixed 5s");
    backoff_write(&fixed, text);
    assert_string_equal(text, "fixed 5000ms");
}

/* ---- Times -------------------------------------------------------------------------------- */

static void a_fixed_time_is_always_the_same(void **state)
{
    (void)state;
    struct backoff fixed = read_it("fixed 5s");
    for (int64_t attempts = 1; attempts < 100; attempts++)
        assert_int_equal(backoff_delay(&fixed, attempts, UINT64_MAX / (uint64_t)attempts), 5000);
}

static void the_end_of_a_list_is_repeated(void **state)
{
    (void)state;
    struct backoff list = read_it("list 1s 5s 1m");
    assert_int_equal(backoff_delay(&list, 1, 9), 1000);
    assert_int_equal(backoff_delay(&list, 2, 9), 5000);
    assert_int_equal(backoff_delay(&list, 3, 9), 60000);
    assert_int_equal(backoff_delay(&list, 4, 9), 60000);
    assert_int_equal(backoff_delay(&list, INT64_MAX, 9), 60000);
}

/* The most and the least that any random number gives. */
static void assert_bounds(const struct backoff *backoff, int64_t attempts, int64_t most)
{
    assert_int_equal(backoff_delay(backoff, attempts, 0), 1);
    assert_int_equal(backoff_delay(backoff, attempts, (uint64_t)most - 1), most);
    assert_int_equal(backoff_delay(backoff, attempts, (uint64_t)most), 1);
    assert_in_range(backoff_delay(backoff, attempts, UINT64_MAX), 1, most);
}

static void full_jitter_goes_up_to_the_base_doubled_with_each_attempt(void **state)
{
    (void)state;
    struct backoff backoff = read_it("exponential 1s 1h");
    assert_bounds(&backoff, 1, 1000);
    assert_bounds(&backoff, 2, 2000);
    assert_bounds(&backoff, 3, 4000);
    assert_bounds(&backoff, 12, 2048000);
}

static void nothing_waits_longer_than_the_cap(void **state)
{
    (void)state;
    struct backoff backoff = read_it("exponential 1s 1h");
    assert_bounds(&backoff, 13, 3600000);
    assert_bounds(&backoff, 1000, 3600000);
    assert_bounds(&backoff, INT64_MAX, 3600000);
    backoff = read_it("exponential 30d 30d");
    assert_bounds(&backoff, 64, BACKOFF_TIME_MAX_MS);
    backoff = read_it("exponential 1ms 1ms");
    assert_bounds(&backoff, 5, 1);
}

static void jitter_spreads_over_all_of_its_range(void **state)
{
    bool seen[8] = {false};
    struct backoff backoff = read_it("exponential 8ms 1h");
    uint64_t random = 20261123;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
        seen[backoff_delay(&backoff, 1, random >> 33) - 1] = true;
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_true(seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exponential_has_a_base_and_a_cap),
        cmocka_unit_test(a_list_has_its_times_in_their_order_and_in_every_unit),
        cmocka_unit_test(what_follows_no_rule_is_refused_and_nothing_is_written),
        cmocka_unit_test(thirty_days_are_the_longest_time),
        cmocka_unit_test(a_list_has_twenty_times_at_most),
        cmocka_unit_test(what_is_written_reads_as_the_same),
        cmocka_unit_test(a_fixed_time_is_always_the_same),
        cmocka_unit_test(the_end_of_a_list_is_repeated),
        cmocka_unit_test(full_jitter_goes_up_to_the_base_doubled_with_each_attempt),
        cmocka_unit_test(nothing_waits_longer_than_the_cap),
        cmocka_unit_test(jitter_spreads_over_all_of_its_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
