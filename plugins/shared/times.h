/* Points in time as text (RFC 3339).
 *
 *   1767225600123 -> "2026-01-01T00:00:00.123Z"
 *
 * SPDX-License-Identifier: MIT */
#ifndef SHARED_TIMES_H
#define SHARED_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_SIZE 32u /* of the text with its NUL */

/* Of ms since 1970, from year 1 to 9999. */
void time_write(int64_t ms, char ret_text[TIME_SIZE]);

/* False when `text` is no date and time with its offset. What is finer than ms is cut off; a leap
 * second counts as the one after it. */
bool time_read(const char *text, int64_t *ret_ms);

#endif
