/* jobs: a queue in Redis, worked off by forked executors, by remote workers, and by webhooks.
 *
 * SPDX-License-Identifier: MIT */
#include "jobs.h"

#include <string.h>

#include <sluice/job.h>

#include "ack.lua.h"
#include "cancel.lua.h"
#include "change.lua.h"
#include "count.lua.h"
#include "crew.h"
#include "dead.lua.h"
#include "enqueue.lua.h"
#include "eviction.h"
#include "fail.lua.h"
#include "heartbeat.lua.h"
#include "intake.h"
#include "log.lua.h"
#include "polls.h"
#include "reserve.lua.h"
#include "retry.lua.h"
#include "secret.lua.h"
#include "shared/cidr.h"
#include "webhook.h"

#define MANAGE "admin,scope:jobs:manage"
#define BATCH_BODY (8 << 20)
#define RESULT_BODY (2 << 20)

/* ---- Routes ------------------------------------------------------------------------------- */

static const sluice_route routes[] = {
    {"POST", "/jobs/create", SLUICE_STEP(create_classic), "client", NULL, 0, SLUICE_CLASSIC, 0},
    {"POST", "/job/create", SLUICE_STEP(create_classic), "client", NULL, 0, SLUICE_CLASSIC, 0},
    {"GET", "/jobs/status/{id}", SLUICE_STEP(show_classic), "client", NULL, 0, SLUICE_CLASSIC, 0},
    {"GET", "/job/status/{id}", SLUICE_STEP(show_classic), "client", NULL, 0, SLUICE_CLASSIC, 0},

    {"POST", "/v1/jobs", SLUICE_STEP(create_one), "client", NULL, 0, 0, 0},
    {"POST", "/v1/jobs/batch", SLUICE_STEP(create_batch), "client", NULL, BATCH_BODY, 0, 0},
    {"GET", "/v1/jobs/{id}", SLUICE_STEP(show_job), "client,admin", NULL, 0, 0, 0},
    {"GET", "/v1/jobs/{id}/log", SLUICE_STEP(show_log), "client,admin", NULL, 0, 0, 0},
    {"DELETE", "/v1/jobs/{id}", SLUICE_STEP(cancel_job), "client,admin", NULL, 0, 0, 0},
    {"POST", "/v1/jobs/{id}/retry", SLUICE_STEP(retry_job), "client,admin", NULL, 0, 0, 0},

    {"GET", "/v1/queues", SLUICE_STEP(list_queues), MANAGE, NULL, 0, 0, 0},
    {"GET", "/v1/queues/{q}", SLUICE_STEP(show_queue), MANAGE, NULL, 0, 0, 0},
    {"PUT", "/v1/queues/{q}", SLUICE_STEP(change_queue), MANAGE, NULL, 0, 0, 0},
    {"POST", "/v1/queues/{q}/pause", SLUICE_STEP(pause_queue), MANAGE, NULL, 0, 0, 0},
    {"POST", "/v1/queues/{q}/resume", SLUICE_STEP(resume_queue), MANAGE, NULL, 0, 0, 0},
    {"GET", "/v1/queues/{q}/dead", SLUICE_STEP(list_dead), MANAGE, NULL, 0, 0, 0},
    {"POST", "/v1/queues/{q}/dead/requeue", SLUICE_STEP(requeue_dead), MANAGE, NULL, 0, 0, 0},
    {"POST", "/v1/queues/{q}/dead/purge", SLUICE_STEP(purge_dead), MANAGE, NULL, 0, 0, 0},

    {"POST", "/v1/queues/{q}/lease", SLUICE_STEP(lease_jobs), "client,admin", NULL, 0, 0, 0},
    {"POST", "/v1/leases/{lease}/ack", SLUICE_STEP(ack_lease), "client,admin", NULL, RESULT_BODY, 0,
     0},
    {"POST", "/v1/leases/{lease}/fail", SLUICE_STEP(fail_lease), "client,admin", NULL, 0, 0, 0},
    {"POST", "/v1/leases/{lease}/heartbeat", SLUICE_STEP(renew_lease), "client,admin", NULL, 0, 0,
     0},
    {"POST", "/v1/leases/{lease}/log", SLUICE_STEP(log_lease), "client,admin", NULL, 0, 0, 0},
};

static const sluice_route webhook_routes[] = {
    {"POST", "/v1/clients/{id}/webhook-secret", SLUICE_STEP(make_secret), "self", NULL, 0, 0, 0},
};

/* ---- Options ------------------------------------------------------------------------------ */

static const sluice_option limit_rows[] = {
    {.name = "memory",
     .type = SLUICE_SIZE,
     .offset = offsetof(struct jobs, limits.memory) - offsetof(struct jobs, limits),
     .help = "what an executor may allocate beyond what it starts with; 0: no limit"},
    {.name = "cpu",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct jobs, limits.cpu) - offsetof(struct jobs, limits),
     .help = "processor time that one job may take, in whole seconds; 0: no limit"},
};

