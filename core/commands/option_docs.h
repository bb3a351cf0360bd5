/* The reference of options as Markdown, from the tables that also check them.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_OPTION_DOCS_H
#define SLUICE_CORE_OPTION_DOCS_H

#include "arena.h"
#include "catalogue.h"
#include "text.h"

/* One plugin: a heading, its summary, a table of its options. */
void docs_add_plugin(struct text *text, struct arena *arena, const sluice_descriptor *descriptor);

/* A whole page: the gateway's own options, then every plugin's. */
void docs_add_all(struct text *text, struct arena *arena, const struct catalogue *catalogue);

#endif
