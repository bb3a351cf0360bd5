/* never_ends: it parks again whenever its time is over.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

static sluice_step again;

static sluice_verdict park(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_token token;
    sluice_wait wait = SLUICE_THEN(again, self);
    (void)none;
    wait.flags = SLUICE_TAKE_TROUBLE;
    wait.timeout_ms = 60000;
    return sluice_park(req, wait, &token);
}

static sluice_verdict again(sluice_request *req, void *self, const sluice_reply *reply)
{
    return park(req, self, reply);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(park), "none", "none", 0, 0, 0},
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
        .name = "never_ends",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
