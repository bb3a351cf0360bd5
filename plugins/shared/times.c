/* Points in time as text.
 *
 * SPDX-License-Identifier: MIT */
#include "times.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void time_write(int64_t ms, char ret_text[TIME_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts = {0};
    char date[24] = "";
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(ret_text, TIME_SIZE, "%s.%03dZ", date, (int)(ms % 1000));
}

/* Exactly `digits` digits, from `min` to `max`. */
static bool number(const char **at, unsigned digits, int min, int max, int *ret_number)
{
    int value = 0;
    for (unsigned i = 0; i < digits; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9')
            return false;
        value = 10 * value + (*at)[i] - '0';
    }
    *at += digits;
    *ret_number = value;
    return value >= min && value <= max;
}

static bool character(const char **at, const char *which)
{
    if (!**at || !strchr(which, **at))
        return false;
    (*at)++;
    return true;
}

/* The day of a month that has it: others would become a day of the next one. */
static bool is_day(const struct tm *parts)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = parts->tm_year + 1900;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return parts->tm_mday <= days[parts->tm_mon] &&
           (parts->tm_mon != 1 || leap || parts->tm_mday < 29);
}

static bool read_clock(const char **at, struct tm *ret_parts)
{
    int year, month, day, hour, minute, second;
    if (!number(at, 4, 1, 9999, &year) || !character(at, "-") || !number(at, 2, 1, 12, &month) ||
        !character(at, "-") || !number(at, 2, 1, 31, &day) || !character(at, "Tt ") ||
        !number(at, 2, 0, 23, &hour) || !character(at, ":") || !number(at, 2, 0, 59, &minute) ||
        !character(at, ":") || !number(at, 2, 0, 60, &second))
        return false;
    *ret_parts = (struct tm){.tm_year = year - 1900,
                             .tm_mon = month - 1,
                             .tm_mday = day,
                             .tm_hour = hour,
                             .tm_min = minute,
                             .tm_sec = second};
    return is_day(ret_parts);
}

static bool read_fraction(const char **at, int *ret_ms)
{
    int ms = 0, unit = 100;
    if (!character(at, ".")) {
        *ret_ms = 0;
        return true;
    }
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        ms += unit * (**at - '0');
    *ret_ms = ms;
    return true;
}

static bool read_offset(const char **at, int *ret_minutes)
{
    int hours, minutes;
    int sign = **at == '-' ? -1 : 1;
    *ret_minutes = 0;
    if (character(at, "Zz"))
        return true;
    if (!character(at, "+-") || !number(at, 2, 0, 23, &hours) || !character(at, ":") ||
        !number(at, 2, 0, 59, &minutes))
        return false;
    *ret_minutes = sign * (60 * hours + minutes);
    return true;
}

bool time_read(const char *text, int64_t *ret_ms)
{
    struct tm parts;
    int ms, offset;
    if (!read_clock(&text, &parts) || !read_fraction(&text, &ms) || !read_offset(&text, &offset) ||
        *text)
        return false;
    *ret_ms = ((int64_t)timegm(&parts) - 60 * offset) * 1000 + ms;
    return true;
}
