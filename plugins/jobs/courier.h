/* An executor of webhooks: many deliveries at a time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_COURIER_H
#define JOBS_COURIER_H

#include <sluice/abi.h>

/* As sluice_process's `execute`. */
int32_t courier_execute(sluice_executor *executor, void *self, uint32_t slot);

#endif
