/* A configuration made ready: settings, loaded and configured plugins, compiled routes.
 *
 * What `sluice run` serves, `sluice check` judges and `sluice routes` prints. Building one has no
 * side effects but reading files and, with `copies`, writing the plugins' private copies.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_GATEWAY_H
#define SLUICE_CORE_GATEWAY_H

#include "arena.h"
#include "diag.h"
#include "plugins.h"
#include "router.h"
#include "settings.h"

struct gateway_source {
    const char *config; /* path of config.yaml */
    const char *const *sets;
    size_t set_count;
    /* Where plugins are copied before they are loaded, made if it is not there; NULL loads them
     * in place (check and routes). */
    const char *copies;
};

struct gateway {
    struct arena arena;
    struct settings settings;
    struct plugins plugins;
    struct router *router;
};

/* First half: config.yaml alone. Second half: everything that it names; it may follow a first half
 * with errors, to find the others too. 0, or -EINVAL with every error in `diag`. */
int gateway_read(struct gateway *gateway, const struct gateway_source *source, struct diag *diag);
int gateway_build(struct gateway *gateway, const struct gateway_source *source, struct diag *diag);
void gateway_release(struct gateway *gateway);

#endif
