/* forgets: it says that it waits, and waits for nothing.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

static sluice_verdict wait(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)req, (void)self, (void)none;
    return SLUICE_WAIT;
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(wait), "none", "none", 0, 0, 0},
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
        .name = "forgets",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
