/* A job as it is asked for.
 *
 *   {type, payload, queue?, delayMs? or runAt?, priority?, retries?, backoff?, timeoutMs?,
 *    retentionMs?}  ->  struct spec, with what its handler and the configuration say for the rest
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_SPEC_H
#define JOBS_SPEC_H

#include <sluice/json.h>
#include <sluice/plugin.h>

#include "store.h"

#define SPEC_ARGS 14u /* of one job, in enqueue.lua */

struct spec {
    char id[JOB_ID_SIZE];
    const char *digest; /* "" without an idempotency key */
    const char *type, *queue, *backoff;
    const char *space, *client; /* whose it is; "" for an admin */
    bool self_made;             /* the client is */
    sluice_bytes payload;       /* JSON text */
    int64_t priority, retries, timeout, retention;
    int64_t delay, run_at; /* ms from now, ms since 1970; -1: none */
};

/* Takes all members of the reader's body; what is wrong is noted there. Texts live as long as the
 * request. */
void spec_read(sluice_reader *in, struct spec *ret_spec);

/* A job of this type with this payload, and everything else as its handler and the configuration
 * say. */
void spec_default(sluice_request *req, const char *type, sluice_bytes payload,
                  struct spec *ret_spec);

/* Why a queue that has handlers has none for this type, naming those that it has; NULL: it can be
 * run, or waits for remote workers. */
const char *spec_unknown_type(sluice_request *req, const struct spec *spec);

void spec_add(struct call *call, const struct spec *spec);

#endif
