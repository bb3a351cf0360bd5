/* Memory that is freed all at once: a request's, a configuration's, a reply's.
 *
 * Allocations are zeroed, aligned and never NULL: a process that is out of memory ends with a
 * message. Freed and not yet allocated bytes are poisoned under AddressSanitizer.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_ARENA_H
#define SLUICE_CORE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first; the oldest is kept by arena_clear */
    char *next, *end;           /* free bytes of the newest */
};

#define ARENA_INIT                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

void *arena_alloc(struct arena *arena, size_t size, size_t align);

/* A NUL-terminated copy of `len` bytes. */
char *arena_copy(struct arena *arena, const void *bytes, size_t len);
char *arena_copy_text(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type), _Alignof(type)))
#define arena_array(arena, type, count)                                                            \
    ((type *)arena_alloc((arena), sizeof(type) * (count), _Alignof(type)))

/* Forgets everything and keeps the first chunk for the next use. */
void arena_clear(struct arena *arena);
void arena_release(struct arena *arena);

/* Says how much memory could not be had, and aborts. */
void out_of_memory(size_t wanted) __attribute__((noreturn));

#endif
