/* What a list of sessions shows as the device: the User-Agent header.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_DEVICE_H
#define SESSION_DEVICE_H

#include <sluice/plugin.h>

#define DEVICE_MAX 256u /* bytes */

/* In the request's memory; cut to DEVICE_MAX at a character's end, "" when there is none. Control
 * characters and what is not UTF-8 become '?'. */
const char *device_of(sluice_request *req);

#endif
