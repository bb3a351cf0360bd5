/* Configuration errors, collected so that all of them can be told at once.
 *
 *   config.yaml:12:9: unknown option "capcity" of ratelimit; did you mean "capacity"?
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_DIAG_H
#define SLUICE_CORE_DIAG_H

#include <stddef.h>

#include "text.h"

/* A place in a configuration. `file` is kept; line and column count from 1, 0 means "nowhere in
 * particular". */
struct mark {
    const char *file;
    unsigned line, column;
};

struct diag {
    struct text lines; /* one error a line, in order of finding */
    unsigned count;
};

void diag_init(struct diag *diag);
void diag_release(struct diag *diag);
void diag_add(struct diag *diag, struct mark mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `text` in quotes for a message, cut where it is long. */
const char *diag_quote(struct arena *arena, const char *text);

/* The candidate nearest to `word` by edit distance, or NULL where none is near enough to be a
 * slip of the hand. `stride` is the distance between two `const char *` in bytes. */
const char *nearest_word(const char *word, const char *const *candidates, size_t count,
                         size_t stride);

#endif
