/* Subscores as text that sorts: 16 hex digits of the IEEE 754 bits, made order-preserving.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LEADERBOARD_CODE_H
#define LEADERBOARD_CODE_H

#include <stdbool.h>
#include <stdint.h>

#define CODE_SIZE 17

/* Codes of finite numbers compare as strings as the numbers do; with `invert` the other way round.
 * -0 is 0. */
void code_write(double value, bool invert, char ret_code[CODE_SIZE]);

/* The number of a code; 0 for what is none. */
double code_read(const char *code, bool invert);

#endif
