/* Periods of a board: named in its own timezone, by name and by when they end.
 *
 *   hourly  2026-10-25T02+0200   daily 2026-10-25   weekly 2026-W43 (ISO 8601)   monthly 2026-10
 *
 * An hourly name carries its offset from UTC, so that the hour that comes twice when clocks go back
 * is two periods. The end of a period is the first instant with another name; all zones change
 * their clocks at multiples of 15 minutes, so it is searched among those.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LEADERBOARD_PERIOD_H
#define LEADERBOARD_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#define PERIOD_NAME_SIZE 32
#define TIMEZONE_SIZE 64

enum period_kind { PERIOD_NONE, PERIOD_HOURLY, PERIOD_DAILY, PERIOD_WEEKLY, PERIOD_MONTHLY };

struct period {
    char name[PERIOD_NAME_SIZE];
    int64_t start, end; /* ms since 1970; of PERIOD_NONE: 0 and INT64_MAX */
};

/* A name of the host's timezone database, like Europe/Berlin. UTC is known without one; zones that
 * count leap seconds (right/...) are not. */
bool timezone_is_known(const char *zone);

/* True for what could be a name of a period, "all" included: no other key can be made with it. */
bool period_is_name(const char *text);

/* The period that `now` (ms since 1970) lies in. Sets the process's TZ for the moment of the call:
 * for processes of one thread. */
void period_at(enum period_kind kind, const char *zone, int64_t now, struct period *ret_period);

/* The longest that a period of this kind can last, in ms; 0 for PERIOD_NONE. */
int64_t period_longest(enum period_kind kind);

#endif
