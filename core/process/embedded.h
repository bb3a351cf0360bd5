/* The embedded Redis: a redis-server of the master's own, on a unix socket in data_dir.
 *
 *   OFF -start-> STARTING -answers PING-> UP -dies-> WAITING -backoff over-> STARTING
 *                                          UP -stop-> STOPPING -exits-> OFF
 *
 * While a server that a killed master left behind still writes the files, it is WAITING too.
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

#define EMBEDDED_TROUBLE_SIZE 512

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
    const char *fsync;    /* "everysec", "always" */
    const char *data_dir; /* absolute */
    const char *socket;   /* absolute */
    pid_t pid;
    int lock;          /* on data_dir/redis/lock, shared with the server; -1 while OFF */
    int probe;         /* a connection that has sent PING, or -1 */
    int64_t next_look; /* monotonic ms; 0: nothing is due */
    int64_t answer_by; /* monotonic ms; silent for longer, it is taken for dead */
    struct backoff backoff;
    char trouble[EMBEDDED_TROUBLE_SIZE]; /* why it did not come up; "" when it did, or still may */
};

/* What it is before embedded_start. */
#define EMBEDDED_INIT ((struct embedded){.lock = -1, .probe = -1})

/* Starts it. 0, or -EINVAL with a sentence in *ret_why (in the arena): the program is missing, or
 * data_dir can't be used. Strings are kept. */
int embedded_start(struct embedded *embedded, struct arena *arena, const char *program,
                   const char *fsync, const char *data_dir, const char **ret_why);

/* What the loop should poll for reading (-1: nothing) and until when (0: no limit). */
int embedded_poll(const struct embedded *embedded, int64_t *ret_until);

/* After polling: looks whether it answers, or starts it again. */
void embedded_turn(struct embedded *embedded, int64_t now);

/* `pid` was reaped. True when it was this one's. */
bool embedded_reaped(struct embedded *embedded, pid_t pid, int status, int64_t now);

/* SIGTERM: it saves and exits; OFF once it is reaped. */
void embedded_stop(struct embedded *embedded);

/* SIGKILL, for one that does not exit: what it wrote in the last second may be lost. */
void embedded_force(const struct embedded *embedded);

/* In a forked child that has nothing to do with it. */
void embedded_forget(const struct embedded *embedded);

#endif
