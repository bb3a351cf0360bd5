/* The plugin that the test host's own tests run: it does everything once, right and wrong.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_SAMPLE_H
#define SLUICE_TEST_SAMPLE_H

#include <sluice/plugin.h>

/* Its configuration. */
struct config {
    const char *board;
    int64_t limit;
    const sluice_script *take;
    const struct greeter *greeter;
    sluice_token parked;
    int ended; /* cleanups that ran */
};

/* A service it uses when there is one, and one it offers. */
struct greeter {
    uint64_t size;
    const char *(*greet)(void);
};

struct sample_service {
    uint64_t size;
};

extern const struct sample_service sample_service; /* taker/2 */
extern const sluice_descriptor sample;

#endif
