/* A strict parser of the RFC 9651 structured fields that RateLimit and RateLimit-Policy are: lists
 * of strings with integer parameters. For tests: anything else fails them.
 *
 *   "default";q=20;w=20, "burst";q=5;w=1  ->  {default: q=20 w=20}, {burst: q=5 w=1}
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_FIELDS_H
#define TEST_FIELDS_H

#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#define ITEMS_MAX 8
#define PARAMETERS_MAX 4

struct item {
    char name[129];
    char keys[PARAMETERS_MAX]; /* all of ours are one letter */
    long long values[PARAMETERS_MAX];
    int count;
};

/* Section 3.3.3: printable ASCII, with \" and \\ as the only escapes. */
static inline const char *parse_string(const char *at, char *ret_text)
{
    assert_int_equal(*at++, '"');
    while (*at != '"') {
        if (*at == '\\') {
            at++;
            assert_true(*at == '"' || *at == '\\');
        }
        assert_in_range(*at, 0x20, 0x7e);
        *ret_text++ = *at++;
    }
    *ret_text = '\0';
    return at + 1;
}

/* Section 3.3.1: at most 15 digits. */
static inline const char *parse_integer(const char *at, long long *ret_value)
{
    const char *digits = at;
    long long value = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    assert_in_range(at - digits, 1, 15);
    *ret_value = value;
    return at;
}

static inline const char *parse_item(const char *at, struct item *item)
{
    memset(item, 0, sizeof *item);
    at = parse_string(at, item->name);
    while (*at == ';') {
        at += 1 + strspn(at + 1, " ");
        assert_true(item->count < PARAMETERS_MAX && *at >= 'a' && *at <= 'z' && at[1] == '=');
        item->keys[item->count] = *at;
        at = parse_integer(at + 2, &item->values[item->count++]);
    }
    return at;
}

/* Section 4.2.1: members parted by a comma with optional white space, none at the end. */
static inline int parse_list(const char *at, struct item items[ITEMS_MAX])
{
    int count = 0;
    assert_non_null(at);
    for (;;) {
        assert_true(count < ITEMS_MAX);
        at = parse_item(at, &items[count++]);
        at += strspn(at, " \t");
        if (!*at)
            return count;
        assert_int_equal(*at++, ',');
        at += strspn(at, " \t");
    }
}

/* -1: it has no such parameter. */
static inline long long parameter(const struct item *item, char key)
{
    for (int i = 0; i < item->count; i++)
        if (item->keys[i] == key)
            return item->values[i];
    return -1;
}

#endif
