/* Whose options there are: every shipped plugin's, listed or not, and those of the plugins that a
 * configuration lists by path. For reference docs and the editor schema.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_CATALOGUE_H
#define SLUICE_CORE_CATALOGUE_H

#include <stddef.h>

#include <sluice/abi.h>

#include "arena.h"
#include "diag.h"
#include "options.h"

struct gateway;

struct catalogue_entry {
    const sluice_descriptor *descriptor;
    const char *file; /* without its folder, of a plugin that is listed by path; NULL: shipped */
};

struct catalogue {
    struct catalogue_entry *items; /* the shipped ones by name, then the others as listed */
    size_t count;
};

/* Loads what the gateway has not loaded. What can't be is told in `diag` and left out. */
void catalogue_read(struct catalogue *catalogue, const struct gateway *gateway, struct arena *arena,
                    struct diag *diag);

static inline struct option_table descriptor_options(const sluice_descriptor *descriptor)
{
    return (struct option_table){descriptor->options, descriptor->option_count,
                                 descriptor->option_stride};
}

#endif
