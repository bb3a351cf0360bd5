/* Where jobs are in Redis.
 *
 * SPDX-License-Identifier: MIT */
#include "store.h"

#include <stdio.h>
#include <string.h>

#include <sluice/check.h>

#include "jobs.h"

/* ---- Keys --------------------------------------------------------------------------------- */

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#define NAMES 13u
#define NAME_EXTRA 24u /* of the longest: "queue:" ":delayed" and the NUL */

size_t queue_keys_size(const char *prefix, const char *queue)
{
    return NAMES * (strlen(prefix) + strlen(queue) + NAME_EXTRA);
}

/* Appends prefix, name and rest as one text, and moves on behind it. */
static const char *add(char **at, const char *prefix, const char *name, const char *rest)
{
    char *text = *at;
    *at = stpcpy(stpcpy(stpcpy(text, prefix), name), rest) + 1;
    return text;
}

static bool is_default(const char *queue)
{
    return strcmp(queue, QUEUE_DEFAULT) == 0;
}

void queue_keys_make(char *buffer, const char *prefix, const char *queue,
                     struct queue_keys *ret_keys)
{
    char *at = buffer;
    const char *name = add(&at, "", "", queue);
    const char *base = add(&at, prefix, "queue:", queue);
    *ret_keys = (struct queue_keys){
        .queue = name,
        .ready = is_default(queue) ? base : add(&at, base, ":ready", ""),
        .prio = add(&at, base, ":prio", ""),
        .delayed = add(&at, base, ":delayed", ""),
        .lease = add(&at, base, ":lease", ""),
        .dead =
            is_default(queue) ? add(&at, prefix, "queue:dead", "") : add(&at, base, ":dead", ""),
        .wake = add(&at, base, ":wake", ""),
        .meta = add(&at, base, ":meta", ""),
        .all = add(&at, prefix, "queues", ""),
        .job_prefix = add(&at, prefix, "job:", ""),
        .wake_channel = add(&at, prefix, CHANNEL_WAKE, ""),
        .cancel_channel = add(&at, prefix, CHANNEL_CANCEL, ""),
    };
}

const struct queue_keys *queue_keys_of(sluice_request *req, const char *queue)
{
    const char *prefix = sluice_prefix(sluice_worker_of(req));
    struct queue_keys *keys = sluice_new(req, struct queue_keys);
    queue_keys_make(sluice_alloc(req, queue_keys_size(prefix, queue)), prefix, queue, keys);
    return keys;
}

/* ---- Calls of scripts --------------------------------------------------------------------- */

void call_text(struct call *call, const char *text)
{
    call->args[call->count++] = sluice_arg_text(text ? text : "");
}

void call_bytes(struct call *call, sluice_bytes bytes)
{
    call->args[call->count++] = sluice_arg_bytes(bytes);
}

void call_int(struct call *call, int64_t number)
{
    call->args[call->count++] = sluice_arg_int(number);
}

void call_begin(struct call *call, sluice_arg *args, const struct queue_keys *keys)
{
    const char *const texts[CALL_ARGS] = {
        keys->ready, keys->prio, keys->delayed,    keys->lease,        keys->dead,  keys->wake,
        keys->meta,  keys->all,  keys->job_prefix, keys->wake_channel, keys->queue,
    };
    *call = (struct call){args, 0};
    for (uint32_t i = 0; i < CALL_ARGS; i++)
        call_text(call, texts[i]);
}

struct call call_new(sluice_request *req, const struct queue_keys *keys, uint64_t more)
{
    struct call call;
    call_begin(&call, sluice_alloc(req, sizeof(sluice_arg) * (CALL_ARGS + more)), keys);
    return call;
}

sluice_verdict call_run(sluice_request *req, sluice_wait wait, const sluice_script *script,
                        const struct call *call)
{
    return sluice_run_v(req, wait, script, CALL_KEYS, call->args, call->count,
                        sizeof call->args[0]);
}

/* ---- Ids ---------------------------------------------------------------------------------- */

/* 128 bits, the first two of the 130 that 26 characters of 5 bits have being 0. */
static void write_ulid(const unsigned char bytes[16], const char *queue, char ret_id[JOB_ID_SIZE])
{
    unsigned held = 0;
    int bits = 2;
    size_t to = 0;
    for (size_t i = 0; i < 16; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            ret_id[to++] = crockford[held >> (bits - 5) & 31];
    }
    (void)snprintf(ret_id + to, JOB_ID_SIZE - to, ".%s", queue);
}

void job_id_new(sluice_worker *worker, const char *queue, char ret_id[JOB_ID_SIZE])
{
    unsigned char bytes[16];
    int64_t now = sluice_realtime(worker);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(now >> (40 - 8 * i));
    sluice_random(worker, bytes + 6, sizeof bytes - 6);
    write_ulid(bytes, queue, ret_id);
}

void job_id_from(const char *seed, const char *queue, char ret_id[JOB_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)((strchr(digits, seed[2 * i]) - digits) << 4 |
                                   (strchr(digits, seed[2 * i + 1]) - digits));
    write_ulid(bytes, queue, ret_id);
}

const char *job_id_queue(const char *id)
{
    if (!id || strspn(id, crockford) != ULID_LEN || id[ULID_LEN] != '.' ||
        !queue_is_name(id + ULID_LEN + 1))
        return NULL;
    return id + ULID_LEN + 1;
}

bool queue_is_name(const char *name)
{
    return sluice_is_name(name) && strcmp(name, "dead") != 0;
}

const char *queue_take(sluice_reader *in)
{
    const char *name = sluice_take_path_name(in, "q");
    if (!name || queue_is_name(name))
        return name;
    sluice_parameter_wrong(in, "q", QUEUE_NAME_RULE);
    return NULL;
}
