/* When to try again after a failure.
 *
 * SPDX-License-Identifier: MIT */
#include "backoff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"exponential", "fixed", "list"};

/* ---- Text --------------------------------------------------------------------------------- */

static bool read_time(const char *word, size_t len, int64_t *ret_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(word, "0123456789");
    if (digits == 0 || digits > 10 || digits > len)
        return false;
    int64_t number = strtoll(word, NULL, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].name) != len - digits ||
            strncmp(word + digits, units[i].name, len - digits) != 0)
            continue;
        *ret_ms = number * units[i].ms;
        return *ret_ms <= BACKOFF_TIME_MAX_MS;
    }
    return false;
}

static bool has_its_times(const struct backoff *backoff)
{
    if (backoff->kind == BACKOFF_EXPONENTIAL)
        return backoff->count == 2 && backoff->times[0] >= 1 &&
               backoff->times[0] <= backoff->times[1];
    return backoff->kind == BACKOFF_FIXED ? backoff->count == 1 : backoff->count >= 1;
}

bool backoff_read(const char *text, struct backoff *ret_backoff)
{
    struct backoff backoff = {0};
    size_t len = strcspn(text, " ");
    while (strlen(kinds[backoff.kind]) != len || strncmp(kinds[backoff.kind], text, len) != 0)
        if (++backoff.kind > BACKOFF_LIST)
            return false;
    for (const char *at = text + len; *at; at += len) {
        at += strspn(at, " ");
        len = strcspn(at, " ");
        if (backoff.count == BACKOFF_TIMES_MAX ||
            !read_time(at, len, &backoff.times[backoff.count++]))
            return false;
    }
    if (!has_its_times(&backoff))
        return false;
    *ret_backoff = backoff;
    return true;
}

void backoff_write(const struct backoff *backoff, char ret_text[BACKOFF_SIZE])
{
    int len = snprintf(ret_text, BACKOFF_SIZE, "%s", kinds[backoff->kind]);
    for (unsigned i = 0; i < backoff->count; i++)
        len += snprintf(ret_text + len, BACKOFF_SIZE - (size_t)len, " %lldms",
                        (long long)backoff->times[i]);
}

/* ---- Times -------------------------------------------------------------------------------- */

static int64_t grown(const struct backoff *backoff, int64_t attempts, uint64_t random)
{
    int64_t most = backoff->times[0], cap = backoff->times[1];
    for (int64_t i = 1; i < attempts && most < cap; i++)
        most *= 2;
    if (most > cap)
        most = cap;
    return 1 + (int64_t)(random % (uint64_t)most);
}

int64_t backoff_delay(const struct backoff *backoff, int64_t attempts, uint64_t random)
{
    if (backoff->kind == BACKOFF_EXPONENTIAL)
        return grown(backoff, attempts, random);
    int64_t last = (int64_t)backoff->count - 1;
    return backoff->times[attempts - 1 < last ? attempts - 1 : last];
}
