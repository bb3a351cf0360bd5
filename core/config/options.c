/* Option tables at work.
 *
 *   rows + mapping -> unknown keys -> each row: node or default -> checked -> stored at its offset
 *                                     GROUP and MAP: the same again, one level down
 *
 * An option that can't be stored is told and left as it was, so that one run finds every error.
 * Values of secrets never reach a message.
 *
 * SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>

/* Where we are: whose options these are, and the place to name for what is missing. */
struct scope {
    const char *path; /* "ratelimit.policies.default", "" for the file itself */
    struct mark where;
    struct arena *arena;
    struct diag *diag;
};

static void fill(const struct scope *scope, struct option_table table, const struct node *mapping,
                 char *base);

/* ---- Rows --------------------------------------------------------------------------------- */

sluice_option option_row(struct option_table table, uint32_t i)
{
    sluice_option row;
    memset(&row, 0, sizeof row);
    memcpy(&row, (const char *)table.rows + (size_t)table.stride * i,
           table.stride < sizeof row ? table.stride : sizeof row);
    return row;
}

struct option_table option_rows(const sluice_option *row)
{
    return (struct option_table){row->rows, row->row_count, row->row_stride};
}

static struct scope scope_below(const struct scope *scope, const char *name, struct mark where)
{
    struct scope below = *scope;
    below.path = *scope->path ? arena_printf(scope->arena, "%s.%s", scope->path, name) : name;
    below.where = where;
    return below;
}

/* ---- Complaints --------------------------------------------------------------------------- */

static const char *describe(const struct scope *scope, const sluice_option *row,
                            const struct node *node)
{
    struct arena *arena = scope->arena;
    if (node->kind != NODE_SCALAR) {
        const char *kind = node->kind == NODE_SEQUENCE ? "list" : "mapping";
        return node->count ? arena_printf(arena, "a %s of size %zu", kind, node->count)
                           : arena_printf(arena, "an empty %s", kind);
    }
    if (row->type == SLUICE_GROUP || row->type == SLUICE_MAP)
        return "a text"; /* which may be a secret that lost its key */
    if (row->flags & SLUICE_SECRET)
        return arena_printf(arena, "a secret of %zu bytes", strlen(node->text));
    const char *quoted = diag_quote(arena, node->text);
    if (row->type == SLUICE_TEXT)
        return arena_printf(arena, "%s, %zu bytes long", quoted, strlen(node->text));
    if (!node->plain && !node->filled && (row->type == SLUICE_INT || row->type == SLUICE_BOOL))
        return arena_printf(arena, "%s in quotes, which makes it a text", quoted);
    return quoted;
}

