/* Where the files lie that came with the program: <prefix>/bin/sluice, <prefix>/lib/...,
 * <prefix>/share/...; the build tree is laid out the same way.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_INSTALLATION_H
#define SLUICE_CORE_INSTALLATION_H

#include "arena.h"

#define SHIPPED_PLUGINS "lib/sluice/plugins"
#define SHIPPED_CHECK "lib/sluice/plugin-check"
#define SHIPPED_TEMPLATE "share/sluice/template"

/* `path` below the prefix of the running program; as it is where /proc does not tell. */
const char *installed(struct arena *arena, const char *path);

#endif
