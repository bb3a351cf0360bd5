/* What the answers about sessions look like.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_ANSWER_H
#define SESSION_ANSWER_H

#include <sluice/plugin.h>

#include "visit.h"

/* The session with its ETag; `id` is the one to tell, or NULL. */
sluice_verdict answer_session(sluice_request *req, uint32_t status, const struct record *record,
                              const char *id);

/* Says that the answer holds what is nobody else's. */
void answer_is_private(sluice_request *req);

/* RFC 3339, of ms since 1970. */
const char *answer_time(sluice_request *req, int64_t ms);

/* The problem that a script's word stands for. */
sluice_verdict answer_refused(sluice_request *req, const char *word);

/* A request without a session, or without a space, on a route that the configuration opened to such
 * requests: the handler has nothing to work on. */
sluice_verdict answer_nobody(sluice_request *req);

/* Redis gave no answer: never a 401, which would make a client forget a session that is there. */
sluice_verdict answer_away(sluice_request *req);

/* The session ended while this request was under way. */
sluice_verdict answer_gone(sluice_request *req);

#endif
