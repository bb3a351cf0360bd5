/* Clocks, and times as text.
 *
 * SPDX-License-Identifier: MIT */
#include "clock.h"

#include <time.h>

#define STAMP_LAST INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* can't fail for these two clocks */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_realtime_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

static char *digits(char *at, unsigned value, unsigned count)
{
    for (unsigned i = count; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

/* Days since 1970-01-01 to a date, after Howard Hinnant's "chrono-compatible low-level date
 * algorithms" (civil_from_days): years start in March, so that the leap day comes last. */
static void date_of(unsigned days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    unsigned shifted = days + 719468; /* from 0000-03-01 */
    unsigned era = shifted / 146097;
    unsigned of_era = shifted % 146097;
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned march_month = (5 * of_year + 2) / 153;
    *ret_day = of_year - (153 * march_month + 2) / 5 + 1;
    *ret_month = march_month < 10 ? march_month + 3 : march_month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

void clock_stamp(int64_t realtime_ms, char ret_stamp[CLOCK_STAMP_SIZE])
{
    if (realtime_ms < 0)
        realtime_ms = 0;
    if (realtime_ms > STAMP_LAST)
        realtime_ms = STAMP_LAST;
    unsigned of_day = (unsigned)(realtime_ms % 86400000);
    unsigned year, month, day;
    date_of((unsigned)(realtime_ms / 86400000), &year, &month, &day);

    char *at = digits(ret_stamp, year, 4);
    *at++ = '-';
    at = digits(at, month, 2);
    *at++ = '-';
    at = digits(at, day, 2);
    *at++ = 'T';
    at = digits(at, of_day / 3600000, 2);
    *at++ = ':';
    at = digits(at, of_day / 60000 % 60, 2);
    *at++ = ':';
    at = digits(at, of_day / 1000 % 60, 2);
    *at++ = '.';
    at = digits(at, of_day % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}
