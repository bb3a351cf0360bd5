/* Judging while Redis is away, by each policy's on_store_error.
 *
 *   closed -> nothing passes      open -> not judged      local -> this worker's share decides
 *
 * SPDX-License-Identifier: MIT */
#ifndef RATELIMIT_AWAY_H
#define RATELIMIT_AWAY_H

#include <stdbool.h>

#include <sluice/plugin.h>

#include "question.h"

struct ratelimit;

/* Sets `pass` and `now` as Redis would have, and keeps only the demands that were judged. False
 * when a policy is closed: nothing is judged, the answer is away_refuse. */
bool away_judge(struct ratelimit *ratelimit, sluice_worker *worker, struct question *question);
SLUICE_MUST_RETURN sluice_verdict away_refuse(sluice_request *req);

#endif
