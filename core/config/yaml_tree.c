/* Nodes of a YAML tree: making, extending, finding.
 *
 *   node_new -> node_push / node_add -> node_find, node_step
 *
 * Keys are found by looking at all of them: configurations are small, and each option is looked up
 * once.
 *
 * SPDX-License-Identifier: MIT */
#include "yaml_tree.h"

#include <string.h>

struct node *node_new(struct arena *arena, enum node_kind kind, struct mark mark)
{
    struct node *node = arena_new(arena, struct node);
    node->kind = kind;
    node->mark = mark;
    return node;
}

struct node *node_scalar(struct arena *arena, const char *text, struct mark mark)
{
    struct node *node = node_new(arena, NODE_SCALAR, mark);
    node->text = arena_copy_text(arena, text);
    node->plain = true;
    return node;
}

/* Room for one item more: arrays grow by doubling, whenever their count is a power of two. */
static void *grown(struct arena *arena, void *items, size_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    void *larger = arena_alloc(arena, (count ? count * 2 : 1) * size, _Alignof(void *));
    if (count)
        memcpy(larger, items, count * size);
    return larger;
}

void node_push(struct arena *arena, struct node *sequence, struct node *item)
{
    sequence->items = grown(arena, sequence->items, sequence->count, sizeof *sequence->items);
    sequence->items[sequence->count++] = item;
}

void node_add(struct arena *arena, struct node *mapping, const struct node_pair *pair)
{
    mapping->pairs = grown(arena, mapping->pairs, mapping->count, sizeof *mapping->pairs);
    mapping->pairs[mapping->count++] = *pair;
}

struct node_pair *node_pair(const struct node *mapping, const char *key)
{
    if (!mapping || mapping->kind != NODE_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++)
        if (strcmp(mapping->pairs[i].key, key) == 0)
            return &mapping->pairs[i];
    return NULL;
}

struct node *node_find(const struct node *mapping, const char *key)
{
    struct node_pair *pair = node_pair(mapping, key);
    return pair ? pair->value : NULL;
}

struct node_pair *node_step(const struct node *mapping, const char *path, const char **ret_rest)
{
    struct node_pair *longest = NULL;
    size_t longest_len = 0;
    if (!mapping || mapping->kind != NODE_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++) {
        size_t len = strlen(mapping->pairs[i].key);
        if (len <= longest_len || strncmp(path, mapping->pairs[i].key, len) != 0)
            continue;
        if (path[len] != '.' && path[len] != '\0')
            continue;
        longest = &mapping->pairs[i];
        longest_len = len;
    }
    if (longest)
        *ret_rest = path + longest_len + (path[longest_len] == '.');
    return longest;
}

bool node_says_null(const struct node *node)
{
    if (node->kind != NODE_SCALAR || !node->plain)
        return false;
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (strcmp(node->text, nulls[i]) == 0)
            return true;
    return false;
}
