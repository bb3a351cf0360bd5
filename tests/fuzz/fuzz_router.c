/* Makes a router of any patterns, looks any path up, and compares with trying every route in turn.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "router.h"

#define SEGMENTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct path {
    const char *segments[SEGMENTS_MAX];
    size_t count;
    bool trailing_slash, broken;
};

static void check(int fact)
{
    if (!fact)
        abort();
}

static struct path split(struct arena *arena, const char *text)
{
    struct path path = {.trailing_slash = strlen(text) > 1 && text[strlen(text) - 1] == '/'};
    while (*text && text[1] && path.count < SEGMENTS_MAX) {
        size_t len = strcspn(++text, "/");
        const char *segment = percent_decode(arena, text, len, false);
        path.broken |= !segment;
        path.segments[path.count++] = segment ? segment : "";
        text += len;
    }
    return path;
}

static bool is_segment(const struct route *route, const char *want, const char *have)
{
    if (*want == '{')
        return *have != '\0';
    return (route->flags & SLUICE_CLASSIC ? strcasecmp(want, have) : strcmp(want, have)) == 0;
}

static bool is_match(struct arena *arena, const struct route *route, const struct path *path)
{
    const char *at = route->pattern;
    if (path->trailing_slash && !(route->flags & SLUICE_CLASSIC))
        return false;
    for (size_t i = 0; i < path->count; i++) {
        if (!*at || !at[1])
            return false;
        size_t len = strcspn(++at, "/");
        if (!is_segment(route, arena_copy(arena, at, len), path->segments[i]))
            return false;
        at += len;
    }
    return !*at || strcmp(at, "/") == 0;
}

/* A route that has a literal where the found one has its first parameter must not match: literals
 * come first. */
static bool is_more_literal(const struct route *one, const struct route *other)
{
    const char *a = one->pattern, *b = other->pattern;
    while (*a && *b) {
        size_t a_len = strcspn(++a, "/"), b_len = strcspn(++b, "/");
        if ((*a == '{') != (*b == '{'))
            return *a != '{';
        a += a_len;
        b += b_len;
    }
    return false;
}

static bool serves(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static void check_match(const struct router *router, struct arena *arena, const char *method,
                        const char *text)
{
    struct match match;
    size_t count, matching = 0;
    struct route *const *routes = router_routes(router, &count);
    struct path path = split(arena, text);
    router_find(router, method, text, strlen(text), arena, &match);
    if (path.broken || path.count >= SEGMENTS_MAX) {
        check(!match.route);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_match(arena, routes[i], &path))
            continue;
        matching++;
        check(match.route || !serves(routes[i], method));
        if (match.route && serves(routes[i], method))
            check(!is_more_literal(routes[i], match.route));
    }
    if (match.route) {
        check(serves(match.route, method) && is_match(arena, match.route, &path));
        for (size_t i = 0; i < match.route->param_count; i++)
            check(match.params[i] && match.params[i][0]);
    } else {
        check(match.status == (matching ? 405 : 404) && !match.allow == !matching);
    }
}

/* "g/a/{x}": G is classic, g is not, and so on with h for HEAD, p for PUT. */
static void add_line(struct router *router, char *line)
{
    static const char letters[] = "ghp";
    static const char *const methods[] = {"GET", "HEAD", "PUT"};
    const char *error = NULL;
    char lower[] = {(char)(line[0] | 0x20), '\0'};
    size_t which = strcspn(letters, lower);
    struct route route = {.method = methods[which < 3 ? which : 0],
                          .pattern = line + (*line != '\0'),
                          .flags = line[0] & 0x20 ? 0 : SLUICE_CLASSIC};
    check(router_add(router, &route, &error) || error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct router *router = router_new(&arena);
    char *text = arena_copy(&arena, data, size);
    for (char *stop; (stop = strchr(text, '\n')); text = stop + 1) {
        *stop = '\0';
        add_line(router, text);
    }
    if (text[0] == '/') {
        check_match(router, &arena, "GET", text);
        check_match(router, &arena, "HEAD", text);
        check_match(router, &arena, "DELETE", text);
    }
    arena_release(&arena);
    return 0;
}
