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
#include <time.h>

#define ZONES "/usr/share/zoneinfo"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
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

/* RFC 8536: such a file begins with "TZif". */
static bool is_zone_file(const char *zone)
{
    char path[sizeof ZONES + TIMEZONE_SIZE + 1], magic[4] = "";
    (void)snprintf(path, sizeof path, ZONES "/%s", zone);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool whole = fread(magic, sizeof magic, 1, file) == 1;
    (void)fclose(file);
    return whole && memcmp(magic, "TZif", sizeof magic) == 0;
}

bool timezone_is_known(const char *zone)
{
    if (strcmp(zone, "UTC") == 0)
        return true;
    size_t len = strlen(zone);
    return len > 0 && len < TIMEZONE_SIZE && zone[0] != '/' &&
           strncmp(zone, "right/", 6) != 0 &&
           strspn(zone, LETTERS "0123456789_+-/") == len && is_zone_file(zone);
}

bool period_is_name(const char *text)
{
    size_t len = strlen(text);
    return strcmp(text, "all") == 0 ||
           (len > 0 && len < PERIOD_NAME_SIZE && strspn(text, "0123456789+-TW") == len);
}

/* ---- The process's timezone --------------------------------------------------------------- */

/* Returns what TZ was, for leave; NULL where it was not set. */
static char *enter(const char *zone)
{
    const char *before = getenv("TZ");
    char *copy = before ? strdup(before) : NULL;
    setenv("TZ", zone, 1);
    tzset();
    return copy;
}

static void leave(char *before)
{
    if (before)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    free(before);
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

void period_at(enum period_kind kind, const char *zone, int64_t now, struct period *ret_period)
{
    int64_t second = now / 1000, reach = kinds[kind].longest / STEP + 1;
    if (kind == PERIOD_NONE) {
        *ret_period = (struct period){"all", 0, INT64_MAX};
        return;
    }
    char *before = enter(zone);
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
