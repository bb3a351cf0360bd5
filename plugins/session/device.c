/* What a list of sessions shows as the device.
 *
 * SPDX-License-Identifier: MIT */
#include "device.h"

#include <string.h>

#include <sluice/check.h>

const char *device_of(sluice_request *req)
{
    const char *from = sluice_header(req, "User-Agent");
    if (!from)
        return "";
    char *device = sluice_alloc(req, DEVICE_MAX + 1), *to = device;
    while (*from) {
        const char *at = from;
        uint32_t code = sluice_utf8_next(&from);
        bool shown = code != SLUICE_NO_CHARACTER && !sluice_is_control(code);
        if (code == SLUICE_NO_CHARACTER)
            from = at + 1;
        size_t len = shown ? (size_t)(from - at) : 1;
        if ((size_t)(to - device) + len > DEVICE_MAX)
            break;
        memcpy(to, shown ? at : "?", len);
        to += len;
    }
    return device;
}
