/* A configuration made ready: read the file, load what it names, compile the routes, and refuse
 * what can't be right.
 *
 * SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <errno.h>
#include <string.h>

#include "health.h"

/* ---- config.yaml alone -------------------------------------------------------------------- */

int gateway_read(struct gateway *gateway, const struct gateway_source *source, struct diag *diag)
{
    memset(gateway, 0, sizeof *gateway);
    settings_load(&gateway->settings, &gateway->arena, source->config, source->sets,
                  source->set_count, diag);
    return diag->count ? -EINVAL : 0;
}

/* ---- Routes ------------------------------------------------------------------------------- */

static void parse_needs(struct gateway *gateway, struct route *route, struct mark mark,
                        struct diag *diag)
{
    const char *wrong = NULL;
    if (needs_parse(&route->needs, &gateway->arena, route->auth, &wrong) < 0)
        diag_add(diag, mark,
                 "%s %s: \"%s\" is no auth requirement; expected none, client, session, admin, "
                 "self or scope:<name>, joined by commas",
                 route->method, route->pattern, wrong);
}

static struct route *find_route(struct gateway *gateway, const struct route_setting *setting)
{
    size_t count;
    struct route *const *routes = router_routes(gateway->router, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(routes[i]->method, setting->method) == 0 &&
            strcmp(routes[i]->pattern, setting->path) == 0)
            return routes[i];
    return NULL;
}

static const char *nearest_route(struct gateway *gateway, const char *path)
{
    size_t count;
    struct route *const *routes = router_routes(gateway->router, &count);
    const char **patterns = arena_array(&gateway->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        patterns[i] = routes[i]->pattern;
    return nearest_word(path, patterns, count, sizeof *patterns);
}

static void override(struct gateway *gateway, const struct route_setting *setting,
                     struct diag *diag)
{
    struct route *route = find_route(gateway, setting);
    if (!route) {
        const char *near = nearest_route(gateway, setting->path);
        diag_add(diag, setting->mark, "no plugin has the route %s %s%s%s%s", setting->method,
                 setting->path, near ? "; did you mean \"" : "; sluice routes lists them all",
                 near ? near : "", near ? "\"?" : "");
        return;
    }
    if (setting->auth) {
        route->auth = setting->auth;
        parse_needs(gateway, route, setting->auth_mark, diag);
    }
    if (setting->limit)
        route->limit = setting->limit;
    if (setting->body_max >= 0)
        route->body_max = (uint64_t)setting->body_max;
}

static struct mark place_of(const struct gateway *gateway, const struct route *route)
{
    if (route->plugin && route->plugin->setting)
        return route->plugin->setting->mark;
    return (struct mark){gateway->settings.file, 0, 0};
}

/* Access is never opened by leaving a plugin out: a route that asks for an identity that nobody can
 * give is an error, not a route without protection. */
static void check_identity(const struct gateway *gateway, const struct route *route,
                           struct diag *diag)
{
    uint32_t wanted = needs_identities(&route->needs);
    uint32_t given = plugins_identities(&gateway->plugins);
    if (wanted == 0 || (wanted & given))
        return;
    diag_add(diag, place_of(gateway, route),
             "%s %s needs \"%s\", and no loaded plugin can say who a %s is; enable the plugin "
             "that does (%s), or override the route's auth under routes:",
             route->method, route->pattern, route->auth,
             wanted & SLUICE_IDENTITY_CLIENT ? "client" : "session's user",
             wanted & SLUICE_IDENTITY_CLIENT ? "apikey" : "session");
}

/* A limit is a policy's name, or several joined by '+'. */
static void check_limit(struct gateway *gateway, const struct route *route, struct diag *diag)
{
    if (!gateway->plugins.policies || !route->limit || strcmp(route->limit, "none") == 0)
        return;
    for (const char *at = route->limit; at; at = strchr(at, '+') ? strchr(at, '+') + 1 : NULL) {
        const char *name = arena_copy(&gateway->arena, at, strcspn(at, "+"));
        if (!plugins_have_policy(&gateway->plugins, name))
            diag_add(diag, place_of(gateway, route), "%s %s: there is no limit policy \"%s\"",
                     route->method, route->pattern, name);
    }
}

static void finish_routes(struct gateway *gateway, struct diag *diag)
{
    size_t count;
    struct route *const *routes = router_routes(gateway->router, &count);
    for (size_t i = 0; i < count; i++) {
        if (!routes[i]->body_max)
            routes[i]->body_max = (uint64_t)gateway->settings.http.body_max;
        check_identity(gateway, routes[i], diag);
        check_limit(gateway, routes[i], diag);
    }
}

int gateway_build(struct gateway *gateway, const struct gateway_source *source, struct diag *diag)
{
    const char *error = NULL;
    gateway->router = router_new(&gateway->arena);
    if (health_add_routes(gateway->router, &error) < 0)
        diag_add(diag, (struct mark){"core", 0, 0}, "%s", error);
    plugins_load(&gateway->plugins, &gateway->arena, &gateway->settings, gateway->router,
                 source->copies, diag);
    for (size_t i = 0; i < gateway->settings.route_count; i++)
        override(gateway, &gateway->settings.routes[i], diag);
    finish_routes(gateway, diag);
    return diag->count ? -EINVAL : 0;
}

void gateway_release(struct gateway *gateway)
{
    arena_release(&gateway->arena);
}
