/* YAML events into a tree.
 *
 *   text --libyaml--> event -> innermost open collection -> root
 *                         anchor -> alias: the same node once more
 *
 * libyaml has no limit on nesting and is quadratic on deep input, so parsing stops at the first
 * collection that is too deep; the same for aliases that would blow the tree up. Errors that leave
 * a tree are told and parsing goes on.
 *
 * SPDX-License-Identifier: MIT */
#include "yaml_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#define ALIASES_MAX 100u
#define ALIASED_NODES_MAX 10000u

struct anchor {
    const char *name;
    struct node *node;
    struct anchor *next;
};

/* A collection whose end has not come yet. */
struct open {
    struct node *node;
    const char *anchor;    /* NULL: none */
    struct node_pair pair; /* of a mapping: the key that waits for its value */
    bool keyed;            /* `pair` has its key; a NULL one was unusable: its value is dropped */
};

struct builder {
    struct arena *arena;
    const char *file;
    struct diag *diag;
    struct node *root;
    struct anchor *anchors; /* newest first: a name may be given again */
    struct open open[YAML_DEPTH_MAX];
    unsigned depth;
    unsigned documents;
    unsigned aliases;
    size_t aliased_nodes;
};

static struct mark mark_of(const struct builder *builder, const yaml_mark_t *at)
{
    return (struct mark){builder->file, (unsigned)at->line + 1, (unsigned)at->column + 1};
}

/* ---- Building ----------------------------------------------------------------------------- */

/* A key's text, or NULL after an error. */
static const char *key_of(struct builder *builder, const struct node *node, struct mark mark)
{
    if (node->kind != NODE_SCALAR) {
        diag_add(builder->diag, mark, "a key is a %s; expected a name",
                 node->kind == NODE_SEQUENCE ? "list" : "mapping");
        return NULL;
    }
    if (node->plain && strcmp(node->text, "<<") == 0) {
        diag_add(builder->diag, mark,
                 "merge keys (<<) are not supported; write the keys out, or use an alias for the "
                 "whole mapping");
        return NULL;
    }
    if (!*node->text) {
        diag_add(builder->diag, mark, "a key is empty; expected `name: value`");
        return NULL;
    }
    return node->text;
}

/* Puts a node where the events are: as root, item, key or value. */
static void attach(struct builder *builder, struct node *node, struct mark mark)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    struct open *open = &builder->open[builder->depth - 1];
    if (open->node->kind == NODE_SEQUENCE) {
        node_push(builder->arena, open->node, node);
    } else if (!open->keyed) {
        open->pair = (struct node_pair){key_of(builder, node, mark), mark, NULL};
        open->keyed = true;
    } else {
        open->pair.value = node;
        if (open->pair.key)
            node_add(builder->arena, open->node, &open->pair);
        open->keyed = false;
    }
}

static void name_anchor(struct builder *builder, const char *name, struct node *node)
{
    if (!name)
        return;
    struct anchor *anchor = arena_new(builder->arena, struct anchor);
    *anchor = (struct anchor){name, node, builder->anchors};
    builder->anchors = anchor;
}

static void refuse_tag(struct builder *builder, const yaml_char_t *tag, struct mark mark)
{
    if (tag)
        diag_add(builder->diag, mark,
                 "the tag %s is not supported; leave it out: each option knows its own type",
                 diag_quote(builder->arena, (const char *)tag));
}

