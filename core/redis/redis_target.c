/* redis.url taken apart.
 *
 *   redis://[user[:password]@]host[:port][/db]     host: a name, an IPv4 or an [IPv6] address
 *   unix://[user[:password]@]/path[?db=n]
 *
 * User, password and path are percent-decoded (RFC 3986). Reasons never quote the URL: it may
 * hold a password.
 *
 * SPDX-License-Identifier: MIT */
#include "redis.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/un.h>

#define PORT_DEFAULT 6379
#define FORMS "redis://[user:password@]host[:port][/db] or unix:///path[?db=n]"

/* A part of the URL. */
struct span {
    const char *at;
    size_t len;
};

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -EINVAL;
}

/* Takes what precedes the first of `stops` from the front of `rest`. */
static struct span take(struct span *rest, const char *stops)
{
    struct span taken = {rest->at, 0};
    while (taken.len < rest->len && !strchr(stops, taken.at[taken.len]))
        taken.len++;
    rest->at += taken.len;
    rest->len -= taken.len;
    return taken;
}

static bool starts_with(struct span span, char c)
{
    return span.len && *span.at == c;
}

static struct span without_first(struct span span)
{
    return (struct span){span.at + 1, span.len - 1};
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL where a '%' is not followed by two hex digits, or stands for a NUL. */
static const char *decode(struct arena *arena, struct span span)
{
    char *decoded = arena_alloc(arena, span.len + 1, 1);
    char *to = decoded;
    for (size_t i = 0; i < span.len; i++) {
        if (span.at[i] != '%') {
            *to++ = span.at[i];
            continue;
        }
        int high = i + 2 < span.len ? hex(span.at[i + 1]) : -1;
        int low = i + 2 < span.len ? hex(span.at[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return NULL;
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    return decoded;
}

/* A decimal number of at most `max`, or -1. */
static long number(struct span span, long max)
{
    long value = 0;
    for (size_t i = 0; i < span.len; i++) {
        if (span.at[i] < '0' || span.at[i] > '9')
            return -1;
        value = value * 10 + (span.at[i] - '0');
        if (value > max)
            return -1;
    }
    return span.len ? value : -1;
}

static int parse_database(struct redis_target *target, struct span span, const char **ret_why)
{
    long database = number(span, INT_MAX);
    if (database < 0)
        return refuse(ret_why, "the database must be a number, as in redis://host:6379/0");
    target->database = (int)database;
    return 0;
}

/* Takes "user:password@" from the front of `authority`. A password itself may hold an '@'. */
static int parse_user(struct redis_target *target, struct arena *arena, struct span *authority,
                      const char **ret_why)
{
    size_t len = authority->len;
    while (len && authority->at[len - 1] != '@')
        len--;
    if (!len)
        return 0;
    struct span rest = {authority->at, len - 1};
    authority->at += len;
    authority->len -= len;

    struct span user = take(&rest, ":");
    struct span password = starts_with(rest, ':') ? without_first(rest) : rest;
    const char *decoded_user = decode(arena, user);
    const char *decoded_password = decode(arena, password);
    if (!decoded_user || !decoded_password)
        return refuse(ret_why, "a '%' in the user or password must be followed by two hex digits "
                               "other than 00; write a percent sign as %25");
    target->user = user.len ? decoded_user : NULL;
    target->password = user.len || password.len ? decoded_password : NULL;
    return 0;
}

static int parse_port(struct redis_target *target, struct span span, const char **ret_why)
{
    long port = number(span, UINT16_MAX);
    if (port <= 0)
        return refuse(ret_why, "the port must be a number from 1 to 65535, as in "
                               "redis://host:6379");
    target->port = (uint16_t)port;
    return 0;
}

static int parse_host(struct redis_target *target, struct arena *arena, struct span authority,
                      const char **ret_why)
{
    bool bracketed = starts_with(authority, '[');
    if (bracketed)
        authority = without_first(authority);
    struct span host = take(&authority, bracketed ? "]" : ":");
    if (bracketed && !starts_with(authority, ']'))
        return refuse(ret_why, "an IPv6 address must end with ']', as in redis://[::1]:6379");
    if (bracketed)
        authority = without_first(authority);
    if (!host.len)
        return refuse(ret_why, "the host is missing; expected " FORMS);
    target->host = arena_copy(arena, host.at, host.len);
    target->port = PORT_DEFAULT;
    if (!authority.len)
        return 0;
    if (!starts_with(authority, ':'))
        return refuse(ret_why, "only a port may follow ']', as in redis://[::1]:6379");
    return parse_port(target, without_first(authority), ret_why);
}

static int parse_tcp(struct redis_target *target, struct arena *arena, struct span rest,
                     const char **ret_why)
{
    struct span authority = take(&rest, "/?#");
    struct span path = take(&rest, "?#");
    if (rest.len)
        return refuse(ret_why, "'?' and '#' have no meaning here; in a user or password write "
                               "them as %3F and %23");
    int err = parse_user(target, arena, &authority, ret_why);
    if (!err)
        err = parse_host(target, arena, authority, ret_why);
    if (err)
        return err;
    return path.len > 1 ? parse_database(target, without_first(path), ret_why) : 0;
}

static int parse_unix(struct redis_target *target, struct arena *arena, struct span rest,
                      const char **ret_why)
{
    struct span authority = take(&rest, "/?#");
    int err = parse_user(target, arena, &authority, ret_why);
    if (err)
        return err;
    struct span path = take(&rest, "?#");
    if (authority.len || path.len < 2)
        return refuse(ret_why, "the socket's path must be absolute, as in "
                               "unix:///run/redis/redis.sock");
    target->path = decode(arena, path);
    if (!target->path)
        return refuse(ret_why, "a '%' in the path must be followed by two hex digits other than "
                               "00; write a percent sign as %25");
    if (strlen(target->path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return refuse(ret_why, "the socket's path is longer than the 107 bytes that the kernel "
                               "takes; put the socket elsewhere");
    if (!rest.len)
        return 0;
    if (rest.len < 4 || memcmp(rest.at, "?db=", 4))
        return refuse(ret_why, "only ?db=n may follow the path of a unix socket");
    return parse_database(target, (struct span){rest.at + 4, rest.len - 4}, ret_why);
}

int redis_target_parse(struct redis_target *target, struct arena *arena, const char *url,
                       const char **ret_why)
{
    struct redis_target parsed = {0};
    int err;
    if (!strncmp(url, "redis://", 8))
        err = parse_tcp(&parsed, arena, (struct span){url + 8, strlen(url + 8)}, ret_why);
    else if (!strncmp(url, "unix://", 7))
        err = parse_unix(&parsed, arena, (struct span){url + 7, strlen(url + 7)}, ret_why);
    else if (!strncmp(url, "rediss://", 9))
        err = refuse(ret_why, "rediss:// needs hiredis 1.0 or newer built with TLS, and this "
                              "build has none; run a TLS proxy such as stunnel beside the "
                              "gateway and name its local address with redis:// or unix://");
    else
        err = refuse(ret_why, "expected \"embedded\", " FORMS);
    if (!err)
        *target = parsed;
    return err;
}
