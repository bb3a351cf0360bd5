/* Plugins and routes of config.yaml.
 *
 *   plugins:  - NAME | NAME: {options} | {path: FILE.so, config: {options}}  ->  plugin_setting
 *   routes:   METHOD /path: {auth, limit, body}                              ->  route_setting
 *
 * What a plugin's options mean is not looked at here: its own table does that once it is loaded.
 * Neither are auth and limit: the gateway knows them when it has all routes and policies.
 *
 * SPDX-License-Identifier: MIT */
#include "settings_lists.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "options.h"

static const char entry_forms[] =
    "expected `- NAME`, `- NAME: {options}` or `- {path: FILE.so, config: {options}}`";

const char *settings_path(struct arena *arena, const char *folder, const char *path)
{
    return *path == '/' ? path : arena_printf(arena, "%s/%s", folder, path);
}

/* ---- What the entries have ---------------------------------------------------------------- */

const sluice_option settings_plugin_rows[SETTINGS_PLUGIN_ROWS] = {
    {.name = "path",
     .type = SLUICE_TEXT,
     .flags = SLUICE_REQUIRED,
     .offset = offsetof(struct plugin_setting, path),
     .min = 1,
     .max = 4095,
     .help = "a third party's plugin, relative to this file"},
    {.name = "config",
     .type = OPTION_NODE,
     .offset = offsetof(struct plugin_setting, config),
     .help = "its options"},
};

const sluice_option settings_route_rows[SETTINGS_ROUTE_ROWS] = {
    {.name = "auth",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct route_setting, auth),
     .min = 1,
     .max = 1024,
     .help = "none, client, session, admin, self, scope:<name>, joined by commas"},
    {.name = "limit",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct route_setting, limit),
     .min = 1,
     .max = 128,
     .help = "a limit policy's name, several joined by +, or none"},
    {.name = "body",
     .type = SLUICE_SIZE,
     .offset = offsetof(struct route_setting, body_max),
     .min = 0,
     .max = INT64_C(1) << 30,
     .help = "the most a request's body may have"},
};

/* ---- Plugins ------------------------------------------------------------------------------ */

/* What reading one entry needs. */
struct list {
    const char *folder;
    struct arena *arena;
    struct diag *diag;
};

static const char *kind_of(const struct node *node)
{
    if (node_is_null(node))
        return "empty";
    if (node->kind == NODE_SCALAR)
        return "a text";
    return node->kind == NODE_SEQUENCE ? "a list" : "a mapping";
}

/* Options are a mapping or nothing. */
static const struct node *options_of(const struct list *list, const char *plugin,
                                     const struct node *node)
{
    if (node_is_null(node))
        return NULL;
    if (node->kind == NODE_MAPPING)
        return node;
    diag_add(list->diag, node->mark,
             "%s is followed by %s; expected its options as a mapping, for example %s: {}", plugin,
             kind_of(node), plugin);
    return NULL;
}

static int name_plugin(const struct list *list, struct plugin_setting *plugin, const char *name,
                       struct mark mark)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    if (len == 0 || len > 64 || name[len]) {
        diag_add(list->diag, mark,
                 "%s is no plugin's name; expected letters, digits, _ and -; a plugin of your own "
                 "is listed as `- path: FILE.so`",
                 diag_quote(list->arena, name));
        return -EINVAL;
    }
    plugin->name = name;
    return 0;
}

/* {path: FILE.so, config: {options}} */
static int read_own(const struct list *list, struct plugin_setting *plugin,
                    const struct node *entry)
{
    const struct option_table plugin_table = {settings_plugin_rows, SETTINGS_PLUGIN_ROWS,
                                              sizeof *settings_plugin_rows};
    unsigned errors = list->diag->count;
    options_apply(plugin_table, "plugins", entry, entry->mark, plugin, list->arena, list->diag);
    plugin->config = options_of(list, "config", plugin->config);
    if (list->diag->count > errors)
        return -EINVAL;
    plugin->path = settings_path(list->arena, list->folder, plugin->path);
    return 0;
}