static int scalar(struct builder *builder, const yaml_event_t *event)
{
    struct mark mark = mark_of(builder, &event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    refuse_tag(builder, event->data.scalar.tag, mark);
    if (memchr(text, 0, event->data.scalar.length))
        diag_add(builder->diag, mark, "a text has a NUL character (\\0) in it; leave it out");

    struct node *node = node_scalar(builder->arena, text, mark);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (event->data.scalar.anchor)
        name_anchor(builder,
                    arena_copy_text(builder->arena, (const char *)event->data.scalar.anchor), node);
    attach(builder, node, mark);
    return 0;
}

static int too_deep(struct builder *builder, struct mark mark)
{
    diag_add(builder->diag, mark, "nested too deeply; at most %u levels are read", YAML_DEPTH_MAX);
    return -E2BIG;
}

static int open_collection(struct builder *builder, enum node_kind kind, const yaml_char_t *tag,
                           const yaml_char_t *anchor, struct mark mark)
{
    if (builder->depth == YAML_DEPTH_MAX)
        return too_deep(builder, mark);
    refuse_tag(builder, tag, mark);
    struct node *node = node_new(builder->arena, kind, mark);
    attach(builder, node, mark);
    struct open *open = &builder->open[builder->depth++];
    *open = (struct open){.node = node};
    if (anchor)
        open->anchor = arena_copy_text(builder->arena, (const char *)anchor);
    return 0;
}

/* By key, then in order of the file: the pairs are one array. */
static int by_key(const void *a, const void *b)
{
    const struct node_pair *one = *(const struct node_pair *const *)a;
    const struct node_pair *other = *(const struct node_pair *const *)b;
    int order = strcmp(one->key, other->key);
    return order ? order : (one > other) - (one < other);
}

static void refuse_duplicates(struct builder *builder, const struct node *mapping)
{
    if (mapping->count < 2)
        return;
    const struct node_pair **sorted =
        arena_array(builder->arena, const struct node_pair *, mapping->count);
    for (size_t i = 0; i < mapping->count; i++)
        sorted[i] = &mapping->pairs[i];
    qsort(sorted, mapping->count, sizeof *sorted, by_key);
    for (size_t i = 1; i < mapping->count; i++)
        if (strcmp(sorted[i]->key, sorted[i - 1]->key) == 0)
            diag_add(builder->diag, sorted[i]->key_mark,
                     "%s is here twice, the other one at line %u; leave one of them out",
                     diag_quote(builder->arena, sorted[i]->key), sorted[i - 1]->key_mark.line);
}

static void close_collection(struct builder *builder)
{
    struct open *open = &builder->open[--builder->depth];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): libyaml ends only what has begun */
    if (open->node->kind == NODE_MAPPING)
        refuse_duplicates(builder, open->node);
    name_anchor(builder, open->anchor, open->node); /* only now: no node can hold itself */
}

/* ---- Aliases ------------------------------------------------------------------------------ */

/* Nodes below and with `node`, aliases expanded; counts no further than `most`. */
static size_t weigh(const struct node *node, size_t most)
{
    size_t weight = 1;
    for (size_t i = 0; node->kind != NODE_SCALAR && i < node->count && weight < most; i++)
        weight += weigh(node->kind == NODE_SEQUENCE ? node->items[i] : node->pairs[i].value,
                        most - weight);
    return weight;
}

/* Levels of collections; weigh() has seen that the node is small. */
static unsigned height(const struct node *node)
{
    unsigned highest = 0;
    for (size_t i = 0; node->kind != NODE_SCALAR && i < node->count; i++) {
        unsigned level =
            height(node->kind == NODE_SEQUENCE ? node->items[i] : node->pairs[i].value);
        highest = level > highest ? level : highest;
    }
    return node->kind == NODE_SCALAR ? 0 : highest + 1;
}

static int alias(struct builder *builder, const yaml_event_t *event)
{
    struct mark mark = mark_of(builder, &event->start_mark);
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = builder->anchors;
    while (anchor && strcmp(anchor->name, name) != 0)
        anchor = anchor->next;
    if (!anchor) {
        diag_add(builder->diag, mark,
                 "the alias *%.60s names nothing; expected an anchor &%.60s on a value that ends "
                 "before this line",
                 name, name);
        attach(builder, node_scalar(builder->arena, "", mark), mark);
        return 0;
    }
    builder->aliased_nodes += weigh(anchor->node, ALIASED_NODES_MAX + 1);
    if (++builder->aliases > ALIASES_MAX || builder->aliased_nodes > ALIASED_NODES_MAX) {
        diag_add(builder->diag, mark,
                 "too much by aliases; at most %u uses and %u values through them are read",
                 ALIASES_MAX, ALIASED_NODES_MAX);
        return -E2BIG;
    }
    if (builder->depth + height(anchor->node) > YAML_DEPTH_MAX)
        return too_deep(builder, mark);
    attach(builder, anchor->node, mark);
    return 0;
}

