/* The heap, for a process that ends when it is out of memory.
 *
 * A worker that can't allocate can't answer either; its generation starts another one, which is
 * both simpler and safer than hundreds of error paths that never run.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_MEMORY_H
#define SLUICE_CORE_MEMORY_H

#include <stdlib.h>

#include "arena.h"

static inline void *memory_must(void *got)
{
    if (!got)
        out_of_memory(0); /* how much was wanted is not known here */
    return got;
}

#define memory_new(type) ((type *)memory_must(calloc(1, sizeof(type))))
#define memory_array(type, count) ((type *)memory_must(calloc((count), sizeof(type))))
#define memory_grow(array, count) memory_must(reallocarray((array), (count), sizeof *(array)))

#endif
