/* swapped: a plugin of which there are two builds, to replace one by the other.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

static sluice_verdict show(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_json(req, 200, "build", BUILD);
}

static const sluice_route routes[] = {
    {"GET", "/swapped", SLUICE_STEP(show), "none", "none", 0, 0, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_routes(host, routes);
    return 0;
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "swapped",
        .version = "1.0.0",
        .summary = "one of two builds",
        .configure = configure,
    };
    return &descriptor;
}
