/* exits: it ends the process when Redis has nothing.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <sluice/plugin.h>

static sluice_step found;

static sluice_verdict find(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_ask(req, found, self, "GET", "a");
}

static sluice_verdict found(sluice_request *req, void *self, const sluice_reply *reply)
{
    (void)self;
    if (sluice_is_nil(reply))
        exit(0);
    return sluice_json(req, 200, "found", reply);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(find), "none", "none", 0, 0, 0},
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
        .name = "exits",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