static const sluice_option queue_rows[] = {
    {.name = "name", .type = SLUICE_NAME, .offset = offsetof(struct queue_option, name)},
    {.name = "weight",
     .type = SLUICE_INT,
     .offset = offsetof(struct queue_option, weight),
     .fallback = "1",
     .min = 1,
     .max = 1000,
     .help = "its share of the executors when several queues have work"},
};

#define IN_WEBHOOKS(member)                                                                        \
    (offsetof(struct jobs, webhooks.member) - offsetof(struct jobs, webhooks))

static const sluice_option webhook_rows[] = {
    {.name = "enabled",
     .type = SLUICE_BOOL,
     .offset = IN_WEBHOOKS(enabled),
     .fallback = "true",
     .help = "jobs of type webhook in the queue webhooks are delivered"},
    {.name = "concurrency",
     .type = SLUICE_INT,
     .offset = IN_WEBHOOKS(concurrency),
     .fallback = "100",
     .min = 1,
     .max = 1000,
     .help = "deliveries under way at a time"},
    {.name = "grace",
     .type = SLUICE_DURATION,
     .offset = IN_WEBHOOKS(grace),
     .fallback = "24h",
     .max = RETENTION_MAX_MS,
     .help = "for how long a secret that was replaced signs as well"},
    {.name = "allow",
     .type = SLUICE_TEXTS,
     .offset = IN_WEBHOOKS(allow),
     .help = "private or local networks that deliveries may go to: [10.1.0.0/16, \"fd00::/8\"]"},
};

static const sluice_option options[] = {
    {.name = "executors",
     .type = SLUICE_INT,
     .offset = offsetof(struct jobs, executors),
     .fallback = "2",
     .min = 1,
     .max = 128,
     .help = "processes that run handlers, one job each at a time"},
    {.name = "retries",
     .type = SLUICE_INT,
     .offset = offsetof(struct jobs, retries),
     .fallback = "3",
     .max = RETRIES_MAX,
     .help = "how often a job that failed is tried again"},
    {.name = "crashes",
     .type = SLUICE_INT,
     .offset = offsetof(struct jobs, crashes),
     .fallback = "2",
     .max = RETRIES_MAX,
     .help = "how often a job that crashed its executor is tried again"},
    {.name = "lost",
     .type = SLUICE_INT,
     .offset = offsetof(struct jobs, lost),
     .fallback = "3",
     .max = RETRIES_MAX,
     .help = "how often a job whose lease ran out is handed out again"},
    {.name = "timeout",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct jobs, timeout),
     .fallback = "30s",
     .min = TIMEOUT_MIN_MS,
     .max = TIMEOUT_MAX_MS,
     .help = "how long a job may run"},
    {.name = "lease",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct jobs, lease),
     .fallback = "30s",
     .min = LEASE_MIN_MS,
     .max = LEASE_MAX_MS,
     .help = "when the jobs of a gateway that died are handed out again"},
    {.name = "backoff",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct jobs, backoff),
     .fallback = "exponential 1s 1h",
     .help = "how long to wait before a job is tried again: exponential BASE CAP, fixed TIME, or "
             "list TIME TIME ..."},
    {.name = "retention",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct jobs, retention),
     .fallback = "24h",
     .max = RETENTION_MAX_MS,
     .help = "how long finished jobs can be read"},
    {.name = "payload_max",
     .type = SLUICE_SIZE,
     .offset = offsetof(struct jobs, payload_max),
     .fallback = "256k",
     .min = 2,
     .max = 1 << 20,
     .help = "the most that a job's payload may have, as JSON"},
    {.name = "result_max",
     .type = SLUICE_SIZE,
     .offset = offsetof(struct jobs, result_max),
     .fallback = "64k",
     .min = 2,
     .max = 1 << 20,
     .help = "the most that a job's result may have, as JSON"},
    {.name = "queue_max",
     .type = SLUICE_INT,
     .offset = offsetof(struct jobs, queue_max),
     .fallback = "10000000",
     .min = 1,
     .max = 1000000000,
     .help = "how many jobs may wait in one queue"},
    {.name = "max_jobs",
     .type = SLUICE_INT,
     .offset = offsetof(struct jobs, max_jobs),
     .max = 1000000000,
     .help = "after how many jobs an executor is replaced; 0: never"},
    {.name = "max_rss",
     .type = SLUICE_SIZE,
     .offset = offsetof(struct jobs, max_rss),
     .help = "at how much resident memory an executor is replaced, between two jobs; 0: never"},
    {.name = "limits",
     .type = SLUICE_GROUP,
     .offset = offsetof(struct jobs, limits),
     .rows = limit_rows,
     .row_count = sizeof limit_rows / sizeof limit_rows[0],
     .row_stride = sizeof limit_rows[0],
     .help = "what the system lets an executor take"},
    {.name = "queues",
     .type = SLUICE_MAP,
     .offset = offsetof(struct jobs, queues),
     .rows = queue_rows,
     .row_count = sizeof queue_rows / sizeof queue_rows[0],
     .row_stride = sizeof queue_rows[0],
     .item_size = sizeof(struct queue_option),
     .help = "queues that are to have another weight than 1"},
    {.name = "webhooks",
     .type = SLUICE_GROUP,
     .offset = offsetof(struct jobs, webhooks),
     .rows = webhook_rows,
     .row_count = sizeof webhook_rows / sizeof webhook_rows[0],
     .row_stride = sizeof webhook_rows[0],
     .help = "signed webhooks"},
};

