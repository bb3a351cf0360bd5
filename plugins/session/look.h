/* The sessions that requests come with are looked up together.
 *
 *   look_ask -> shared/batch -> touch.lua: many sessions, read and renewed -> each its visit's record
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_LOOK_H
#define SESSION_LOOK_H

#include <stdbool.h>

#include <sluice/plugin.h>

#include "shared/batch.h"
#include "visit.h"

enum sight {
    SIGHT_AWAY, /* Redis gave no answer, or refused to renew it */
    SIGHT_BROKEN,
    SIGHT_NOTHING,
    SIGHT_SESSION, /* the visit's record is what was read */
};

/* In the request's memory, and the state of the step that look_ask names. */
struct look {
    sluice_request *req;
    struct visit *visit;
    const char *key;     /* of the session */
    const char *address; /* of whoever has the id; "": a client asks in the user's name */
    const char *device;
    bool with_data;
    enum sight sight; /* once that step runs */
    struct batch_ticket ticket;
};

/* NULL: out of memory. */
struct batch *look_batch(sluice_worker *worker);

/* Parks the request; `then` runs when the session was looked for, or could not be. */
SLUICE_MUST_RETURN sluice_verdict look_ask(struct look *look, sluice_step *then,
                                           const char *then_name);

#endif
