/* The listening sockets: each is kept as long as a generation uses it, so that no connection is
 * refused while one is replaced by the next.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_LISTENERS_H
#define SLUICE_CORE_LISTENERS_H

#include <stdbool.h>

#include "arena.h"
#include "channel.h"
#include "counters.h"

#define LISTENERS 64

struct listener {
    char address[CHANNEL_TEXT_SIZE]; /* "" when the place is free */
    int fd;
    bool used_by[COUNTERS_GENERATIONS];
};

/* All zero at first. */
struct listeners {
    struct listener places[LISTENERS];
};

/* The socket of that address, opened unless it is already; the generation of that slot uses it from
 * now on. The descriptor stays ours. Or a negative errno, with a sentence in *ret_why (in the
 * arena). */
int listeners_use(struct listeners *listeners, unsigned slot, const char *address,
                  struct arena *arena, const char **ret_why);

/* The generation of that slot has ended: what nobody uses any more is closed. */
void listeners_leave(struct listeners *listeners, unsigned slot);

/* In a child: closes them without ending what they listen on. */
void listeners_forget(struct listeners *listeners);

#endif
