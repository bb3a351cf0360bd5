/* `sluice reload`: asks a running gateway to read its configuration again, and says how it went.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_RELOAD_H
#define SLUICE_CORE_RELOAD_H

/* The gateway is found through its data_dir. The exit status: 0 when a new generation serves, 1 when
 * there is no gateway, it refused, or it said nothing for a minute. */
int reload_main(const char *data_dir);

#endif
