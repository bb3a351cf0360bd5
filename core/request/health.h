/* The core's own routes: /health, /livez, /readyz.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_HEALTH_H
#define SLUICE_CORE_HEALTH_H

#include "router.h"

/* 0, or -1 with *ret_error, which can only be a mistake of ours. */
int health_add_routes(struct router *router, const char **ret_error);

#endif
