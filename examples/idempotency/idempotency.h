/* What the files of idempotency share.
 *
 * SPDX-License-Identifier: MIT */
#ifndef IDEMPOTENCY_H
#define IDEMPOTENCY_H

#include <sluice/plugin.h>

#include "hash.h"
#include "seal.h"

enum on_store_error { STORE_CLOSED, STORE_OPEN };

struct idempotency {
    int64_t keep;       /* ms */
    int64_t in_flight;  /* ms */
    int64_t answer_max; /* bytes */
    sluice_texts headers, sealed;
    int64_t on_store_error; /* enum on_store_error */
    const sluice_script *claim, *store, *release;
};

/* A key that this request has, or asks for; in the request's memory. */
struct claim {
    const struct idempotency *plugin;
    sluice_worker *worker;
    const char *record; /* the key in Redis */
    char owner[HASH_SIZE];
    bool is_sealed; /* with `seal` */
    unsigned char seal[SEAL_KEY_SIZE];
    bool settled; /* stored or released: there is nothing left to take back */
};

/* claim.c: the body hook. */
sluice_step claim;

/* settle.c: the after hook, and what takes a claim back whose request never got there: when its
 * client went, when the gateway drained. */
sluice_step settle;
void claim_take_back(void *what);
void claim_undo(sluice_worker *worker, void *state, const sluice_reply *reply);

#endif
