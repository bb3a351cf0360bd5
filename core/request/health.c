/* The core's own routes: is the process alive, and can it do its work?
 *
 *   /health, /livez   200 as long as the worker's loop turns
 *   /readyz           200 when Redis answers, else 503 with the reasons
 *
 * SPDX-License-Identifier: MIT */
#include "health.h"

#include <sluice/plugin.h>

#include "redis.h"
#include "request.h"
#include "worker_internal.h"

static sluice_verdict health(sluice_request *req, void *none, const sluice_reply *nothing)
{
    (void)none, (void)nothing;
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "status", "ok");
}

static sluice_verdict readiness(sluice_request *req, void *none, const sluice_reply *nothing)
{
    (void)none, (void)nothing;
    const struct worker *worker = request_of(req)->worker;
    sluice_set_header(req, "Cache-Control", "no-store");
    if (worker_draining(worker))
        return sluice_problem(req, 503, "shutting_down", "this worker is draining");
    if (redis_is_ready(worker->redis))
        return sluice_json(req, 200, "status", "ready");
    sluice_list *reasons = sluice_list_new(req);
    sluice_push(req, reasons, sluice_printf(req, "Redis: %s", redis_why_not(worker->redis)));
    return sluice_problem_with(req, 503, "not_ready", "the gateway can't do its work yet",
                               "reasons", reasons);
}

static const struct route routes[] = {
    {.method = "GET", .pattern = "/health", .handler = health, .handler_name = "health"},
    {.method = "GET", .pattern = "/livez", .handler = health, .handler_name = "health"},
    {.method = "GET", .pattern = "/readyz", .handler = readiness, .handler_name = "readiness"},
};

int health_add_routes(struct router *router, const char **ret_error)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct route route = routes[i];
        route.auth = "none";
        route.limit = "none";
        if (!router_add(router, &route, ret_error))
            return -1;
    }
    return 0;
}
