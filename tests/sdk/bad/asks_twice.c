/* asks_twice: it asks two questions at once.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

static sluice_step told;

static sluice_verdict ask(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    sluice_verdict first = sluice_ask(req, told, self, "GET", "a");
    sluice_verdict second = sluice_ask(req, told, self, "GET", "b");
    return first == second ? second : first;
}

static sluice_verdict told(sluice_request *req, void *self, const sluice_reply *reply)
{
    (void)self;
    return sluice_json(req, 200, "told", reply);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(ask), "none", "none", 0, 0, 0},
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
        .name = "asks_twice",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
