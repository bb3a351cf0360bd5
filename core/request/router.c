/* The router: a tree of path segments, made once, walked per request.
 *
 *   /leaderboard/rank/{userId}   ->   "leaderboard" - "rank" - {} : GET route
 *
 * A node's literal children are tried before its parameter child, and the walk comes back when the
 * literal branch leads nowhere. It enters a node at most once, since one way leads there.
 *
 * Whether case matters is a property of the route at the leaf, so nodes are compared without it and
 * leaves check the spelling: a parameter beats no literal, however that is spelled.
 *
 * SPDX-License-Identifier: MIT */
#include "router.h"

#include <string.h>
#include <strings.h>

#include "memory.h"
#include "text.h"

struct node {
    const char *literal; /* in the spelling of whoever came first; NULL: a parameter */
    struct node *next;   /* sibling */
    struct node *children;
    struct leaf *leaves;
};

struct leaf {
    struct route *route;
    struct leaf *next;
};

struct router {
    struct arena *arena;
    struct node root;
    struct route **routes;
    size_t count, size;
};

struct segment {
    const char *text; /* decoded */
    size_t len;
};

struct segments {
    struct segment items[ROUTE_SEGMENTS_MAX];
    size_t count;
    bool trailing_slash;
};

struct router *router_new(struct arena *arena)
{
    struct router *router = arena_new(arena, struct router);
    router->arena = arena;
    return router;
}

struct route *const *router_routes(const struct router *router, size_t *ret_count)
{
    *ret_count = router->count;
    return router->routes;
}

/* ---- Adding ------------------------------------------------------------------------------- */

static struct node *child(struct router *router, struct node *node, const char *literal)
{
    struct node **link = &node->children;
    for (; *link; link = &(*link)->next) {
        const char *other = (*link)->literal;
        if (literal ? other && strcasecmp(other, literal) == 0 : !other)
            return *link;
    }
    /* The parameter child stays last. */
    struct node *made = arena_new(router->arena, struct node);
    made->literal = literal;
    if (literal) {
        made->next = node->children;
        node->children = made;
    } else {
        *link = made;
    }
    return made;
}

static const char *bad(struct router *router, const struct route *route, const char *why)
{
    return arena_printf(router->arena, "route %s %s: %s", route->method, route->pattern, why);
}

static bool has_param(const struct route *route, const char *name)
{
    for (size_t i = 0; i < route->param_count; i++)
        if (strcmp(route->param_names[i], name) == 0)
            return true;
    return false;
}

/* One segment of a pattern; NULL with *ret_error when it can't be one. */
static struct node *add_segment(struct router *router, struct route *route, struct node *node,
                                struct segment segment, const char **ret_error)
{
    const char *text = arena_copy(router->arena, segment.text, segment.len);
    size_t braces = strcspn(text, "{}");
    if (braces == segment.len)
        return child(router, node, text);
    if (text[0] != '{' || strcspn(text + 1, "{}") != segment.len - 2 ||
        text[segment.len - 1] != '}' || segment.len < 3) {
        *ret_error = bad(router, route, "a parameter is one whole segment, like {id}");
        return NULL;
    }
    if (route->param_count == ROUTE_PARAMS_MAX) {
        *ret_error = bad(router, route, "too many parameters");
        return NULL;
    }
    const char *name = arena_copy(router->arena, text + 1, segment.len - 2);
    if (has_param(route, name)) {
        *ret_error = bad(router, route, "two parameters have the same name");
        return NULL;
    }
    route->param_names[route->param_count++] = name;
    return child(router, node, NULL);
}

static struct node *add_pattern(struct router *router, struct route *route, const char **ret_error)
{
    const char *at = route->pattern;
    struct node *node = &router->root;
    if (at[0] != '/') {
        *ret_error = bad(router, route, "a path starts with /");
        return NULL;
    }
    for (size_t count = 0; node && *at; count++) {
        at++; /* the slash */
        size_t len = strcspn(at, "/");
        if ((len == 0 && (count > 0 || *at)) || count == ROUTE_SEGMENTS_MAX) {
            *ret_error = bad(router, route, len ? "too many segments" : "an empty segment");
            return NULL;
        }
        if (len)
            node = add_segment(router, route, node, (struct segment){at, len}, ret_error);
        at += len;
    }
    return node;
}

