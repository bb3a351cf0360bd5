/* spins: it counts down from a length that may be 0.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

static sluice_step listed;

static sluice_verdict list(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_ask(req, listed, self, "LRANGE", "a", 0, -1);
}

static sluice_verdict listed(sluice_request *req, void *self, const sluice_reply *rows)
{
    uint64_t bytes = 0;
    (void)self;
    for (uint64_t i = sluice_length(rows) - 1; i != 0; i--)
        bytes += sluice_text_bytes(sluice_at(rows, i)).len;
    return sluice_json(req, 200, "bytes", bytes);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(list), "none", "none", 0, 0, 0},
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
        .name = "spins",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