static int read_entry(const struct list *list, struct plugin_setting *plugin,
                      const struct node *entry)
{
    plugin->mark = entry->mark;
    if (entry->kind == NODE_SCALAR && !node_is_null(entry))
        return name_plugin(list, plugin, entry->text, entry->mark);
    if (entry->kind != NODE_MAPPING || entry->count == 0) {
        diag_add(list->diag, entry->mark, "an entry of plugins is %s; %s",
                 entry->kind == NODE_MAPPING ? "an empty mapping" : kind_of(entry), entry_forms);
        return -EINVAL;
    }
    if (node_pair(entry, "path") || node_pair(entry, "config"))
        return read_own(list, plugin, entry);
    const struct node_pair *pair = &entry->pairs[0];
    if (entry->count > 1) {
        diag_add(list->diag, entry->pairs[1].key_mark,
                 "%s stands beside the plugin %s; indent it if it is an option of that plugin, or "
                 "begin its line with - if it is another plugin",
                 diag_quote(list->arena, entry->pairs[1].key), pair->key);
        return -EINVAL;
    }
    plugin->mark = pair->key_mark;
    plugin->config = options_of(list, pair->key, pair->value);
    return name_plugin(list, plugin, pair->key, pair->key_mark);
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool is_taken(const struct list *list, const struct settings *settings,
                     const struct plugin_setting *plugin)
{
    for (size_t i = 0; i < settings->plugin_count; i++) {
        const struct plugin_setting *other = &settings->plugins[i];
        if (!same(plugin->name, other->name) && !same(plugin->path, other->path))
            continue;
        diag_add(list->diag, plugin->mark,
                 "the plugin %s is listed twice, first at line %u of %s; leave one of them out",
                 plugin->name ? plugin->name : plugin->path, other->mark.line, other->mark.file);
        return true;
    }
    return false;
}

void settings_read_plugins(struct settings *settings, const struct node *node, const char *folder,
                           struct arena *arena, struct diag *diag)
{
    struct list list = {folder, arena, diag};
    if (node_is_null(node))
        return;
    if (node->kind != NODE_SEQUENCE) {
        diag_add(diag, node->mark, "plugins is %s; expected a list: %s", kind_of(node),
                 entry_forms);
        return;
    }
    settings->plugins = arena_array(arena, struct plugin_setting, node->count + 1);
    for (size_t i = 0; i < node->count; i++) {
        struct plugin_setting plugin = {0};
        if (read_entry(&list, &plugin, node->items[i]) == 0 && !is_taken(&list, settings, &plugin))
            settings->plugins[settings->plugin_count++] = plugin;
    }
}

/* ---- Routes ------------------------------------------------------------------------------- */

/* "METHOD /path" in two, at one or more spaces. */
static int split_route(struct route_setting *route, const char *key, struct arena *arena)
{
    size_t method = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    size_t gap = strspn(key + method, " ");
    const char *path = key + method + gap;
    if (method == 0 || gap == 0 || *path != '/' || strpbrk(path, " ?#"))
        return -EINVAL;
    route->method = arena_copy(arena, key, method);
    route->path = path;
    return 0;
}

static void read_route(struct settings *settings, const struct node_pair *pair, struct arena *arena,
                       struct diag *diag)
{
    const struct option_table route_table = {settings_route_rows, SETTINGS_ROUTE_ROWS,
                                             sizeof *settings_route_rows};
    struct route_setting route = {.body_max = -1, .mark = pair->key_mark};
    if (split_route(&route, pair->key, arena))
        diag_add(diag, pair->key_mark,
                 "%s is no route; expected a method and a path, for example GET "
                 "/leaderboard/rank/{userId}",
                 diag_quote(arena, pair->key));
    options_apply(route_table, pair->key, pair->value, pair->key_mark, &route, arena, diag);
    route.auth_mark = options_place(pair->value, "auth", pair->key_mark);
    route.limit_mark = options_place(pair->value, "limit", pair->key_mark);
    settings->routes[settings->route_count++] = route;
}

void settings_read_routes(struct settings *settings, const struct node *node, struct arena *arena,
                          struct diag *diag)
{
    if (node_is_null(node))
        return;
    if (node->kind != NODE_MAPPING) {
        diag_add(diag, node->mark,
                 "routes is %s; expected a mapping, for example GET /leaderboard/top: {auth: none}",
                 kind_of(node));
        return;
    }
    settings->routes = arena_array(arena, struct route_setting, node->count + 1);
    for (size_t i = 0; i < node->count; i++)
        read_route(settings, &node->pairs[i], arena, diag);
}
