/* One call of take.lua: the questions that go together, and what became of them.
 *
 *   call_begin -> call_add, call_add ... -> call_send -> reply -> call_judge -> the questions
 *
 * A call has one seat for each question, in order of arrival; a place for each distinct bucket; and
 * runs, each the same question several times. A question joins a run that is not the last one only
 * if no bucket of its was named since: then their order makes no difference.
 *
 * The script and `judge` go through the same questions with the same integers: Redis keeps what
 * remains, and each request learns what it left. Seats whose request has ended meanwhile are judged
 * all the same, since the script counted them.
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_CALL_H
#define RATELIMIT_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "question.h"

#define CALL_QUESTIONS_MAX BATCH_SEATS
#define CALL_STAKES_MAX 1024 /* at least POLICIES_MAX */

struct call;

/* NULL: out of memory. `local` outlives it. */
struct call *call_new(struct local *local);
void call_free(struct call *call); /* takes NULL */

void call_begin(struct call *call);
/* False: it is full, the question goes in the next one. */
bool call_add(struct call *call, const struct question *question);

/* `then` runs with the reply; until then the call stays as it is. True: it tells Redis what was spent
 * without it, so no other may be sent until then. */
bool call_send(struct call *call, sluice_worker *worker, const sluice_script *take,
               sluice_worker_step *then, void *state);
/* Judges every question by the reply, and writes its ruling where the request is still there;
 * `tickets` are theirs. False when the reply does not fit the call, and nothing is judged. */
bool call_judge(struct call *call, struct batch_ticket *const *tickets, const sluice_reply *reply,
                int64_t monotonic_ms);

#endif
