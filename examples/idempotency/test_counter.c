/* counter: a route that is not idempotent, for the end-to-end test of the plugin that makes it so.
 *
 *   POST /counter/{name}  ?ms=  waits that long, counts, answers 201 {count} with a Location
 *                         ?status=500  counts and fails all the same
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/input.h>
#include <sluice/plugin.h>

#define MS_MAX 10000

static sluice_step count, waited, counted;

static sluice_verdict count(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    (void)sluice_take_path_name(&in, "name");
    int64_t ms = sluice_take_query_int(&in, "ms", 0, MS_MAX, 0);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_sleep(req, waited, self, ms);
}

static sluice_verdict waited(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_ask(req, counted, self, "INCR",
                      sluice_key(req, "counter:", sluice_path(req, "name")));
}

static sluice_verdict counted(sluice_request *req, void *self, const sluice_reply *count)
{
    (void)self;
    if (sluice_query(req, "status"))
        return sluice_problem(req, 500, "internal_error", "failed as it was told to");
    sluice_set_header(req, "Location",
                      sluice_concat(req, "/counter/", sluice_path(req, "name"), "/", count));
    return sluice_json(req, 201, "count", sluice_int(count));
}

static const sluice_route routes[] = {
    {"POST", "/counter/{name}", SLUICE_STEP(count), "none", "none", 0, 0, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_routes(host, routes);
    return 0;
}

static const sluice_descriptor descriptor = {
    .size = sizeof descriptor,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "counter",
    .version = "1.0.0",
    .summary = "counts how often it was asked to",
    .configure = configure,
};

const sluice_descriptor *sluice_plugin(void)
{
    return &descriptor;
}
