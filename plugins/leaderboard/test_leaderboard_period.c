/* Periods around the days on which clocks change: no quarter of an hour is lost or counted twice.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "period.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

/* 2026: clocks change in Berlin on 29 March and 25 October at 01:00 UTC, in New York on 8 March and
 * 1 November at 07:00 and 06:00 UTC, on Lord Howe (by half an hour) on 4 April at 15:00 UTC and 3
 * October at 15:30 UTC. */
static const struct {
    const char *zone;
    int64_t change;
} changes[] = {
    {"Europe/Berlin", INT64_C(1774746000000)},
    {"Europe/Berlin", INT64_C(1792890000000)},
    {"America/New_York", INT64_C(1772953200000)},
    {"America/New_York", INT64_C(1793512800000)},
    {"Australia/Lord_Howe", INT64_C(1775314800000)},
    {"Australia/Lord_Howe", INT64_C(1791041400000)},
    {"UTC", INT64_C(1774746000000)},
};

/* Walks from two days before to two days after, by steps of 15 minutes. */
static void walk(enum period_kind kind, const char *zone, int64_t change)
{
    struct period period, next;
    period_at(kind, zone, change - 48 * HOUR, &period);
    for (int64_t now = change - 48 * HOUR; now < change + 48 * HOUR; now += 15 * MINUTE) {
        period_at(kind, zone, now, &next);
        assert_true(next.start <= now && now < next.end);
        if (now < period.end) { /* still the same, whenever it is asked for */
            assert_string_equal(next.name, period.name);
            assert_true(next.start == period.start && next.end == period.end);
        } else { /* the next one begins where the last ended */
            assert_true(next.start == period.end);
            assert_string_not_equal(next.name, period.name);
        }
        period = next;
    }
}

static void every_instant_has_one_period(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        for (int kind = PERIOD_HOURLY; kind <= PERIOD_MONTHLY; kind++)
            walk((enum period_kind)kind, changes[i].zone, changes[i].change);
}

static void the_hour_that_comes_twice_is_two_periods(void **state)
{
    (void)state;
    struct period first, second;
    int64_t back = INT64_C(1792890000000);
    period_at(PERIOD_HOURLY, "Europe/Berlin", back - MINUTE, &first);
    period_at(PERIOD_HOURLY, "Europe/Berlin", back, &second);
    assert_string_equal(first.name, "2026-10-25T02+0200");
    assert_string_equal(second.name, "2026-10-25T02+0100");
    assert_true(first.end == second.start);
}

static void days_have_23_and_25_hours(void **state)
{
    (void)state;
    struct period day;
    period_at(PERIOD_DAILY, "Europe/Berlin", INT64_C(1774746000000), &day);
    assert_string_equal(day.name, "2026-03-29");
    assert_true(day.end - day.start == 23 * HOUR);
    period_at(PERIOD_DAILY, "Europe/Berlin", INT64_C(1792890000000), &day);
    assert_true(day.end - day.start == 25 * HOUR);
}

static void weeks_are_iso_weeks_and_months_are_whole(void **state)
{
    (void)state;
    struct period period;
    period_at(PERIOD_WEEKLY, "UTC", INT64_C(1767225600000),
              &period); /* 1 January 2026, a Thursday */
    assert_string_equal(period.name, "2026-W01");
    assert_true(period.end - period.start == 7 * 24 * HOUR);
    period_at(PERIOD_MONTHLY, "UTC", INT64_C(1772236800000), &period);
    assert_string_equal(period.name, "2026-02");
    assert_true(period.end - period.start == 28 * 24 * HOUR);
    period_at(PERIOD_NONE, "UTC", 0, &period);
    assert_string_equal(period.name, "all");
}

static void timezones_are_names_of_the_database(void **state)
{
    (void)state;
    assert_true(timezone_is_known("UTC"));
    assert_true(timezone_is_known("Europe/Berlin"));
    static const char *const bad[] = {
        "",           "Europe", "Europe/Nowhere", "../etc/passwd", "/etc/passwd", "Europe/Berlin ",
        "EST5EDT4,M3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(timezone_is_known(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instant_has_one_period),
        cmocka_unit_test(the_hour_that_comes_twice_is_two_periods),
        cmocka_unit_test(days_have_23_and_25_hours),
        cmocka_unit_test(weeks_are_iso_weeks_and_months_are_whole),
        cmocka_unit_test(timezones_are_names_of_the_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
