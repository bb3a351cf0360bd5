/* blocks_before: a hook of it holds the loop, before routes of other plugins.
 *
 * SPDX-License-Identifier: MIT */
#include <time.h>

#include <sluice/plugin.h>

static sluice_verdict hold(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    if (*sluice_route_pattern(req))
        (void)nanosleep(&(struct timespec){0, 150000000}, NULL);
    return SLUICE_NEXT;
}

static const sluice_hook hooks[] = {
    {SLUICE_BODY, 0, SLUICE_STEP(hold)},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_hooks(host, hooks);
    return 0;
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "blocks_before",
        .version = "1.0.0",
        .summary = "a mistake that sluice plugin check finds",
        .configure = configure,
    };
    return &descriptor;
}
