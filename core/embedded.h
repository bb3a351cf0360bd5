/* The embedded Redis: a redis-server of the master's own, on a unix socket in data_dir.
 *
 *   OFF -start-> STARTING -answers PING-> UP -dies-> WAITING -backoff over-> STARTING
 *                                          UP -stop-> STOPPING -exits-> OFF
 *
 * It is driven by the master's loop and never blocks it: embedded_poll says what to wait for,
 * embedded_turn moves on.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_EMBEDDED_H
#define SLUICE_CORE_EMBEDDED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "backoff.h"

enum embedded_state {
    EMBEDDED_OFF,
    EMBEDDED_STARTING,
    EMBEDDED_UP,
    EMBEDDED_WAITING,
    EMBEDDED_STOPPING,
};

struct embedded {
    enum embedded_state state;
    const char *program;  /* "redis-server", or its path */
    const char *data_dir; /* absolute */
    const char *socket;   /* absolute */
    pid_t pid;
    int probe;         /* a connection that has sent PING, or -1 */
    int64_t next_look; /* monotonic ms; 0: nothing is due */
    struct backoff backoff;
};

/* Starts it. 0, or -EINVAL with a sentence in *ret_why (in the arena): the program is missing, or
 * data_dir can't be used. Strings are kept. */
int embedded_start(struct embedded *embedded, struct arena *arena, const char *program,
                   const char *data_dir, const char **ret_why);

/* What the loop should poll for reading (-1: nothing) and until when (0: no limit). */
int embedded_poll(const struct embedded *embedded, int64_t *ret_until);

/* After polling: looks whether it answers, or starts it again. */
void embedded_turn(struct embedded *embedded, int64_t now);

/* `pid` was reaped. True when it was this one's. */
bool embedded_reaped(struct embedded *embedded, pid_t pid, int status, int64_t now);

/* SIGTERM: it saves and exits; OFF once it is reaped. */
void embedded_stop(struct embedded *embedded);

#endif