static void keep(struct router *router, struct route *route)
{
    if (router->count == router->size) {
        size_t size = router->size ? router->size * 2 : 32;
        struct route **routes = arena_array(router->arena, struct route *, size);
        if (router->count)
            memcpy(routes, router->routes, sizeof *routes * router->count);
        router->routes = routes;
        router->size = size;
    }
    router->routes[router->count++] = route;
}

/* Whether a request could mean either of two routes at one node, parameters' names aside: their
 * spellings are the same, or one of them ignores case. */
static bool clash(const struct route *one, const struct route *other)
{
    const char *a = one->pattern, *b = other->pattern;
    if (strcmp(one->method, other->method) != 0)
        return false;
    if ((one->flags | other->flags) & SLUICE_CLASSIC)
        return true;
    while (*a && *b) {
        size_t a_len = strcspn(++a, "/"), b_len = strcspn(++b, "/");
        if (*a != '{' && memcmp(a, b, a_len) != 0)
            return false;
        a += a_len;
        b += b_len;
    }
    return true;
}

struct route *router_add(struct router *router, const struct route *route, const char **ret_error)
{
    struct route *made = arena_new(router->arena, struct route);
    *made = *route;
    made->param_count = 0;
    struct node *node = add_pattern(router, made, ret_error);
    if (!node)
        return NULL;
    struct leaf **link = &node->leaves;
    for (; *link; link = &(*link)->next)
        if (clash(made, (*link)->route)) {
            *ret_error =
                arena_printf(router->arena, "route %s %s: taken by %s %s", made->method,
                             made->pattern, (*link)->route->method, (*link)->route->pattern);
            return NULL;
        }
    *link = arena_new(router->arena, struct leaf);
    (*link)->route = made;
    keep(router, made);
    return made;
}

/* ---- Finding ------------------------------------------------------------------------------ */

/* Cuts a path into decoded segments; false for a broken escape. More segments than any pattern
 * has are counted, not kept: nothing will match. */
static bool cut(struct arena *arena, const char *path, size_t len, struct segments *segments)
{
    const char *end = path + len;
    segments->count = 0;
    segments->trailing_slash = len > 1 && end[-1] == '/';
    for (const char *at = path + 1; at < end;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        const char *text = percent_decode(arena, at, (size_t)(stop - at), false);
        if (!text)
            return false;
        if (segments->count < ROUTE_SEGMENTS_MAX)
            segments->items[segments->count] = (struct segment){text, strlen(text)};
        segments->count++;
        at = stop + 1;
    }
    return true;
}

/* One walk through the tree: where it stands, and what it has found. */
struct walk {
    const struct segments *segments;
    const char *method;
    const struct route *found;
    const char *methods[ROUTE_METHODS_MAX]; /* at this path, whatever was asked for */
    size_t method_count;
    const char *params[ROUTE_PARAMS_MAX];
    size_t depth_params;
};

static void note_method(struct walk *walk, const char *method)
{
    for (size_t i = 0; i < walk->method_count; i++)
        if (strcmp(walk->methods[i], method) == 0)
            return;
    if (walk->method_count < ROUTE_METHODS_MAX)
        walk->methods[walk->method_count++] = method;
}