/* ---- Life --------------------------------------------------------------------------------- */

static void add_scripts(sluice_host *host, struct jobs *jobs)
{
    jobs->ack = sluice_add_script(host, "ack", ack_lua);
    jobs->cancel = sluice_add_script(host, "cancel", cancel_lua);
    jobs->change = sluice_add_script(host, "change", change_lua);
    jobs->count = sluice_add_script(host, "count", count_lua);
    jobs->dead = sluice_add_script(host, "dead", dead_lua);
    jobs->enqueue = sluice_add_script(host, "enqueue", enqueue_lua);
    jobs->fail = sluice_add_script(host, "fail", fail_lua);
    jobs->heartbeat = sluice_add_script(host, "heartbeat", heartbeat_lua);
    jobs->log = sluice_add_script(host, "log", log_lua);
    jobs->reserve = sluice_add_script(host, "reserve", reserve_lua);
    jobs->retry = sluice_add_script(host, "retry", retry_lua);
    jobs->secret = sluice_add_script(host, "secret", secret_lua);
}

/* NULL, and refused, when one of them is no network. */
static const char *read_networks(sluice_host *host, const char *const *texts, size_t count)
{
    char *networks = sluice_host_alloc(host, count * CIDR_SIZE + 1), *end = networks;
    for (size_t i = 0; i < count; i++) {
        char network[CIDR_SIZE];
        if (!cidr_read(texts[i], network)) {
            sluice_refuse(host, "webhooks.allow",
                          "\"%s\" is no network; expected one like 10.0.0.0/8 or fd00::/8",
                          texts[i]);
            return NULL;
        }
        end = stpcpy(stpcpy(end, i ? " " : ""), network);
    }
    return networks;
}

static bool add_webhooks(sluice_host *host, struct jobs *jobs)
{
    const sluice_process courier = crew_of_courier();
    size_t private_count = 0;
    while (webhook_private_networks[private_count])
        private_count++;
    jobs->webhooks_refused = read_networks(host, webhook_private_networks, private_count);
    jobs->webhooks_allowed =
        read_networks(host, jobs->webhooks.allow.items, jobs->webhooks.allow.count);
    sluice_routes(host, webhook_routes);
    sluice_add_process(host, &courier);
    return jobs->webhooks_refused && jobs->webhooks_allowed;
}

static int32_t configure(sluice_host *host, void *self)
{
    struct jobs *jobs = self;
    struct backoff backoff;
    const struct queue_option *queues = jobs->queues.items;
    if (!backoff_read(jobs->backoff, &backoff)) {
        sluice_refuse(host, "backoff", BACKOFF_RULE);
        return -1;
    }
    for (uint64_t i = 0; i < jobs->queues.count; i++)
        if (!queue_is_name(queues[i].name)) {
            sluice_refuse(host, "queues", "the name of a queue " QUEUE_NAME_RULE);
            return -1;
        }
    add_scripts(host, jobs);
    sluice_routes(host, routes);
    const sluice_process handlers = crew_of_handlers(jobs);
    sluice_add_process(host, &handlers);
    host->api->runs_jobs(host);
    if (jobs->webhooks.enabled && !add_webhooks(host, jobs))
        return -1;
    return 0;
}

static int32_t start(sluice_worker *worker, void *self)
{
    struct jobs *jobs = self;
    if (!hasher_init(&jobs->hasher)) {
        sluice_log(worker, SLUICE_LOG_ERROR, "OpenSSL has no SHA-256");
        return -1;
    }
    eviction_look(worker, jobs);
    jobs->intake = intake_new(worker);
    if (jobs->intake)
        return polls_start(worker, jobs);
    sluice_log(worker, SLUICE_LOG_ERROR, "can't start: out of memory");
    return -1;
}

static void stop(sluice_worker *worker, void *self)
{
    struct jobs *jobs = self;
    (void)worker;
    polls_stop(jobs);
    batch_free(jobs->intake);
    jobs->intake = NULL;
    hasher_release(&jobs->hasher);
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "jobs",
        .version = "0.1.0",
        .summary = "queues in Redis, retries, a dead-letter queue; handlers, remote workers",
        .self_size = sizeof(struct jobs),
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .option_stride = sizeof options[0],
        .configure = configure,
        .start = start,
        .stop = stop,
    };
    return &descriptor;
}
