/* An executor: a child process with one thread and no loop, in which a plugin runs what may block,
 * crash, leak or hang.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_EXECUTOR_H
#define SLUICE_CORE_EXECUTOR_H

#include "gateway.h"
#include "redis.h"

struct executor_setup {
    const struct gateway *gateway;
    const struct process *process;
    struct redis_target redis;
    unsigned slot;
    int socket; /* to its process; non-blocking */
};

/* Runs the plugin's `execute` in a freshly forked child and returns its exit status. */
int executor_main(const struct executor_setup *setup);

#endif