static bool serves(const struct route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Whether the literals are spelled as the pattern spells them; but for case the walk has compared
 * them, so their lengths are equal. */
static bool is_spelled(const struct route *route, const struct segments *segments)
{
    const char *at = route->pattern;
    for (size_t i = 0; i < segments->count; i++) {
        const struct segment *segment = &segments->items[i];
        at++; /* the slash */
        if (*at == '{') {
            at += strcspn(at, "/");
            continue;
        }
        if (memcmp(at, segment->text, segment->len) != 0)
            return false;
        at += segment->len;
    }
    return !segments->trailing_slash;
}

static bool look_at_leaves(struct walk *walk, const struct node *node)
{
    for (const struct leaf *leaf = node->leaves; leaf; leaf = leaf->next) {
        const struct route *route = leaf->route;
        if (!(route->flags & SLUICE_CLASSIC) && !is_spelled(route, walk->segments))
            continue;
        note_method(walk, route->method);
        /* A route for HEAD itself beats GET's. */
        if (serves(route, walk->method) &&
            (!walk->found || strcmp(route->method, walk->method) == 0))
            walk->found = route;
    }
    return walk->found != NULL;
}

static bool descend(struct walk *walk, const struct node *node, size_t depth);

static bool enter_literal(struct walk *walk, const struct node *node, size_t depth)
{
    const char *text = walk->segments->items[depth].text;
    return strcasecmp(node->literal, text) == 0 && descend(walk, node, depth + 1);
}

static bool enter_parameter(struct walk *walk, const struct node *node, size_t depth)
{
    if (walk->segments->items[depth].len == 0 || walk->depth_params == ROUTE_PARAMS_MAX)
        return false;
    walk->params[walk->depth_params++] = walk->segments->items[depth].text;
    bool found = descend(walk, node, depth + 1);
    if (!found)
        walk->depth_params--;
    return found;
}

static bool descend(struct walk *walk, const struct node *node, size_t depth)
{
    if (depth == walk->segments->count)
        return look_at_leaves(walk, node);
    for (const struct node *each = node->children; each; each = each->next) {
        bool found =
            each->literal ? enter_literal(walk, each, depth) : enter_parameter(walk, each, depth);
        if (found)
            return true;
    }
    return false;
}

static void sort(const char **names, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && strcmp(names[j - 1], names[j]) > 0; j--) {
            const char *other = names[j];
            names[j] = names[j - 1];
            names[j - 1] = other;
        }
}

static const char *allow(struct arena *arena, struct walk *walk)
{
    struct text text;
    for (size_t i = 0; i < walk->method_count; i++)
        if (strcmp(walk->methods[i], "GET") == 0)
            note_method(walk, "HEAD");
    note_method(walk, "OPTIONS");
    sort(walk->methods, walk->method_count);
    text_init(&text, arena);
    for (size_t i = 0; i < walk->method_count; i++) {
        if (i)
            text_add(&text, ", ");
        text_add(&text, walk->methods[i]);
    }
    return text.data;
}

/* "*" is the server as a whole (RFC 9110 section 9.3.7): what any of its routes takes. */
static void find_server(const struct router *router, struct arena *arena, struct match *match)
{
    struct walk walk = {.found = NULL};
    for (size_t i = 0; i < router->count; i++)
        note_method(&walk, router->routes[i]->method);
    match->status = 405;
    match->allow = allow(arena, &walk);
}

void router_find(const struct router *router, const char *method, const char *path, size_t len,
                 struct arena *arena, struct match *ret_match)
{
    struct segments segments;
    memset(ret_match, 0, sizeof *ret_match);
    if (len == 1 && path[0] == '*') {
        find_server(router, arena, ret_match);
        return;
    }
    if (len == 0 || path[0] != '/') {
        ret_match->status = 404;
        return;
    }
    if (!cut(arena, path, len, &segments)) {
        ret_match->status = 400;
        return;
    }
    struct walk walk = {.segments = &segments, .method = method};
    bool found = segments.count <= ROUTE_SEGMENTS_MAX && descend(&walk, &router->root, 0);
    if (found) {
        ret_match->route = walk.found;
        memcpy(ret_match->params, walk.params, sizeof walk.params);
        return;
    }
    ret_match->status = walk.method_count ? 405 : 404;
    if (walk.method_count)
        ret_match->allow = allow(arena, &walk);
}
