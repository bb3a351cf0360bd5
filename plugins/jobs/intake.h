/* Jobs that are asked for one by one go to Redis together.
 *
 *   order -> intake_ask -> shared/batch -> enqueue.lua, one call for a queue -> its outcome
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_INTAKE_H
#define JOBS_INTAKE_H

#include <sluice/plugin.h>

#include "shared/batch.h"
#include "spec.h"

#define JOBS_PER_CALL 100u

enum outcome {
    OUTCOME_AWAY, /* Redis gave no answer */
    OUTCOME_BROKEN,
    OUTCOME_CREATED,
    OUTCOME_EXISTS,
    OUTCOME_DIFFERS,
    OUTCOME_FULL,
    OUTCOME_FORBIDDEN,
};

/* What enqueue.lua says of a job. */
enum outcome outcome_of(const sluice_reply *word);

/* A job that a request asks for; in its memory, and the state of the step that intake_ask names. */
struct order {
    struct spec spec;
    enum outcome outcome; /* once that step runs */
    struct batch_ticket ticket;
};

/* NULL: out of memory. */
struct batch *intake_new(sluice_worker *worker);

/* Parks the request; `then` runs when the outcome is known, or that it can't be. */
SLUICE_MUST_RETURN sluice_verdict intake_ask(sluice_request *req, sluice_step *then,
                                             const char *then_name, struct order *order);

#endif
