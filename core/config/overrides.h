/* `--set a.b.c=value` of the command line: changes a configuration before it is checked.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_OVERRIDES_H
#define SLUICE_CORE_OVERRIDES_H

#include "yaml_tree.h"

/* Puts each set's value, read as YAML, where its dotted path leads, making what is not there yet.
 * "plugins.NAME.…" leads into the entry of that plugin, or adds one. What was set has "--set a.b.c"
 * as its file. `root` is a mapping; mappings on the way are copied, so that others which share them
 * through an alias stay as they were. */
void overrides_apply(struct node *root, const char *const *sets, size_t count, struct arena *arena,
                     struct diag *diag);

#endif
