/* blocks: it holds the loop.
 *
 * SPDX-License-Identifier: MIT */
#include <time.h>

#include <sluice/plugin.h>

static sluice_verdict hold(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    (void)nanosleep(&(struct timespec){0, 150000000}, NULL);
    return sluice_json(req, 200, "held", 1);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(hold), "none", "none", 0, 0, 0},
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
        .name = "blocks",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
