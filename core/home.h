/* data_dir: made, locked against a second gateway, and marked with the master's pid.
 *
 *   data_dir/            0700 when we make it
 *   data_dir/run/        0700: sluice.pid (locked), redis.sock, <generation>/<n>-plugin.so
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_HOME_H
#define SLUICE_CORE_HOME_H

#include "arena.h"

struct home {
    const char *data_dir; /* absolute; NULL: not taken yet */
    const char *pid_file;
    int lock; /* of the pid file; held as long as the process lives */
};

/* 0, or a negative errno with a sentence in *ret_why (in the arena). Taking the same again is 0;
 * another one is -EBUSY: the master's data_dir can't change while it runs. */
int home_take(struct home *home, struct arena *arena, const char *data_dir, const char **ret_why);

/* Removes the pid file. */
void home_leave(struct home *home);

#endif
