/* Replies as steps see them: what Redis answered, what a waker gave, or why nothing came.
 *
 * A reply and its elements live in the arena they were made in. Texts end with a NUL.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_REPLY_H
#define SLUICE_CORE_REPLY_H

#include <sluice/abi.h>

#include "arena.h"

struct reply {
    sluice_reply abi; /* first: a sluice_reply is a struct reply */
    uint32_t type;    /* SLUICE_REPLY_* */
    union {
        int64_t integer;
        struct {
            const char *data;
            uint64_t len;
        } text; /* also of errors, statuses and trouble */
        struct {
            struct reply **items;
            uint64_t count;
        } array;
    } u;
};

extern const sluice_reply_api reply_api;
extern const struct reply reply_nil; /* for what is out of range */

struct reply *reply_new(struct arena *arena, uint32_t kind);
struct reply *reply_text(struct arena *arena, uint32_t kind, const char *data, size_t len);
struct reply *reply_int(struct arena *arena, int64_t value);
struct reply *reply_array(struct arena *arena, uint64_t count); /* elements are set by the caller */

/* What a waker gave: no value is a nil, one a scalar, more an array. A double is its text, as
 * Redis would have sent it. */
struct reply *reply_from_args(struct arena *arena, const sluice_arg *values, uint32_t count,
                              uint32_t stride);

static inline const sluice_reply *reply_abi(const struct reply *reply)
{
    return &reply->abi;
}

/* True for an error reply by which Redis says that it can't serve now, rather than that the
 * command was wrong: LOADING, READONLY, OOM, MISCONF, MASTERDOWN, NOREPLICAS, CLUSTERDOWN,
 * TRYAGAIN, BUSY, NOAUTH, NOPERM, "max number of clients". Such an error is trouble. */
int reply_is_unavailable(const struct reply *error);

#endif
