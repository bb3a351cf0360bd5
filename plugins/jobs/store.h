/* Where jobs are in Redis: names of keys, ids, and what every script is called with.
 *
 *   queue_keys_make(buffer, prefix, "mail", &keys)   queue:mail:ready, queue:mail:prio, ...
 *   call_begin(&call, args, &keys) -> call_text, call_int ... -> sluice_run_v(..., CALL_KEYS, ...)
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_STORE_H
#define JOBS_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/input.h>
#include <sluice/plugin.h>

#define ULID_LEN 26u
#define JOB_ID_SIZE (ULID_LEN + 1 + SLUICE_NAME_MAX + 1)
#define CHANNEL_CANCEL "jobs:cancel" /* ids of jobs that are to end */
#define CHANNEL_WAKE "jobs:wake"     /* names of queues that have work for who polls */

/* ---- Keys --------------------------------------------------------------------------------- */

struct queue_keys {
    const char *queue;                                               /* the name */
    const char *ready, *prio, *delayed, *lease, *dead, *wake, *meta; /* common.lua says what */
    const char *all, *job_prefix, *wake_channel, *cancel_channel;
};

/* Bytes of memory that queue_keys_make takes. */
size_t queue_keys_size(const char *prefix, const char *queue);

/* Everything in `ret_keys` lives in `buffer`. */
void queue_keys_make(char *buffer, const char *prefix, const char *queue,
                     struct queue_keys *ret_keys);

/* The same in the request's memory. */
const struct queue_keys *queue_keys_of(sluice_request *req, const char *queue);

/* ---- Calls of scripts --------------------------------------------------------------------- */

#define CALL_KEYS 8u
#define CALL_ARGS 11u /* the keys, and what common.lua has of ARGV */

/* Arguments being added. Whoever makes the array makes it large enough. */
struct call {
    sluice_arg *args;
    uint32_t count;
};

void call_begin(struct call *call, sluice_arg *args, const struct queue_keys *keys);
void call_text(struct call *call, const char *text); /* NULL counts as "" */
void call_bytes(struct call *call, sluice_bytes bytes);
void call_int(struct call *call, int64_t number);

/* A call within a request that has `more` arguments of its own. */
struct call call_new(sluice_request *req, const struct queue_keys *keys, uint64_t more);

SLUICE_MUST_RETURN sluice_verdict call_run(sluice_request *req, sluice_wait wait,
                                           const sluice_script *script, const struct call *call);

/* ---- Ids ---------------------------------------------------------------------------------- */

/* A new id: a ULID (github.com/ulid/spec), a dot, the queue's name. */
void job_id_new(sluice_worker *worker, const char *queue, char ret_id[JOB_ID_SIZE]);

/* An id that is the same for the same seed of 32 hexadecimal digits or more. */
void job_id_from(const char *seed, const char *queue, char ret_id[JOB_ID_SIZE]);

/* The queue in an id, pointing into it; NULL: it is no id. */
const char *job_id_queue(const char *id);

/* True for a name that a queue can have. */
bool queue_is_name(const char *name);
#define QUEUE_NAME_RULE SLUICE_NAME_RULE ", and not \"dead\""

/* The {q} of the path; NULL, and noted, when it is no queue's name. */
const char *queue_take(sluice_reader *in);

#endif
