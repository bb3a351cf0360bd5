/* The table that a plugin's configure sees: where its registrations go.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_REGISTRY_H
#define SLUICE_CORE_REGISTRY_H

#include <sluice/abi.h>

extern const sluice_host_api host_api;

#endif
