/* answers_late: it answers a request that has ended.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/plugin.h>

static void later(sluice_worker *worker, void *req, const sluice_reply *none)
{
    (void)worker, (void)none;
    sluice_verdict verdict = sluice_json((sluice_request *)req, 200, "late", 1);
    (void)verdict;
}

static sluice_verdict count(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_timer(sluice_worker_of(req), 100, later, req);
    return sluice_json(req, 200, "count", 1);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(count), "none", "none", 0, 0, 0},
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
        .name = "answers_late",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
