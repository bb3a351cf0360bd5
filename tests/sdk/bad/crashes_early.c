/* crashes_early: it crashes while it is configured.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <sluice/plugin.h>

static int32_t configure(sluice_host *host, void *self)
{
    (void)host, (void)self;
    abort();
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "crashes_early",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
