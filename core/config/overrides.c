/* `--set a.b.c=value`: a path walked down a YAML tree, and a value hung at its end.
 *
 *   "a.b.c=value" -> path + YAML node -> mapping a -> mapping b -> pair c replaced or added
 *   "plugins.NAME..." -> the list entry NAME, as a mapping {NAME: options} -> the same walk
 *
 * SPDX-License-Identifier: MIT */
#include "overrides.h"

#include <errno.h>
#include <string.h>

/* One --set on its way down. */
struct override {
    struct arena *arena;
    struct diag *diag;
    struct mark mark; /* "--set a.b.c", 1, 1: what --set makes has this place */
    struct node *value;
};

/* `node` as a mapping that is nobody else's: a copy, or a new one for nothing. NULL after an
 * error. */
static struct node *own_mapping(struct override *set, const struct node *node, const char *rest)
{
    if (node_is_null(node))
        return node_new(set->arena, NODE_MAPPING, set->mark);
    if (node->kind != NODE_MAPPING) {
        diag_add(set->diag, set->mark,
                 "what is before .%s is a %s at line %u of %s; expected a mapping", rest,
                 node->kind == NODE_SEQUENCE ? "list" : "text", node->mark.line, node->mark.file);
        return NULL;
    }
    struct node *copy = node_new(set->arena, NODE_MAPPING, node->mark);
    for (size_t i = 0; i < node->count; i++)
        node_add(set->arena, copy, &node->pairs[i]);
    return copy;
}

/* The pair that the path goes on with, made if need be. */
static struct node_pair *step(struct override *set, struct node *mapping, const char *path,
                              const char **ret_rest)
{
    struct node_pair *pair = node_step(mapping, path, ret_rest);
    if (pair)
        return pair;
    size_t len = strcspn(path, ".");
    struct node_pair added = {arena_copy(set->arena, path, len), set->mark, NULL};
    node_add(set->arena, mapping, &added);
    *ret_rest = path + len + (path[len] == '.');
    return &mapping->pairs[mapping->count - 1];
}

/* Puts the value at `path` below `mapping`, which may be changed. */
static void put(struct override *set, struct node *mapping, const char *path)
{
    while (mapping) {
        struct node_pair *pair = step(set, mapping, path, &path);
        if (!*path) {
            pair->value = set->value;
            return;
        }
        mapping = own_mapping(set, pair->value, path);
        if (mapping)
            pair->value = mapping;
    }
}

/* ---- Plugins ------------------------------------------------------------------------------ */

/* Whether a list entry is `NAME` or `NAME: options`, for the NAME that `path` begins with. */
static bool is_entry_of(const struct node *entry, const char *path)
{
    const char *rest;
    size_t len = strcspn(path, ".");
    if (entry->kind == NODE_SCALAR)
        return strlen(entry->text) == len && strncmp(entry->text, path, len) == 0;
    return node_step(entry, path, &rest) != NULL;
}

/* A copy of the list in which the named plugin has an entry that can be walked into; the entry is
 * that mapping. NULL after an error. */
static struct node *own_entry(struct override *set, const struct node *list, const char *path,
                              struct node **ret_entry)
{
    struct node *copy = node_new(set->arena, NODE_SEQUENCE, list ? list->mark : set->mark);
    struct node *found = NULL;
    for (size_t i = 0; !node_is_null(list) && i < list->count; i++) {
        struct node *entry = list->items[i];
        if (!found && is_entry_of(entry, path)) {
            found = entry->kind == NODE_MAPPING ? own_mapping(set, entry, path)
                                                : node_new(set->arena, NODE_MAPPING, entry->mark);
            entry = found;
        }
        node_push(set->arena, copy, entry);
    }
    if (!found) {
        found = node_new(set->arena, NODE_MAPPING, set->mark);
        node_push(set->arena, copy, found);
    }
    *ret_entry = found;
    return copy;
}

static void put_plugin(struct override *set, struct node *root, const char *path)
{
    const char *rest;
    struct node_pair *pair = step(set, root, "plugins", &rest);
    if (!node_is_null(pair->value) && pair->value->kind != NODE_SEQUENCE)
        return; /* which is told when the list is read */
    struct node *entry;
    pair->value = own_entry(set, pair->value, path, &entry);
    put(set, entry, path);
}

/* ---- One --set ---------------------------------------------------------------------------- */

/* A path has names between its dots. */
static bool is_path(const char *path)
{
    return *path && *path != '.' && path[strlen(path) - 1] != '.' && !strstr(path, "..");
}

static void apply(struct override *set, struct node *root, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *path =
        equals ? arena_copy(set->arena, text, (size_t)(equals - text)) : "(without =)";
    set->mark = (struct mark){arena_printf(set->arena, "--set %s", path), 1, 1};
    if (!equals || !is_path(path)) {
        diag_add(set->diag, set->mark,
                 "no path and value; expected key=value, for example --set redis.timeout=100ms");
        return;
    }
    const char *value = equals + 1;
    set->value = *value ? yaml_parse(set->arena, set->mark.file, value, strlen(value), set->diag)
                        : node_scalar(set->arena, "", set->mark);
    if (!set->value)
        return;
    static const char plugins[] = "plugins.";
    if (strncmp(path, plugins, sizeof plugins - 1) == 0)
        put_plugin(set, root, path + sizeof plugins - 1);
    else
        put(set, root, path);
}

void overrides_apply(struct node *root, const char *const *sets, size_t count, struct arena *arena,
                     struct diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        struct override set = {.arena = arena, .diag = diag};
        apply(&set, root, sets[i]);
    }
}
