/* An answer while it is being made: status, headers, body.
 *
 *   answer_json / answer_problem / answer_respond  ->  status + Content-Type + body
 *   answer_header                                  ->  any other header
 *
 * Shared by the request driver and by the test host, so that a plugin's unit tests see the bytes
 * that its clients would. Problems are RFC 9457 with the members that classic clients read.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_ANSWER_H
#define SLUICE_CORE_ANSWER_H

#include <stdint.h>

#include <sluice/abi.h>

#include "arena.h"
#include "text.h"

#define ANSWER_HEADERS_MAX 32 /* more are refused and logged by the caller */

struct answer_header {
    const char *name, *value;
};

struct answer {
    struct arena *arena;
    uint32_t status; /* 0: no answer yet */
    uint32_t header_count;
    struct text body;
    struct answer_header headers[ANSWER_HEADERS_MAX];
};

/* What a problem says of the request it answers. */
struct problem {
    uint32_t status;
    const char *code; /* snake_case; `type` is /problems#<code> */
    const char *detail;
    const char *instance; /* the request's path, or NULL */
};

void answer_init(struct answer *answer, struct arena *arena);

/* Replaces status and body; drops headers that described the old body (Content-Type, ETag,
 * Retry-After). A NULL `type` sets none. */
void answer_respond(struct answer *answer, uint32_t status, const char *type, const void *body,
                    uint64_t len);
void answer_json(struct answer *answer, uint32_t status, const sluice_arg *pairs, uint32_t count,
                 uint32_t stride);

/* {"type","title","status","detail","instance"?, "success":false,"message","error", pairs...}.
 * A pair "retryAfter" (whole seconds) also sets Retry-After; 429 and 503 without one get 1.
 * A first pair "type" replaces /problems#<code>: for types that are registered elsewhere. */
void answer_problem(struct answer *answer, const struct problem *problem, const sluice_arg *pairs,
                    uint32_t count, uint32_t stride);

/* Replaces, names compared without case. 0, or -EINVAL for a name that is no RFC 9110 token or a
 * value with control characters, -E2BIG beyond ANSWER_HEADERS_MAX: the header is not set. */
int answer_set_header(struct answer *answer, const char *name, const char *value);
const char *answer_get_header(const struct answer *answer, const char *name); /* NULL: absent */

/* The reason phrase of RFC 9110, "Error" for codes without one. */
const char *status_phrase(uint32_t status);

#endif
