/* The master: the process whose pid never changes. It owns what outlives a configuration: the
 * listening sockets, the embedded Redis, the shared counters; and it replaces one generation by
 * the next.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_MASTER_H
#define SLUICE_CORE_MASTER_H

#include "gateway.h"

/* Serves until SIGTERM or SIGINT. The exit status: 0 after a clean end, 1 when the gateway could
 * not start or was forced to end. */
int master_main(const struct gateway_source *source);

#endif
