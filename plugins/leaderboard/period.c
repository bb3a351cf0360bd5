/* Periods of a board.
 *
 * libc converts times in one timezone, the process's; a re-entrant call with a zone of one's own
 * does not exist. TZ is therefore set for each question and put back. That costs a file read, so
 * callers keep a period until it ends.
 *
 * SPDX-License-Identifier: MIT */
#include "period.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ZONES "/usr/share/zoneinfo"
#define STEP 900 /* s: clocks change at multiples of it */
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

static const struct {
    const char *format; /* of strftime */
    int64_t longest;    /* s; a day has 25 hours when clocks go back */
} kinds[] = {
    [PERIOD_NONE] = {"all", 0},
    [PERIOD_HOURLY] = {"%Y-%m-%dT%H%z", 2 * HOUR},
    [PERIOD_DAILY] = {"%Y-%m-%d", DAY + 2 * HOUR},
    [PERIOD_WEEKLY] = {"%G-W%V", 7 * DAY + 2 * HOUR},
    [PERIOD_MONTHLY] = {"%Y-%m", 31 * DAY + 2 * HOUR},
};

bool timezone_is_known(const char *timezone)
{
    char path[sizeof ZONES + TIMEZONE_SIZE + 1];
    struct stat stat_buffer;
    if (strcmp(timezone, "UTC") == 0)
        return true;
    size_t len = strlen(timezone);
    if (len == 0 || len >= TIMEZONE_SIZE || strstr(timezone, "..") || timezone[0] == '/' ||
        strspn(timezone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") !=
            len)
        return false;
    (void)snprintf(path, sizeof path, ZONES "/%s", timezone);
    return stat(path, &stat_buffer) == 0 && S_ISREG(stat_buffer.st_mode);
}

/* ---- The process's timezone --------------------------------------------------------------- */

static void enter(const char *timezone, char ret_before[256])
{
    const char *before = getenv("TZ");
    (void)snprintf(ret_before, 256, "%s", before ? before : "");
    setenv("TZ", timezone, 1);
    tzset();
}

static void leave(const char *before)
{
    if (*before)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
}

/* ---- Names and ends ----------------------------------------------------------------------- */

static void name_at(enum period_kind kind, int64_t second, char ret_name[PERIOD_NAME_SIZE])
{
    time_t when = (time_t)second;
    struct tm local;
    localtime_r(&when, &local);
    if (strftime(ret_name, PERIOD_NAME_SIZE, kinds[kind].format, &local) == 0)
        ret_name[0] = '\0';
}

static bool is_named(enum period_kind kind, int64_t second, const char *name)
{
    char other[PERIOD_NAME_SIZE];
    name_at(kind, second, other);
    return strcmp(name, other) == 0;
}

/* The first step after `step` with another name, or, backwards, the last one's next: names change
 * once between here and there, so halving finds the place. */
static int64_t find_edge(enum period_kind kind, const char *name, int64_t step, int64_t other)
{
    int64_t inside = step, outside = other;
    while (inside - outside > 1 || outside - inside > 1) {
        int64_t middle = inside + (outside - inside) / 2;
        if (is_named(kind, middle * STEP, name))
            inside = middle;
        else
            outside = middle;
    }
    return outside > inside ? outside : inside;
}

void period_at(enum period_kind kind, const char *timezone, int64_t now, struct period *ret_period)
{
    char before[256];
    int64_t second = now / 1000, reach = kinds[kind].longest / STEP + 1;
    if (kind == PERIOD_NONE) {
        *ret_period = (struct period){"all", 0, INT64_MAX};
        return;
    }
    enter(timezone, before);
    name_at(kind, second, ret_period->name);
    int64_t step = second / STEP;
    ret_period->start = find_edge(kind, ret_period->name, step, step - reach) * STEP * 1000;
    ret_period->end = find_edge(kind, ret_period->name, step, step + reach) * STEP * 1000;
    leave(before);
}

int64_t period_longest(enum period_kind kind)
{
    return kinds[kind].longest * 1000;
}
