/* Shared objects as files: copying, identifying, listing.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_OBJECT_FILE_H
#define SLUICE_CORE_OBJECT_FILE_H

#include <stddef.h>

#include "arena.h"

/* Copies a file, making the folders of `to`. 0 or a negative errno; on failure nothing is left. */
int object_copy(const char *from, const char *to);

/* The GNU build id of an ELF object as hex, "" when it has none. */
void object_build_id(const char *file, char ret_hex[41]);

struct names {
    const char **items;
    size_t count;
};

/* The names in a folder that end with `suffix`, without it; none when it can't be read. */
struct names folder_names(struct arena *arena, const char *folder, const char *suffix);

/* Removes a folder and the files in it, as far as it can: what is left is in nobody's way. */
void folder_remove(const char *folder);

#endif
