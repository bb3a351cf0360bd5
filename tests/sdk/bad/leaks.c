/* leaks: it takes memory with every request, and never gives it back.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <sluice/plugin.h>

static sluice_verdict take(sluice_request *req, void *self, const sluice_reply *none)
{
    static void *last;
    char *memory = malloc(100);
    (void)self, (void)none;
    if (memory)
        memory[0] = 'x';
    last = memory;
    return sluice_json(req, 200, "got", last != NULL);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(take), "none", "none", 0, 0, 0},
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
        .name = "leaks",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
