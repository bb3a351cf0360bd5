/* Method + path -> route, compiled once at start.
 *
 * A pattern is literal segments and {parameters}, one whole segment each; a literal beats a
 * parameter. Segments are compared percent-decoded. A route marked SLUICE_CLASSIC ignores ASCII
 * case and one trailing slash. A path whose escapes are broken or decode to NUL matches nothing
 * and is a 400.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_ROUTER_H
#define SLUICE_CORE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/abi.h>

#include "arena.h"
#include "needs.h"

#define ROUTE_PARAMS_MAX 8
#define ROUTE_SEGMENTS_MAX 16
#define ROUTE_METHODS_MAX 16 /* at one path */

struct plugin;

struct route {
    const char *method;
    const char *pattern;
    const struct plugin *plugin; /* whose handler it is; NULL: the core's own */
    sluice_step *handler;
    const char *handler_name;
    const char *auth; /* as written */
    struct needs needs;
    const char *limit; /* NULL: the default policy */
    uint64_t body_max;
    uint32_t flags;
    const char *param_names[ROUTE_PARAMS_MAX];
    size_t param_count;
};

struct router; /* lives in the arena it was made in */

struct match {
    const struct route *route; /* NULL: see `status` */
    unsigned status;           /* 400, 404 or 405 when there is no route */
    const char *allow;         /* for 405 and OPTIONS: "GET, HEAD, OPTIONS, POST", sorted */
    const char *params[ROUTE_PARAMS_MAX]; /* decoded, in the arena given to router_find */
};

struct router *router_new(struct arena *arena);

/* Copies `route` into the router and returns the copy, its param_names filled in. NULL with
 * *ret_error (in the arena) for a bad pattern or a method and path that are taken. */
struct route *router_add(struct router *router, const struct route *route, const char **ret_error);

/* All routes in order of adding; valid until the next router_add. */
struct route *const *router_routes(const struct router *router, size_t *ret_count);

/* `path` is as sent, without its query. HEAD finds GET's route unless one was added for it. OPTIONS
 * finds no route unless one was added for it: status 405, which the core answers with 204. So does
 * the path "*", whose `allow` has every method that any route takes. */
void router_find(const struct router *router, const char *method, const char *path, size_t len,
                 struct arena *arena, struct match *ret_match);

/* Percent-decodes `len` bytes into the arena; `plus` makes + a space (queries). NULL for a broken
 * escape or an encoded NUL. */
const char *percent_decode(struct arena *arena, const char *bytes, size_t len, bool plus);

/* The first parameter of that name in a query string, decoded; NULL when absent or broken. */
const char *query_value(struct arena *arena, const char *query, const char *name);

/* The first cookie of that name in a Cookie header (RFC 6265); NULL when absent. */
const char *cookie_value(struct arena *arena, const char *header, const char *name);

#endif
