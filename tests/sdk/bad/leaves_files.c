/* leaves_files: it opens a file with every request, and leaves it open.
 *
 * SPDX-License-Identifier: MIT */
#include <fcntl.h>

#include <sluice/plugin.h>

static sluice_verdict look(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return sluice_json(req, 200, "found", file >= 0);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(look), "none", "none", 0, 0, 0},
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
        .name = "leaves_files",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
