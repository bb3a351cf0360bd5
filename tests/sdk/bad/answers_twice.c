/* answers_twice: it makes two answers in one step.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

static sluice_verdict tell(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_verdict verdict = sluice_json(req, 200, "told", 1);
    if (verdict == SLUICE_DONE)
        verdict = sluice_json(req, 201, "told", 2);
    return verdict;
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(tell), "none", "none", 0, 0, 0},
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
        .name = "answers_twice",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
