/* The commands of `sluice`.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_COMMANDS_H
#define SLUICE_CORE_COMMANDS_H

/* Runs the command that argv names; the exit status: 0, 1 for a failure, 2 for a wrong call. */
int commands_main(int argc, char **argv);

#endif