/* ---- Parsing ------------------------------------------------------------------------------ */

static int document(struct builder *builder, const yaml_event_t *event)
{
    if (builder->documents++ == 0)
        return 0;
    diag_add(builder->diag, mark_of(builder, &event->start_mark),
             "a second document starts here; expected one: remove the line `---`");
    return -EINVAL;
}

static int take(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return document(builder, event);
    case YAML_SCALAR_EVENT:
        return scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(builder, NODE_SEQUENCE, event->data.sequence_start.tag,
                               event->data.sequence_start.anchor,
                               mark_of(builder, &event->start_mark));
    case YAML_MAPPING_START_EVENT:
        return open_collection(builder, NODE_MAPPING, event->data.mapping_start.tag,
                               event->data.mapping_start.anchor,
                               mark_of(builder, &event->start_mark));
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(builder);
        return 0;
    case YAML_ALIAS_EVENT:
        return alias(builder, event);
    default:
        return 0;
    }
}

/* The reader knows no lines: its errors (bytes that are no text) come with an offset. */
static struct mark mark_at(const char *file, const char *text, size_t len, size_t offset)
{
    struct mark mark = {file, 1, 1};
    for (size_t i = 0; i < len && i < offset; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            mark.column++; /* characters, not bytes */
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 1;
        }
    }
    return mark;
}

static void refuse_syntax(struct builder *builder, const yaml_parser_t *parser, const char *text,
                          size_t len)
{
    const char *problem = parser->problem ? parser->problem : "out of memory";
    if (parser->error == YAML_READER_ERROR) {
        diag_add(builder->diag, mark_at(builder->file, text, len, parser->problem_offset),
                 "not a text: %s; expected UTF-8 without control characters", problem);
        return;
    }
    const char *advice = strstr(problem, "expected ','")
                             ? "close the bracket; inside [ ] and { } write \"${NAME}\" in quotes"
                             : "look at indentation (spaces, no tabs), colons and quotes";
    struct mark mark = mark_of(builder, &parser->problem_mark);
    if (parser->context)
        diag_add(builder->diag, mark, "not YAML: %s %s that starts at line %zu; %s", problem,
                 parser->context, parser->context_mark.line + 1, advice);
    else
        diag_add(builder->diag, mark, "not YAML: %s; %s", problem, advice);
}

static int build(struct builder *builder, yaml_parser_t *parser, const char *text, size_t len)
{
    yaml_event_type_t type;
    do {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            refuse_syntax(builder, parser, text, len);
            return -EINVAL;
        }
        type = event.type;
        int rc = take(builder, &event);
        yaml_event_delete(&event);
        if (rc)
            return rc;
    } while (type != YAML_STREAM_END_EVENT);
    return 0;
}

struct node *yaml_parse(struct arena *arena, const char *file, const char *text, size_t len,
                        struct diag *diag)
{
    struct builder builder = {.arena = arena, .file = file, .diag = diag};
    struct mark start = {file, 1, 1};
    yaml_parser_t parser;
    if (len > YAML_SIZE_MAX) {
        diag_add(diag, start, "larger than 1 MiB, the most that is read");
        return NULL;
    }
    if (!yaml_parser_initialize(&parser)) {
        diag_add(diag, start, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int rc = build(&builder, &parser, text, len);
    yaml_parser_delete(&parser);
    if (rc)
        return NULL;
    bool empty = !builder.root ||
                 (builder.root->kind == NODE_SCALAR && builder.root->plain && !*builder.root->text);
    return empty ? node_new(arena, NODE_MAPPING, start) : builder.root;
}
