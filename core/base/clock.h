/* The one source of time. Tests may own it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_CLOCK_H
#define SLUICE_CORE_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_us(void); /* from an arbitrary start; never goes back */
int64_t clock_monotonic_ms(void);
int64_t clock_realtime_ms(void); /* since 1970, UTC */

/* RFC 3339 in UTC with milliseconds: "2026-11-23T07:10:55.123Z". */
#define CLOCK_STAMP_SIZE 25
void clock_stamp(int64_t realtime_ms, char ret_stamp[CLOCK_STAMP_SIZE]);

#endif
