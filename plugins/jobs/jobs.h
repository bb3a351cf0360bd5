/* jobs: what its files have in common.
 *
 *   jobs.c       options, routes, scripts, processes
 *   store.[ch]   names of keys, ids, arguments of scripts         *.lua  a queue, in one call each
 *   backoff.c    when to try again
 *
 *   in http workers                            in the processes
 *   spec.c     a job as it is asked for        crew.c fetch.c slots.c settle.c renew.c   the loop
 *   create.c intake.c  jobs come               runner.c    an executor of handlers
 *   show.c job_json.c  how they are            courier.c   an executor of webhooks
 *   change.c   cancel, retry                   wire.c      what they say to each other
 *   queues.c   queues
 *   dead.c     dead-letter queues              caller.c    who asks
 *   polls.c    workers that wait               webhook.c   what a webhook is
 *   secrets.c  what webhooks are signed with
 *   lease.c leases.c   what workers do        eviction.c  what Redis must not do
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_H
#define JOBS_H

#include <sluice/plugin.h>

#include "backoff.h"
#include "shared/hasher.h"

#define QUEUE_DEFAULT "jobs"
#define QUEUE_WEBHOOKS "webhooks"
#define QUEUES_MAX 64 /* with native handlers */
#define BATCH_MAX 1000
#define PRIORITY_MAX 1000
#define RETRIES_MAX 100
#define TIMEOUT_MIN_MS 100
#define TIMEOUT_MAX_MS 86400000LL
#define RETENTION_MAX_MS (30 * 86400000LL)
#define LEASE_MIN_MS 1000
#define LEASE_MAX_MS 3600000LL

struct queue_option {
    const char *name;
    int64_t weight;
};

struct jobs {
    int64_t executors;
    int64_t retries, crashes, lost;
    int64_t timeout, lease, retention; /* ms */
    const char *backoff;               /* has been read: it is right */
    int64_t payload_max, result_max, queue_max;
    int64_t max_jobs, max_rss;
    struct {
        int64_t memory, cpu; /* bytes, ms */
    } limits;
    sluice_map queues; /* of struct queue_option */
    struct {
        bool enabled;
        int64_t concurrency, grace;
        sluice_texts allow;
    } webhooks;
    const char *webhooks_refused, *webhooks_allowed; /* networks as shared/cidr.h keeps them */

    const sluice_script *enqueue, *reserve, *ack, *fail, *heartbeat, *log, *cancel, *retry, *dead,
        *change, *count, *secret;
    struct hasher hasher;
    struct crew *crew;   /* in the processes */
    struct polls *polls; /* in http workers */
    struct batch *intake;
    bool evicts; /* Redis would throw jobs away */
};

/* create.c */
sluice_step create_classic, create_one, create_batch;

/* show.c */
sluice_step show_classic, show_job, show_log;

/* change.c */
sluice_step cancel_job, retry_job;

/* queues.c */
sluice_step list_queues, show_queue, change_queue, pause_queue, resume_queue;

/* dead.c */
sluice_step list_dead, requeue_dead, purge_dead;

/* secrets.c */
sluice_step make_secret;

/* lease.c */
sluice_step lease_jobs;

/* leases.c */
sluice_step ack_lease, fail_lease, renew_lease, log_lease;

#endif
