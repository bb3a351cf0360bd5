/* Who asks, as scripts and rules want to know it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_CALLER_H
#define JOBS_CALLER_H

#include <stdbool.h>

#include <sluice/plugin.h>

/* The client's id; "" for an admin, whom no list of a queue keeps out. */
const char *caller_client(sluice_request *req);

/* The space whose jobs it sees; "" for an admin, who sees all. */
const char *caller_space(sluice_request *req);

bool caller_is_self_made(sluice_request *req);

/* Whether it may lease from this queue: an admin, or a key with the scope jobs:work or
 * jobs:work:<queue>. */
bool caller_may_work(sluice_request *req, const char *queue);

#endif
