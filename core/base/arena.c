/* Arenas: a list of chunks, allocated from by moving a pointer.
 *
 *   chunks -> newest -> ... -> oldest        next..end: what is free in the newest
 *
 * The first chunk has 4 KiB, each later one twice as many up to 64 KiB. What would not fit into
 * half a chunk gets one of its own, linked in behind the newest so that the newest's free bytes
 * stay in use.
 *
 * Under AddressSanitizer all bytes but the allocated ones are poisoned, and a poisoned gap follows
 * each allocation, so that overflows between neighbours are found.
 *
 * SPDX-License-Identifier: MIT */
#include "arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(start, len) ASAN_POISON_MEMORY_REGION((start), (len))
#define UNPOISON(start, len) ASAN_UNPOISON_MEMORY_REGION((start), (len))
#define GAP ((size_t)8)       /* what one shadow byte describes, */
#define ALIGN_MIN ((size_t)8) /* and must not describe of two neighbours */
#else
#define POISON(start, len) ((void)(start), (void)(len))
#define UNPOISON(start, len) ((void)(start), (void)(len))
#define GAP ((size_t)0)
#define ALIGN_MIN ((size_t)1)
#endif

#define CHUNK_MIN ((size_t)4096)
#define CHUNK_MAX ((size_t)65536)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* of all of it, this header included */
    bool own;    /* holds one big allocation */
    _Alignas(max_align_t) char bytes[];
};

void out_of_memory(size_t wanted)
{
    (void)fprintf(
        stderr,
        "sluice: out of memory: %zu bytes were not to be had; "
        "give this host or this control group more, or lower `workers` and `connections`\n",
        wanted);
    abort();
}

static struct arena_chunk *chunk_new(size_t size, bool own)
{
    struct arena_chunk *chunk = own ? calloc(1, size) : malloc(size);
    if (!chunk)
        out_of_memory(size);
    chunk->older = NULL;
    chunk->size = size;
    chunk->own = own;
    POISON(chunk->bytes, size - sizeof *chunk);
    return chunk;
}

static void chunk_free(struct arena_chunk *chunk)
{
    UNPOISON(chunk->bytes, chunk->size - sizeof *chunk);
    free(chunk);
}

/* Makes `chunk` the newest, all of it free. */
static void use(struct arena *arena, struct arena_chunk *chunk)
{
    arena->chunks = chunk;
    arena->next = chunk->bytes;
    arena->end = (char *)chunk + chunk->size;
}

static void grow(struct arena *arena)
{
    size_t size = CHUNK_MIN;
    if (arena->chunks)
        size = arena->chunks->size < CHUNK_MAX ? arena->chunks->size * 2 : CHUNK_MAX;
    struct arena_chunk *chunk = chunk_new(size, false);
    chunk->older = arena->chunks;
    use(arena, chunk);
}

static char *aligned(char *at, size_t align)
{
    return at + (-(uintptr_t)at & (align - 1));
}

/* A chunk for one allocation, behind the newest. */
static void *alloc_own(struct arena *arena, size_t size, size_t align)
{
    if (!arena->chunks)
        grow(arena);
    struct arena_chunk *chunk = chunk_new(sizeof *chunk + align + size + GAP, true);
    chunk->older = arena->chunks->older;
    arena->chunks->older = chunk;
    char *bytes = aligned(chunk->bytes, align);
    UNPOISON(bytes, size);
    return bytes;
}

void *arena_alloc(struct arena *arena, size_t size, size_t align)
{
    if (align < ALIGN_MIN)
        align = ALIGN_MIN;
    if (size > SIZE_MAX / 2)
        out_of_memory(size);
    if (size + align + GAP > CHUNK_MIN / 2)
        return alloc_own(arena, size, align);

    char *bytes = arena->chunks ? aligned(arena->next, align) : NULL;
    if (!bytes || bytes > arena->end || (size_t)(arena->end - bytes) < size + GAP) {
        grow(arena);
        bytes = aligned(arena->next, align);
    }
    arena->next = bytes + size + GAP;
    UNPOISON(bytes, size);
    memset(bytes, 0, size);
    return bytes;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t len)
{
    char *copy = arena_alloc(arena, len + 1, 1);
    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

char *arena_copy_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = len > 0 ? (size_t)len + 1 : 1;
    char *text = arena_alloc(arena, size, 1);
    va_start(args, format);
    (void)vsnprintf(text, size, format, args);
    va_end(args);
    return text;
}

void arena_clear(struct arena *arena)
{
    struct arena_chunk *oldest = NULL;
    for (struct arena_chunk *chunk = arena->chunks, *older; chunk; chunk = older) {
        older = chunk->older;
        if (!chunk->own && chunk->size == CHUNK_MIN)
            oldest = chunk;
        else
            chunk_free(chunk);
    }
    if (!oldest)
        return;
    oldest->older = NULL;
    use(arena, oldest);
    POISON(oldest->bytes, oldest->size - sizeof *oldest);
}

void arena_release(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->chunks, *older; chunk; chunk = older) {
        older = chunk->older;
        chunk_free(chunk);
    }
    *arena = (struct arena)ARENA_INIT;
}
