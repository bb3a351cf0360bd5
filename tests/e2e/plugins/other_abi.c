/* A plugin of another ABI: the gateway must refuse it and say why.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof(sluice_descriptor),
        .abi_major = SLUICE_ABI_MAJOR + 76,
        .abi_minor = 5,
        .name = "other_abi",
        .version = "1.0.0",
        .summary = "of another major",
    };
    return &descriptor;
}
