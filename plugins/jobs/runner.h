/* An executor of jobs: runs one handler after the other.
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_RUNNER_H
#define JOBS_RUNNER_H

#include <sluice/abi.h>

/* As sluice_process's `execute`. */
int32_t jobs_execute(sluice_executor *executor, void *self, uint32_t slot);

#endif
