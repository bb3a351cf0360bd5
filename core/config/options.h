/* Option tables at work: rows (sluice/abi.h) + a YAML mapping -> a filled struct, or errors that
 * say file:line:column, what was expected, and the nearest right word.
 *
 * The core's own settings use the same tables as plugins, so that checking, reference docs and
 * the editor schema have one source.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_OPTIONS_H
#define SLUICE_CORE_OPTIONS_H

#include <sluice/abi.h>

#include "arena.h"
#include "diag.h"
#include "yaml_tree.h"

struct option_table {
    const sluice_option *rows;
    uint32_t count;
    uint32_t stride;
};

/* A type for the core's own rows, beyond those of the ABI: const struct node *, what stands there
 * as it is, for a reader of its own. `rows` may say, for the docs, what its entries have. */
#define OPTION_NODE 1000u

/* The i-th row, zeroed beyond what its author's version of the ABI had. */
sluice_option option_row(struct option_table table, uint32_t i);
/* The rows of a GROUP or MAP. */
struct option_table option_rows(const sluice_option *row);

/* Fills `base` from `mapping` (NULL: defaults only). `owner` names the table in messages ("of
 * ratelimit"), "" is the file itself; `where` is the place for what is missing. An absent option
 * without default is left as it was. Everything pointed to lives in `arena`. Errors are counted in
 * `diag`.
 *
 * Bounds: both 0 is none, max below min is "at least min". They count bytes of a text, items of a
 * list or map, and the amount of a rate. */
void options_apply(struct option_table table, const char *owner, const struct node *mapping,
                   struct mark where, void *base, struct arena *arena, struct diag *diag);

/* The place of a dotted path ("policies.default.capacity") in `mapping`, or of the nearest part of
 * it that is there, or `fallback`. */
struct mark options_place(const struct node *mapping, const char *path, struct mark fallback);

/* Values as they are written; each 0, or -EINVAL with *ret_x untouched. */
int parse_int(const char *text, int64_t *ret_value);
int parse_duration(const char *text, int64_t *ret_ms);   /* 250ms, 30s, 5m, 24h, 7d; a bare 0 */
int parse_size(const char *text, int64_t *ret_bytes);    /* 512, 64k, 1m, 1g */
int parse_rate(const char *text, sluice_rate *ret_rate); /* 10/s, 100/m, 3/250ms */
int parse_bool(const char *text, bool *ret_value);       /* true, false, yes, no, on, off */

/* The other way round, for messages: a SLUICE_DURATION as "5m", a SLUICE_SIZE as "64k". */
void value_add(struct text *text, uint32_t type, int64_t value);

/* What an option takes, in words with an example: "a duration from 1s to 1h, for example 30s". */
const char *option_expects(const sluice_option *row, struct arena *arena);
/* The same without the example, for docs. */
const char *option_takes(const sluice_option *row, struct arena *arena);
bool option_in_bounds(const sluice_option *row, int64_t value);

#endif
