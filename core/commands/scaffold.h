/* A new plugin from the template: a folder that builds, tests and loads.
 *
 *   template/myplugin.c  --every `myplugin` becomes its name-->  hello/hello.c
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_SCAFFOLD_H
#define SLUICE_CORE_SCAFFOLD_H

#include "arena.h"

/* What a plugin's name can't be, as a sentence in the arena; NULL: it is fine. A name becomes part
 * of C identifiers, of CMake targets and of file names. */
const char *scaffold_refuses(struct arena *arena, const char *name);

/* Makes `folder`, which must not be there, from the files in `template`; file modes are kept. The
 * whole folder appears at once or, on failure, not at all. 0, or a negative errno with a sentence
 * in *ret_why (in the arena). */
int scaffold_write(struct arena *arena, const char *template, const char *name, const char *folder,
                   const char **ret_why);

#endif
