/* The commands of `sluice`.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_COMMANDS_H
#define SLUICE_CORE_COMMANDS_H

#include <stddef.h>

#define SETS_MAX 64
#define OPERANDS_MAX 4

struct gateway;

/* What was called for. */
struct call {
    const char *config;
    const char *sets[SETS_MAX]; /* --set */
    size_t set_count;
    const char *operands[OPERANDS_MAX];
    int operand_count;
};

/* Runs the command that argv names; the exit status: 0, 1 for a failure, 2 for a wrong call. */
int commands_main(int argc, char **argv);

/* Reads the configuration and what it names as far as it can, so that one call tells every error.
 * 0, or 1 after telling them on stderr. The caller releases `gateway` either way. */
int call_build(const struct call *call, struct gateway *gateway);

/* commands_plugin.c: those for who writes plugins. */
int command_plugin_new(const struct call *call);
int command_plugin_check(const struct call *call);
int command_plugin_docs(const struct call *call);
int command_schema(const struct call *call);

#endif
