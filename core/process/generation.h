/* A generation: one configuration, loaded, and the processes that serve it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_GENERATION_H
#define SLUICE_CORE_GENERATION_H

#include "gateway.h"

struct generation_setup {
    const struct gateway_source *source;
    unsigned number; /* 1 is the first */
    unsigned slot;   /* its row of the counters */
    int channel;     /* to the master; taken */
    int counters;    /* the counters' descriptor; taken */
};

#define GENERATION_REFUSED 2 /* exit status: the configuration or what it names is wrong */

/* Reads the configuration, serves it until SIGTERM, drains, and returns the exit status. Call in a
 * freshly forked child of the master. */
int generation_main(const struct generation_setup *setup);

#endif
