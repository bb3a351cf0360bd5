/* Whether a browser's request was made by a page that may write with the user's cookie.
 *
 * SPDX-License-Identifier: MIT */
#include "origin.h"

#include <string.h>
#include <strings.h>

/* Where the host of an origin or URL begins; NULL when it is neither ("null"). */
static const char *host_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    return scheme ? scheme + 3 : NULL;
}

/* How much of a URL is its origin: all before the path. */
static size_t origin_len(const char *url)
{
    const char *host = host_of(url);
    return host ? (size_t)(host - url) + strcspn(host, "/?#") : strlen(url);
}

static bool equals(const char *text, size_t len, const char *other)
{
    return strlen(other) == len && strncasecmp(text, other, len) == 0;
}

static bool is_listed(const char *url, const sluice_texts *origins)
{
    for (uint64_t i = 0; i < origins->count; i++)
        if (equals(url, origin_len(url), origins->items[i]))
            return true;
    return false;
}

/* The scheme is not compared: TLS usually ends in front of the gateway. */
static bool is_same_host(const char *url, const char *host)
{
    const char *from = host_of(url);
    return from && host && equals(from, strcspn(from, "/?#"), host);
}

bool origin_may_write(const struct sender *sender, const sluice_texts *origins)
{
    const char *page = sender->origin ? sender->origin : sender->referer;
    if (page && is_listed(page, origins))
        return true;
    if (sender->site)
        return strcasecmp(sender->site, "same-origin") == 0 ||
               strcasecmp(sender->site, "none") == 0;
    return !page || is_same_host(page, sender->host);
}

bool origin_is_whole(const char *origin)
{
    const char *host = host_of(origin);
    return host && host > origin + 3 && *host && !host[strcspn(host, "/?# @*")];
}
