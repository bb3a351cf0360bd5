/* YAML as a tree with places: the libyaml event API with caps on size (1 MiB), depth (32) and
 * aliases (refused above 100 uses or 10,000 expanded nodes).
 *
 * Nodes live in the arena; an alias shares the nodes of its anchor. Duplicate keys, several
 * documents, tags, merge keys and non-scalar keys are errors.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_YAML_TREE_H
#define SLUICE_CORE_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "diag.h"

#define YAML_SIZE_MAX ((size_t)1 << 20) /* bytes of a document */
#define YAML_DEPTH_MAX 32u              /* collections within each other */

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node_pair {
    const char *key;
    struct mark key_mark;
    struct node *value;
};

struct node {
    enum node_kind kind;
    struct mark mark;
    bool plain;       /* a scalar without quotes: may be a number, a boolean, null */
    bool filled;      /* a scalar whose $ have been filled in: not once more, see interpolate.h */
    const char *text; /* of a scalar */
    size_t count;     /* of items or pairs */
    struct node **items;
    struct node_pair *pairs;
};

/* The root of the document in `text`, an empty mapping for an empty one. What leaves a tree
 * (duplicate keys, tags) is only told in `diag`, so that other errors can be found as well; NULL
 * where nothing can be made of the text. */
struct node *yaml_parse(struct arena *arena, const char *file, const char *text, size_t len,
                        struct diag *diag);

struct node *node_new(struct arena *arena, enum node_kind kind, struct mark mark); /* empty */
struct node *node_scalar(struct arena *arena, const char *text, struct mark mark); /* plain */

/* The pair, or the value, of a key of a mapping; NULL when absent or for what is no mapping. */
struct node_pair *node_pair(const struct node *mapping, const char *key);
struct node *node_find(const struct node *mapping, const char *key);

/* The pair that a dotted path begins with, the longest key first (names may have dots), and the
 * rest of the path without its dot. NULL when there is none. */
struct node_pair *node_step(const struct node *mapping, const char *path, const char **ret_rest);

/* Appends; the key must not be there yet. */
void node_add(struct arena *arena, struct node *mapping, const struct node_pair *pair);
void node_push(struct arena *arena, struct node *sequence, struct node *item);

bool node_says_null(const struct node *node); /* a plain ~, null or nothing */

static inline bool node_is_null(const struct node *node)
{
    return !node || node_says_null(node);
}

#endif
