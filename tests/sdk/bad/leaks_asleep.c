/* leaks_asleep: it forgets what it has when its client goes while it sleeps.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <sluice/plugin.h>

static sluice_step woke;

static sluice_verdict doze(sluice_request *req, void *self, const sluice_reply *none)
{
    char *memory = malloc(100);
    sluice_wait wait = SLUICE_THEN(woke, memory);
    (void)self, (void)none;
    wait.flags = SLUICE_END_ON_HANGUP | SLUICE_TAKE_TROUBLE;
    return sluice_sleep_v(req, wait, 1000);
}

static sluice_verdict woke(sluice_request *req, void *state, const sluice_reply *nil)
{
    (void)nil;
    free(state);
    return sluice_json(req, 200, "woke", true);
}

static const sluice_route routes[] = {
    {"GET", "/bad", SLUICE_STEP(doze), "none", "none", 0, 0, 0},
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
        .name = "leaks_asleep",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
