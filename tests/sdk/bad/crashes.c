/* crashes: it takes for granted what an error reply has not.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <sluice/plugin.h>

static sluice_step found;

static sluice_verdict find(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_wait wait = SLUICE_THEN(found, self);
    (void)none;
    wait.flags = SLUICE_TAKE_TROUBLE;
    return sluice_ask_as(req, wait, "HGETALL", "a");
}

static sluice_verdict found(sluice_request *req, void *self, const sluice_reply *reply)
{
    (void)self;
    if (sluice_is_error(reply))
        abort();
    return sluice_json(req, 200, "found", sluice_length(reply));
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
        .name = "crashes",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