static void refuse(const struct scope *scope, const sluice_option *row, const struct node *node)
{
    const char *near = NULL;
    if (row->type == SLUICE_CHOICE && row->choices && node->kind == NODE_SCALAR) {
        size_t count = 0;
        while (row->choices[count])
            count++;
        near = nearest_word(node->text, row->choices, count, sizeof *row->choices);
    }
    diag_add(scope->diag, node->mark, "%s is %s; expected %s%s%s%s", scope->path,
             describe(scope, row, node), option_expects(row, scope->arena),
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static const char *join(struct arena *arena, const char *const *words, size_t count)
{
    struct text text;
    text_init(&text, arena);
    for (size_t i = 0; i < count; i++) {
        text_add(&text, i ? ", " : "");
        text_add(&text, words[i]);
    }
    return text.data;
}

static void refuse_key(const struct scope *scope, const struct node_pair *pair,
                       const char *const *known, size_t count)
{
    const char *near = nearest_word(pair->key, known, count, sizeof *known);
    const char *key = diag_quote(scope->arena, pair->key);
    const char *of = *scope->path ? " of " : "";
    if (near)
        diag_add(scope->diag, pair->key_mark, "unknown option %s%s%s; did you mean \"%s\"?", key,
                 of, scope->path, near);
    else if (count)
        diag_add(scope->diag, pair->key_mark, "unknown option %s%s%s; expected one of %s", key, of,
                 scope->path, join(scope->arena, known, count));
    else
        diag_add(scope->diag, pair->key_mark, "unknown option %s%s%s; it has no options", key, of,
                 scope->path);
}

static void refuse_unknown(const struct scope *scope, struct option_table table,
                           const struct node *mapping)
{
    const char **known = arena_array(scope->arena, const char *, table.count + 1);
    size_t count = 0;
    for (uint32_t i = 0; i < table.count; i++) {
        sluice_option row = option_row(table, i);
        if (row.type != SLUICE_NAME)
            known[count++] = row.name;
    }
    for (size_t i = 0; i < mapping->count; i++) {
        size_t k = 0;
        while (k < count && strcmp(known[k], mapping->pairs[i].key) != 0)
            k++;
        if (k == count)
            refuse_key(scope, &mapping->pairs[i], known, count);
    }
}

/* ---- One option --------------------------------------------------------------------------- */

static bool store_int(const sluice_option *row, int64_t value, void *slot)
{
    if (!option_in_bounds(row, value))
        return false;
    memcpy(slot, &value, sizeof value);
    return true;
}

static bool store_choice(const sluice_option *row, const char *text, void *slot)
{
    for (int64_t i = 0; row->choices && row->choices[i]; i++) {
        if (strcmp(row->choices[i], text) != 0)
            continue;
        memcpy(slot, &i, sizeof i);
        return true;
    }
    return false;
}

static bool store_rate(const sluice_option *row, const char *text, void *slot)
{
    sluice_rate rate;
    if (parse_rate(text, &rate) || !option_in_bounds(row, rate.amount))
        return false;
    memcpy(slot, &rate, sizeof rate);
    return true;
}

static bool store_bool(const char *text, void *slot)
{
    bool value;
    if (parse_bool(text, &value))
        return false;
    memcpy(slot, &value, sizeof value);
    return true;
}

static bool store_text(const sluice_option *row, const char *text, void *slot)
{
    if (!option_in_bounds(row, (int64_t)strlen(text)))
        return false;
    memcpy(slot, &text, sizeof text);
    return true;
}

static bool store_scalar(const sluice_option *row, const struct node *node, void *slot)
{
    int64_t value;
    bool typed = node->plain || node->filled;
    switch (row->type) {
    case SLUICE_BOOL:
        return typed && store_bool(node->text, slot);
    case SLUICE_INT:
        return typed && !parse_int(node->text, &value) && store_int(row, value, slot);
    case SLUICE_DURATION:
        return !parse_duration(node->text, &value) && store_int(row, value, slot);
    case SLUICE_SIZE:
        return !parse_size(node->text, &value) && store_int(row, value, slot);
    case SLUICE_RATE:
        return store_rate(row, node->text, slot);
    case SLUICE_CHOICE:
        return store_choice(row, node->text, slot);
    default:
        return store_text(row, node->text, slot);
    }
}

static void put_scalar(const struct scope *scope, const sluice_option *row, const struct node *node,
                       void *slot)
{
    if (node->kind != NODE_SCALAR || !store_scalar(row, node, slot))
        refuse(scope, row, node);
}

static void put_texts(const struct scope *scope, const sluice_option *row, const struct node *node,
                      void *slot)
{
    struct node *const *items = node->kind == NODE_SEQUENCE ? node->items : NULL;
    size_t count = items || node->kind != NODE_SCALAR ? node->count : 1;
    if (node->kind == NODE_MAPPING || !option_in_bounds(row, (int64_t)count)) {
        refuse(scope, row, node);
        return;
    }
    const char **texts = arena_array(scope->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct node *item = items ? items[i] : node;
        if (item->kind != NODE_SCALAR || node_is_null(item)) {
            diag_add(scope->diag, item->mark, "item %zu of %s is %s; expected a text", i + 1,
                     scope->path, node_is_null(item) ? "empty" : describe(scope, row, item));
            return;
        }
        texts[i] = item->text;
    }
    sluice_texts list = {texts, count};
    memcpy(slot, &list, sizeof list);
}

static bool is_name(const char *key)
{
    size_t len = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-");
    return len > 0 && len <= 128 && !key[len] && strcmp(key, ".") != 0 && strcmp(key, "..") != 0;
}

static void put_names(struct option_table table, const char *key, char *item)
{
    for (uint32_t i = 0; i < table.count; i++) {
        sluice_option row = option_row(table, i);
        if (row.type == SLUICE_NAME)
            memcpy(item + row.offset, &key, sizeof key);
    }
}

static void put_map(const struct scope *scope, const sluice_option *row, const struct node *node,
                    void *slot)
{
    if (node->kind != NODE_MAPPING || !option_in_bounds(row, (int64_t)node->count)) {
        refuse(scope, row, node);
        return;
    }
    char *items = arena_alloc(scope->arena, row->item_size * node->count, _Alignof(max_align_t));
    for (size_t i = 0; i < node->count; i++) {
        const struct node_pair *pair = &node->pairs[i];
        struct scope below = scope_below(scope, pair->key, pair->key_mark);
        if (!is_name(pair->key))
            diag_add(scope->diag, pair->key_mark,
                     "%s in %s is no name; expected 1 to 128 of A-Z a-z 0-9 . _ @ -",
                     diag_quote(scope->arena, pair->key), scope->path);
        put_names(option_rows(row), pair->key, items + i * row->item_size);
        fill(&below, option_rows(row), pair->value, items + i * row->item_size);
    }
    sluice_map map = {node->count ? items : NULL, node->count};
    memcpy(slot, &map, sizeof map);
}

/* The default as a node, NULL where there is none. What is wrong with it is told at a place that
 * says whose mistake it is. */
static const struct node *fallback(const struct scope *scope, const sluice_option *row)
{
    if (!row->fallback)
        return NULL;
    const char *file = arena_printf(
        scope->arena, "built-in default of %s (a mistake in the program, not in this file)",
        scope->path);
    if (*row->fallback)
        return yaml_parse(scope->arena, file, row->fallback, strlen(row->fallback), scope->diag);
    struct node *empty = node_scalar(scope->arena, "", (struct mark){file, 1, 1});
    empty->plain = false;
    return empty;
}

static void refuse_type(const struct scope *scope, const sluice_option *row)
{
    diag_add(scope->diag, scope->where,
             "%s has a type (%u) that this gateway does not know; expected one of ABI %d.%d: "
             "update the gateway, or build the plugin for it",
             scope->path, row->type, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR);
}

static void put(const struct scope *scope, const sluice_option *row, const struct node *node,
                void *slot)
{
    if (node_is_null(node)) {
        if (row->flags & SLUICE_REQUIRED) {
            diag_add(scope->diag, node ? node->mark : scope->where, "%s is missing; expected %s",
                     scope->path, option_expects(row, scope->arena));
            return;
        }
        node = fallback(scope, row);
        if (!node && row->type != SLUICE_GROUP)
            return;
    }
    if (row->type == SLUICE_GROUP)
        fill(scope, option_rows(row), node, slot);
    else if (row->type == SLUICE_MAP)
        put_map(scope, row, node, slot);
    else if (row->type == SLUICE_TEXTS)
        put_texts(scope, row, node, slot);
    else if (row->type == OPTION_NODE)
        memcpy(slot, &node, sizeof node);
    else
        put_scalar(scope, row, node, slot);
}

static void fill(const struct scope *scope, struct option_table table, const struct node *mapping,
                 char *base)
{
    if (node_is_null(mapping))
        mapping = NULL;
    if (mapping && mapping->kind != NODE_MAPPING) {
        refuse(scope, &(sluice_option){.type = SLUICE_GROUP}, mapping);
        return;
    }
    if (mapping)
        refuse_unknown(scope, table, mapping);
    for (uint32_t i = 0; i < table.count; i++) {
        sluice_option row = option_row(table, i);
        const struct node_pair *pair = node_pair(mapping, row.name);
        struct scope below = scope_below(scope, row.name, pair ? pair->key_mark : scope->where);
        if (row.type > SLUICE_NAME && row.type != OPTION_NODE)
            refuse_type(&below, &row);
        else if (row.type != SLUICE_NAME)
            put(&below, &row, pair ? pair->value : NULL, base + row.offset);
    }
}

void options_apply(struct option_table table, const char *owner, const struct node *mapping,
                   struct mark where, void *base, struct arena *arena, struct diag *diag)
{
    struct scope scope = {owner, where, arena, diag};
    fill(&scope, table, mapping, base);
}

struct mark options_place(const struct node *mapping, const char *path, struct mark fallback_mark)
{
    struct mark place = fallback_mark;
    while (*path) {
        const struct node_pair *pair = node_step(mapping, path, &path);
        if (!pair)
            return place;
        place = pair->key_mark;
        mapping = pair->value;
    }
    return mapping && mapping->kind == NODE_SCALAR && !node_is_null(mapping) ? mapping->mark
                                                                             : place;
}
