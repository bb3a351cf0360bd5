/* Growing strings, numbers as text, and times as text.
 *
 * SPDX-License-Identifier: MIT */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "clock.h"
#include "text.h"

static void an_empty_text_is_an_empty_string(void **unused)
{
    (void)unused;
    struct text text;
    text_init(&text, NULL);
    assert_string_equal(text.data, "");
    text_clear(&text);
    text_add_bytes(&text, NULL, 0);
    assert_string_equal(text.data, "");
    text_release(&text);
}

static void additions_are_concatenated(void **unused)
{
    (void)unused;
    struct text text;
    text_init(&text, NULL);
    text_add(&text, "a");
    text_add_char(&text, 'b');
    text_add_bytes(&text, "c\0d", 3);
    text_add_format(&text, "<%s:%d>", "e", 5);
    assert_int_equal(text.len, 10);
    assert_memory_equal(text.data, "abc\0d<e:5>", 11);
    text_release(&text);
    assert_int_equal(text.len, 0);
}

static void texts_grow_on_the_heap_and_in_an_arena(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    struct text texts[2];
    text_init(&texts[0], NULL);
    text_init(&texts[1], &arena);
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < 20000; i++)
            text_add_char(&texts[t], (char)('a' + i % 26));
        assert_int_equal(texts[t].len, 20000);
        assert_int_equal(strlen(texts[t].data), 20000);
        assert_int_equal(texts[t].data[19999], 'a' + 19999 % 26);
    }
    text_release(&texts[0]);
    arena_release(&arena);
}

static void clearing_keeps_the_memory(void **unused)
{
    (void)unused;
    struct text text;
    text_init(&text, NULL);
    text_add(&text, "something");
    const char *before = text.data;
    text_clear(&text);
    assert_string_equal(text.data, "");
    text_add(&text, "else");
    assert_ptr_equal(text.data, before);
    text_release(&text);
}

static void room_can_be_written_by_the_caller(void **unused)
{
    (void)unused;
    struct text text;
    text_init(&text, NULL);
    memset(text_room(&text, 300), 'x', 300);
    text_added(&text, 300);
    assert_int_equal(strlen(text.data), 300);
    text_release(&text);
}

static void integers_are_written_as_printf_would(void **unused)
{
    (void)unused;
    static const int64_t values[] = {0, 1, -1, 9, 10, -10, 99, 100, 12345678, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct text text;
        char expected[32];
        text_init(&text, NULL);
        text_add_int(&text, values[i]);
        (void)snprintf(expected, sizeof expected, "%" PRId64, values[i]);
        assert_string_equal(text.data, expected);
        text_release(&text);
    }
    char digits[20];
    assert_int_equal(digits_of(UINT64_MAX, digits), 20);
    assert_memory_equal(digits, "18446744073709551615", 20);
}

static void expect_double(double value, const char *expected)
{
    struct text text;
    text_init(&text, NULL);
    text_add_double(&text, value);
    assert_string_equal(text.data, expected);
    text_release(&text);
}

static void doubles_have_the_fewest_digits_that_read_back(void **unused)
{
    (void)unused;
    expect_double(0, "0");
    expect_double(-0.0, "-0");
    expect_double(10, "10");
    expect_double(-3, "-3");
    expect_double(0.1, "0.1");
    expect_double(0.1 + 0.2, "0.30000000000000004");
    expect_double(9007199254740991.0, "9007199254740991");
    expect_double(1e15, "1000000000000000");
    expect_double(1e300, "1e+300");
    expect_double(INFINITY, "inf");
    expect_double(-INFINITY, "-inf");
    expect_double(NAN, "nan");
}

static void every_finite_double_reads_back_the_same(void **unused)
{
    (void)unused;
    uint64_t bits = 88172645463325252u; /* xorshift64 (Marsaglia, 2003) */
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        struct text text;
        text_init(&text, NULL);
        text_add_double(&text, value);
        assert_true(strtod(text.data, NULL) == value);
        text_release(&text);
    }
}

static void expect_stamp(int64_t ms, const char *expected)
{
    char stamp[CLOCK_STAMP_SIZE];
    clock_stamp(ms, stamp);
    assert_string_equal(stamp, expected);
}

static void times_are_rfc_3339_with_milliseconds(void **unused)
{
    (void)unused;
    expect_stamp(0, "1970-01-01T00:00:00.000Z");
    expect_stamp(-5, "1970-01-01T00:00:00.000Z");
    expect_stamp(951782400000, "2000-02-29T00:00:00.000Z");
    expect_stamp(951868799999, "2000-02-29T23:59:59.999Z");
    expect_stamp(1795417855123, "2026-11-23T07:10:55.123Z");
    expect_stamp(4107542400000, "2100-03-01T00:00:00.000Z");
    expect_stamp(INT64_MAX, "9999-12-31T23:59:59.999Z");
}

static void the_monotonic_clock_never_goes_back(void **unused)
{
    (void)unused;
    int64_t last = clock_monotonic_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_us();
        assert_true(now >= last);
        last = now;
    }
    assert_in_range(clock_monotonic_ms(), last / 1000, last / 1000 + 60000);
    assert_true(clock_realtime_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_an_empty_string),
        cmocka_unit_test(additions_are_concatenated),
        cmocka_unit_test(texts_grow_on_the_heap_and_in_an_arena),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(room_can_be_written_by_the_caller),
        cmocka_unit_test(integers_are_written_as_printf_would),
        cmocka_unit_test(doubles_have_the_fewest_digits_that_read_back),
        cmocka_unit_test(every_finite_double_reads_back_the_same),
        cmocka_unit_test(times_are_rfc_3339_with_milliseconds),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
