/* The one place that says which version this is; CMakeLists.txt reads it from here.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_VERSION_H
#define SLUICE_CORE_VERSION_H

#define SLUICE_VERSION "0.1.0"

#endif
