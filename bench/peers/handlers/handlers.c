/* Handlers for the benchmark of jobs.
 *
 *   noop     does nothing, and has a result, as the peers' have
 *   pickup   its payload is CLOCK_MONOTONIC in ns when it was enqueued; its result how long ago, in us
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <time.h>

#include <sluice/job.h>

static sluice_outcome noop(sluice_job *job, void *self)
{
    (void)self;
    return sluice_job_done_json(job, "{\"ok\":1}");
}

static sluice_outcome pickup(sluice_job *job, void *self)
{
    struct timespec now;
    long long enqueued = strtoll((const char *)sluice_job_payload(job).data, NULL, 10);
    (void)self;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long long us = (now.tv_sec * 1000000000LL + now.tv_nsec - enqueued) / 1000;
    return sluice_job_done(job, "us", us);
}

static const sluice_job_handler handlers[] = {
    {.type = "noop", SLUICE_RUN(noop)},
    {.type = "pickup", SLUICE_RUN(pickup)},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_job_handlers(host, handlers);
    return 0;
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "handlers",
        .version = "1.0.0",
        .summary = "handlers for the benchmark of jobs",
        .configure = configure,
    };
    return &descriptor;
}
