/* ${NAME:-default} in the values of a configuration.
 *
 *   tree -> each scalar -> words and ${...}, nested -> the same scalar, filled in
 *
 * A recursive descent over the text. Branches that are not taken are read for their end alone, so
 * that a missing variable in them is no error.
 *
 * SPDX-License-Identifier: MIT */
#include "interpolate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 16u              /* of ${...} in each other */
#define FILLED_MAX ((size_t)1 << 20) /* bytes of all filled in scalars: values may be long */

/* What all scalars of a tree share. */
struct filling {
    struct arena *arena;
    struct diag *diag;
    size_t filled; /* bytes so far */
};

/* One scalar on its way. */
struct reader {
    struct filling *filling;
    struct mark mark;
    const char *next; /* to be read */
    struct text *out; /* NULL: a branch that is not taken */
    unsigned nesting;
};

static int word(struct reader *reader);

static void add(struct reader *reader, const char *bytes, size_t len)
{
    if (reader->out)
        text_add_bytes(reader->out, bytes, len);
}

static const char *name_end(const char *name)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return strspn(name, first) ? name + strspn(name, others) : name;
}

static int malformed(const struct reader *reader)
{
    diag_add(reader->filling->diag, reader->mark,
             "a ${ that can't be read; expected ${NAME}, ${NAME:-default} or ${NAME:+word} with "
             "its }, for example ${PORT:-3000}; write $$ for a dollar sign");
    return -EINVAL;
}

static int too_long(const struct reader *reader)
{
    diag_add(reader->filling->diag, reader->mark,
             "more than 1 MiB comes from environment variables; expected less");
    return -E2BIG;
}

/* Reads a default or word; what it gives is used only if `taken`. */
static int branch(struct reader *reader, bool taken)
{
    struct text *out = reader->out;
    if (!taken)
        reader->out = NULL;
    int rc = word(reader);
    reader->out = out;
    return rc;
}

/* The value of the variable itself. A missing one is told and taken as empty, so that the next
 * missing one is found as well. */
static void fill_in(struct reader *reader, const char *name, const char *value)
{
    if (value) {
        add(reader, value, strlen(value));
    } else if (reader->out) {
        diag_add(reader->filling->diag, reader->mark,
                 "the environment variable %s is not set; set it, or write ${%s:-default}", name,
                 name);
    }
}

/* From behind "${" to behind its "}". */
static int variable(struct reader *reader)
{
    const char *end = name_end(reader->next);
    if (end == reader->next || reader->nesting == NESTING_MAX)
        return malformed(reader);
    const char *name =
        arena_copy(reader->filling->arena, reader->next, (size_t)(end - reader->next));
    const char *value = getenv(name);
    bool has_value = value && *value;
    int rc = 0;

    reader->nesting++;
    reader->next = end;
    if (strncmp(end, ":-", 2) == 0) {
        reader->next += 2;
        if (has_value)
            add(reader, value, strlen(value));
        rc = branch(reader, !has_value);
    } else if (strncmp(end, ":+", 2) == 0) {
        reader->next += 2;
        rc = branch(reader, has_value);
    } else if (*end == '}') {
        fill_in(reader, name, value);
    }
    reader->nesting--;
    if (rc)
        return rc;
    if (*reader->next != '}')
        return malformed(reader);
    reader->next++;
    return 0;
}

/* Text and variables up to the end, or within a variable up to its "}". */
static int word(struct reader *reader)
{
    while (*reader->next && !(reader->nesting && *reader->next == '}')) {
        if (strncmp(reader->next, "${", 2) == 0) {
            reader->next += 2;
            int rc = variable(reader);
            if (rc)
                return rc;
            if (reader->out && reader->out->len > FILLED_MAX)
                return too_long(reader);
            continue;
        }
        add(reader, reader->next, 1);
        reader->next += strncmp(reader->next, "$$", 2) == 0 ? 2 : 1;
    }
    return 0;
}

/* What can't be filled in becomes nothing, so that it is not complained of as a value as well. */
static void fill_scalar(struct filling *filling, struct node *scalar)
{
    if (scalar->filled || !strchr(scalar->text, '$'))
        return;
    struct text out;
    text_init(&out, filling->arena);
    struct reader reader = {
        .filling = filling, .mark = scalar->mark, .next = scalar->text, .out = &out};
    unsigned errors = filling->diag->count;
    if (filling->filled <= FILLED_MAX && !word(&reader)) {
        filling->filled += out.len;
        if (filling->filled > FILLED_MAX)
            (void)too_long(&reader);
    }
    bool failed = filling->diag->count > errors;
    scalar->text = failed ? "" : out.data;
    scalar->plain = scalar->plain || failed;
    scalar->filled = true;
}

static void fill_tree(struct filling *filling, struct node *node)
{
    if (node->kind == NODE_SCALAR)
        fill_scalar(filling, node);
    for (size_t i = 0; node->kind != NODE_SCALAR && i < node->count; i++)
        fill_tree(filling, node->kind == NODE_SEQUENCE ? node->items[i] : node->pairs[i].value);
}

void interpolate(struct node *root, struct arena *arena, struct diag *diag)
{
    struct filling filling = {.arena = arena, .diag = diag};
    fill_tree(&filling, root);
}
