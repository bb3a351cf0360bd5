/* Environment variables in the values of a configuration, in the shell's spelling.
 *
 *   ${NAME}           its value; an error where it is not set
 *   ${NAME:-default}  its value, or the default where it is not set or empty
 *   ${NAME:+word}     the word where it is set and not empty, else nothing
 *   $$                a dollar sign
 *
 * Defaults and words may hold all of these again; only the one that is used is looked at. Any
 * other $ stands for itself.
 *
 * Values are filled in after the YAML was parsed, so what comes from the environment stays one
 * text, whatever is in it. A scalar without quotes is then read as if the result had been written
 * there; with quotes, options that take a number still do. Keys are never filled in.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_INTERPOLATE_H
#define SLUICE_CORE_INTERPOLATE_H

#include "yaml_tree.h"

/* Fills in every scalar value below `root`, in place, those that aliases share only once. Errors
 * are told at the scalar they are in, without any variable's value. */
void interpolate(struct node *root, struct arena *arena, struct diag *diag);

#endif
