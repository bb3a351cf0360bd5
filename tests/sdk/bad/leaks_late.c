/* leaks_late: it forgets what it has when its client goes while it waits.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <sluice/plugin.h>

static sluice_step stored;

static sluice_verdict store(sluice_request *req, void *self, const sluice_reply *none)
{
    char *memory = malloc(100);
    sluice_wait wait = SLUICE_THEN(stored, memory);
    (void)self, (void)none;
    wait.flags = SLUICE_END_ON_HANGUP | SLUICE_TAKE_TROUBLE;
    return sluice_ask_as(req, wait, "INCR", "bad");
}

static sluice_verdict stored(sluice_request *req, void *state, const sluice_reply *reply)
{
    free(state);
    return sluice_json(req, 200, "count", sluice_int(reply));
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(store), "none", "none", 0, 0, 0},
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
        .name = "leaks_late",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
