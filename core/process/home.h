/* data_dir: made, locked against a second gateway, and marked with the master's pid.
 *
 *   data_dir/            0700 when we make it
 *   data_dir/run/        0700: sluice.pid (locked), status, redis.sock, <generation>/<n>-plugin.so
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_HOME_H
#define SLUICE_CORE_HOME_H

#include <stdbool.h>
#include <sys/types.h>

#include "arena.h"

struct home {
    const char *data_dir; /* absolute; NULL: not taken yet */
    const char *pid_file;
    int lock; /* of the pid file; held as long as the process lives */
};

/* 0, or a negative errno with a sentence in *ret_why (in the arena). Taking the same again is 0;
 * another one is -EBUSY: the master's data_dir can't change while it runs. */
int home_take(struct home *home, struct arena *arena, const char *data_dir, const char **ret_why);

/* Writes what became of a generation to run/status, whole or not at all. */
void home_tell(const struct home *home, unsigned generation, bool serves);

/* What run/status says: 0, or a negative errno while nothing is told yet. For other processes. */
int home_status(const char *data_dir, unsigned *ret_generation, bool *ret_serves);

/* The pid of the gateway that has this data_dir, or 0. For other processes. */
pid_t home_owner(const char *data_dir);

/* Removes the pid file and the status. */
void home_leave(struct home *home);

#endif
