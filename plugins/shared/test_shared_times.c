/* Points in time as text.
 *
 * SPDX-License-Identifier: MIT */
#include "times.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_time_is_written_in_utc_with_milliseconds(void **state)
{
    char text[TIME_SIZE];
    (void)state;
    time_write(INT64_C(1767225600123), text);
    assert_string_equal(text, "2026-01-01T00:00:00.123Z");
    time_write(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void assert_time(const char *text, int64_t expected)
{
    int64_t ms = -1;
    assert_true(time_read(text, &ms));
    assert_int_equal(ms, expected);
}

static void a_time_is_read_whatever_its_offset(void **state)
{
    (void)state;
    assert_time("2026-01-01T00:00:00Z", INT64_C(1767225600000));
    assert_time("2026-01-01t00:00:00.1239z", INT64_C(1767225600123));
    assert_time("2026-01-01T01:30:00+01:30", INT64_C(1767225600000));
    assert_time("2025-12-31T19:00:00.5-05:00", INT64_C(1767225600500));
    assert_time("2024-02-29T00:00:00Z", INT64_C(1709164800000));
    assert_time("2016-12-31T23:59:60Z", INT64_C(1483228800000));
}

static void what_is_no_time_is_refused(void **state)
{
    const char *wrong[] = {"",
                           "2026-01-01",
                           "2026-01-01T00:00:00",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00Z ",
                           "2026-01-01T00:00:00+1:00",
                           "2026-01-01T00:00:00+24:00",
                           "26-01-01T00:00:00Z",
                           "1767225600"};
    int64_t ms = -1;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(time_read(wrong[i], &ms));
    assert_int_equal(ms, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_written_in_utc_with_milliseconds),
        cmocka_unit_test(a_time_is_read_whatever_its_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
