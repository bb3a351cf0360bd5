/* Forking a child that can't outlive its parent.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_CHILD_H
#define SLUICE_CORE_CHILD_H

#include <sys/types.h>

/* As fork(2), but the child starts with default signals, an empty mask and SIGPIPE ignored, and
 * gets `death_signal` when its parent dies, even if that was before it could ask. The parent must
 * have no loop and no thread. A negative errno on failure. */
pid_t child_fork(int death_signal);

/* "exited with status 1", "was killed by SIGSEGV": what wait(2) said, for people. */
#define CHILD_END_SIZE 64
void child_end(int status, char ret_text[CHILD_END_SIZE]);

/* A descriptor from which SIGCHLD and the given signals are read; they are blocked. A negative
 * errno on failure. `signals` ends with 0. */
int child_signals(const int *signals);

#endif
