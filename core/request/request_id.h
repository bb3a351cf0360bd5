/* Request ids and trace ids.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_REQUEST_ID_H
#define SLUICE_CORE_REQUEST_ID_H

#include "arena.h"

#define REQUEST_ID_SIZE 129 /* the longest that is taken from a client, and its NUL */

/* The client's own id, if it is 1 to 128 of A-Z a-z 0-9 . _ -, else 128 random bits in hex. */
void request_id_take(char ret_id[REQUEST_ID_SIZE], const char *from_client);

/* Forgets the random bytes in stock: a fork must not make its parent's ids again. */
void request_id_reset(void);

/* The trace id of a traceparent header (W3C Trace Context, version 00), in the arena; NULL when it
 * is absent or malformed. */
const char *request_trace(struct arena *arena, const char *traceparent);

#endif
