/* The two parts of config.yaml that are no option tables: the list of plugins, the routes.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_SETTINGS_LISTS_H
#define SLUICE_CORE_SETTINGS_LISTS_H

#include "settings.h"

/* What an entry of `plugins` with a path has, and an entry of `routes`. */
#define SETTINGS_PLUGIN_ROWS 2
#define SETTINGS_ROUTE_ROWS 3
extern const sluice_option settings_plugin_rows[SETTINGS_PLUGIN_ROWS];
extern const sluice_option settings_route_rows[SETTINGS_ROUTE_ROWS];

/* What stands under `plugins`, a list, and `routes`, a mapping; NULL when absent. `folder` is
 * where relative paths start. Everything lives in `arena`; what is wrong is in `diag`. */
void settings_read_plugins(struct settings *settings, const struct node *node, const char *folder,
                           struct arena *arena, struct diag *diag);
void settings_read_routes(struct settings *settings, const struct node *node, struct arena *arena,
                          struct diag *diag);

/* `path`, absolute: as it is, or below `folder`. */
const char *settings_path(struct arena *arena, const char *folder, const char *path);

#endif
