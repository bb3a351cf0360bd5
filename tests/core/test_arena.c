/* Arenas: alignment, zeroing, growth, and what clearing keeps.
 *
 * Includes the source to see chunks.
 *
 * SPDX-License-Identifier: MIT */
#include "arena.c"

#include <setjmp.h>

#include <cmocka.h>

static size_t chunks(const struct arena *arena)
{
    size_t count = 0;
    for (const struct arena_chunk *chunk = arena->chunks; chunk; chunk = chunk->older)
        count++;
    return count;
}

static int all_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return 0;
    return 1;
}

static void allocations_are_aligned_and_zeroed(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    for (size_t align = 1; align <= 64; align *= 2) {
        char *bytes = arena_alloc(&arena, 33, align);
        assert_int_equal((uintptr_t)bytes % align, 0);
        assert_true(all_zero(bytes, 33));
        memset(bytes, 0xff, 33);
    }
    arena_release(&arena);
    assert_null(arena.chunks);
}

static void memory_is_zeroed_again_after_a_clear(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    char *first = arena_alloc(&arena, 1000, 8);
    memset(first, 0xff, 1000);
    arena_clear(&arena);
    char *again = arena_alloc(&arena, 1000, 8);
    assert_ptr_equal(first, again);
    assert_true(all_zero(again, 1000));
    arena_release(&arena);
}

static void chunks_grow_up_to_their_bound(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    for (int i = 0; i < 1000; i++)
        memset(arena_alloc(&arena, 1024, 8), 1, 1024);
    assert_int_equal(arena.chunks->size, CHUNK_MAX);
    assert_in_range(chunks(&arena), 16, 24);
    arena_release(&arena);
}

static void clearing_keeps_the_first_chunk_only(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    (void)arena_alloc(&arena, 1, 1);
    const struct arena_chunk *first = arena.chunks;
    for (int i = 0; i < 100; i++)
        (void)arena_alloc(&arena, 1000, 8);
    (void)arena_alloc(&arena, (size_t)1 << 20, 8);
    arena_clear(&arena);
    assert_ptr_equal(arena.chunks, first);
    assert_int_equal(chunks(&arena), 1);
    arena_release(&arena);
}

static void a_big_allocation_does_not_waste_the_newest_chunk(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    char *big = arena_alloc(&arena, 100000, 64);
    assert_int_equal((uintptr_t)big % 64, 0);
    assert_true(all_zero(big, 100000));
    assert_int_equal(chunks(&arena), 2);
    (void)arena_alloc(&arena, 1000, 8);
    assert_int_equal(chunks(&arena), 2);
    arena_clear(&arena);
    assert_int_equal(chunks(&arena), 1);
    assert_false(arena.chunks->own);
    arena_release(&arena);
}

static void nothing_allocated_still_has_an_address(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    assert_non_null(arena_alloc(&arena, 0, 1));
    arena_release(&arena);
}

static void copies_and_formats_end_with_a_nul(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    assert_string_equal(arena_copy(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    assert_string_equal(arena_copy_text(&arena, "whole"), "whole");
    assert_string_equal(arena_printf(&arena, "%d/%s", 7, "x"), "7/x");
    char *wide = arena_printf(&arena, "%5000d", 1);
    assert_int_equal(strlen(wide), 5000);
    arena_release(&arena);
}

static void an_unused_arena_can_be_cleared_and_released(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    arena_clear(&arena);
    arena_release(&arena);
    assert_null(arena.chunks);
}

#ifdef ARENA_ASAN
static void bytes_beyond_an_allocation_are_poisoned(void **unused)
{
    (void)unused;
    struct arena arena = ARENA_INIT;
    char *bytes = arena_alloc(&arena, 5, 1);
    char *next = arena_alloc(&arena, 5, 1);
    assert_false(__asan_address_is_poisoned(bytes + 4));
    assert_true(__asan_address_is_poisoned(bytes + 5));
    assert_false(__asan_address_is_poisoned(next));
    arena_clear(&arena);
    assert_true(__asan_address_is_poisoned(bytes));
    arena_release(&arena);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_zeroed),
        cmocka_unit_test(memory_is_zeroed_again_after_a_clear),
        cmocka_unit_test(chunks_grow_up_to_their_bound),
        cmocka_unit_test(clearing_keeps_the_first_chunk_only),
        cmocka_unit_test(a_big_allocation_does_not_waste_the_newest_chunk),
        cmocka_unit_test(nothing_allocated_still_has_an_address),
        cmocka_unit_test(copies_and_formats_end_with_a_nul),
        cmocka_unit_test(an_unused_arena_can_be_cleared_and_released),
#ifdef ARENA_ASAN
        cmocka_unit_test(bytes_beyond_an_allocation_are_poisoned),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
