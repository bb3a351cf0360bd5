/* Configuration errors and the nearest word.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "diag.h"

static const char *const words[] = {"capacity", "refill", "cost", "per", "algorithm"};

static const char *nearest(const char *word)
{
    return nearest_word(word, words, sizeof words / sizeof *words, sizeof *words);
}

static void an_error_names_file_line_and_column(void **state)
{
    (void)state;
    struct diag diag;
    diag_init(&diag);
    diag_add(&diag, (struct mark){"config.yaml", 12, 9}, "%s is %d", "a", 1);
    assert_string_equal(diag.lines.data, "config.yaml:12:9: a is 1\n");
    assert_int_equal(diag.count, 1);
    diag_release(&diag);
}

static void a_mark_without_line_names_the_file_alone(void **state)
{
    (void)state;
    struct diag diag;
    diag_init(&diag);
    diag_add(&diag, (struct mark){"config.yaml", 0, 0}, "gone");
    diag_add(&diag, (struct mark){NULL, 0, 0}, "nowhere");
    assert_string_equal(diag.lines.data, "config.yaml: gone\nnowhere\n");
    diag_release(&diag);
}

static void errors_stay_in_order_of_finding(void **state)
{
    (void)state;
    struct diag diag;
    diag_init(&diag);
    diag_add(&diag, (struct mark){"f", 2, 1}, "later line");
    diag_add(&diag, (struct mark){"f", 1, 1}, "earlier line");
    assert_string_equal(diag.lines.data, "f:2:1: later line\nf:1:1: earlier line\n");
    assert_int_equal(diag.count, 2);
    diag_release(&diag);
}

static void control_characters_can_not_forge_a_line(void **state)
{
    (void)state;
    struct diag diag;
    diag_init(&diag);
    diag_add(&diag, (struct mark){"f", 1, 1}, "%s", "a\nconfig.yaml:1:1: forged\x1b[2J");
    assert_string_equal(diag.lines.data, "f:1:1: a?config.yaml:1:1: forged?[2J\n");
    diag_release(&diag);
}

static void a_long_value_is_cut_between_characters(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    char text[100];
    memset(text, 'a', sizeof text);
    memcpy(text + 59, "\xc3\xa9", 2); /* bytes 59 and 60: the cut at 60 would split it */
    text[sizeof text - 1] = '\0';
    const char *quoted = diag_quote(&arena, text);
    assert_int_equal(strlen(quoted), 1 + 59 + 3 + 1);
    assert_string_equal(quoted + 58, "aa...\"");
    assert_string_equal(diag_quote(&arena, "short"), "\"short\"");
    arena_release(&arena);
}

static void a_missing_a_wrong_an_extra_and_two_swapped_letters_are_slips(void **state)
{
    (void)state;
    assert_string_equal(nearest("capcity"), "capacity");
    assert_string_equal(nearest("capacitx"), "capacity");
    assert_string_equal(nearest("capaccity"), "capacity");
    assert_string_equal(nearest("rfeill"), "refill");
}

static void case_is_no_difference(void **state)
{
    (void)state;
    assert_string_equal(nearest("REFILL"), "refill");
}

static void another_word_is_near_to_none(void **state)
{
    (void)state;
    assert_null(nearest("timeout"));
    assert_null(nearest("x"));
    assert_null(nearest(""));
}

static void a_swap_counts_one_so_short_words_are_found(void **state)
{
    (void)state;
    assert_string_equal(nearest("pre"), "per");
}

static void candidates_lie_a_stride_apart(void **state)
{
    (void)state;
    const struct {
        int64_t other;
        const char *name;
        int64_t another;
    } rows[] = {{1, "workers", 2}, {3, "listen", 4}};
    assert_string_equal(nearest_word("lisen", &rows[0].name, 2, sizeof *rows), "listen");
}

static void words_of_any_length_are_safe(void **state)
{
    (void)state;
    char longest[65] = {0}, longer[4000] = {0};
    memset(longest, 'a', 64);
    memset(longer, 'a', sizeof longer - 1);
    const char *const candidates[] = {longer, longest};
    assert_ptr_equal(nearest_word(longest, candidates, 2, sizeof *candidates), longest);
    assert_null(nearest_word(longer, candidates, 2, sizeof *candidates));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_names_file_line_and_column),
        cmocka_unit_test(a_mark_without_line_names_the_file_alone),
        cmocka_unit_test(errors_stay_in_order_of_finding),
        cmocka_unit_test(control_characters_can_not_forge_a_line),
        cmocka_unit_test(a_long_value_is_cut_between_characters),
        cmocka_unit_test(a_missing_a_wrong_an_extra_and_two_swapped_letters_are_slips),
        cmocka_unit_test(case_is_no_difference),
        cmocka_unit_test(another_word_is_near_to_none),
        cmocka_unit_test(a_swap_counts_one_so_short_words_are_found),
        cmocka_unit_test(candidates_lie_a_stride_apart),
        cmocka_unit_test(words_of_any_length_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
