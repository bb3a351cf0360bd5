/* Values as people write them in config.yaml, and back.
 *
 *   "30s" -> 30000 ms -> "30s"        "64k" -> 65536 -> "64k"        "10/s" -> {10, 1000}
 *
 * Numbers are decimal; what does not fit into 64 bits is refused, never cut.
 *
 * SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: value_add takes the first that divides. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};
static const struct unit sizes[] = {
    {"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"", 1}, {NULL, 0},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int parse_int(const char *text, int64_t *ret_value)
{
    if (!is_digit(text[text[0] == '-']))
        return -EINVAL;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end)
        return -EINVAL;
    *ret_value = value;
    return 0;
}

/* Digits at the start of `text`, and where they end. */
static int parse_digits(const char *text, int64_t *ret_value, const char **ret_end)
{
    if (!is_digit(text[0]))
        return -EINVAL;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno)
        return -EINVAL;
    *ret_value = value;
    *ret_end = end;
    return 0;
}

static int scale(int64_t amount, const char *name, const struct unit *units, int64_t *ret_value)
{
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcmp(unit->name, name) != 0)
            continue;
        int64_t value;
        if (__builtin_mul_overflow(amount, unit->factor, &value))
            return -EINVAL;
        *ret_value = value;
        return 0;
    }
    return -EINVAL;
}

int parse_duration(const char *text, int64_t *ret_ms)
{
    int64_t amount;
    const char *unit;
    if (parse_digits(text, &amount, &unit))
        return -EINVAL;
    if (!*unit && amount == 0) {
        *ret_ms = 0;
        return 0;
    }
    return scale(amount, unit, durations, ret_ms);
}

int parse_size(const char *text, int64_t *ret_bytes)
{
    int64_t amount;
    const char *unit;
    if (parse_digits(text, &amount, &unit))
        return -EINVAL;
    if (*unit >= 'A' && *unit <= 'Z' && !unit[1])
        return scale(amount, (char[]){(char)(*unit | 0x20), 0}, sizes, ret_bytes);
    return scale(amount, unit, sizes, ret_bytes);
}

int parse_rate(const char *text, sluice_rate *ret_rate)
{
    sluice_rate rate;
    const char *rest;
    if (parse_digits(text, &rate.amount, &rest) || *rest != '/')
        return -EINVAL;
    rest++;
    int failed = is_digit(*rest) ? parse_duration(rest, &rate.per_ms)
                                 : scale(1, rest, durations, &rate.per_ms);
    if (failed || rate.per_ms == 0)
        return -EINVAL;
    *ret_rate = rate;
    return 0;
}

int parse_bool(const char *text, bool *ret_value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) != 0)
            continue;
        *ret_value = i % 2;
        return 0;
    }
    return -EINVAL;
}

static void add_scaled(struct text *text, int64_t value, const struct unit *units)
{
    while (value % units->factor != 0)
        units++; /* the last factor is 1 */
    text_add_int(text, value / units->factor);
    text_add(text, units->name);
}

void value_add(struct text *text, uint32_t type, int64_t value)
{
    if (value == 0)
        text_add(text, "0");
    else if (type == SLUICE_DURATION)
        add_scaled(text, value, durations);
    else if (type == SLUICE_SIZE)
        add_scaled(text, value, sizes);
    else
        text_add_int(text, value);
}
