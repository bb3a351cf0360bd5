/* YAML as a tree with places, and the bounds that keep hostile text cheap.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"
#include "yaml_tree.h"

static struct arena arena;
static struct diag diag;

static int begin(void **state)
{
    (void)state;
    arena = (struct arena)ARENA_INIT;
    diag_init(&diag);
    return 0;
}

static int end(void **state)
{
    (void)state;
    diag_release(&diag);
    arena_release(&arena);
    return 0;
}

static struct node *parse(const char *text)
{
    return yaml_parse(&arena, "c.yaml", text, strlen(text), &diag);
}

static struct node *parse_well(const char *text)
{
    struct node *root = parse(text);
    assert_string_equal(diag.lines.data, "");
    assert_non_null(root);
    return root;
}

static void assert_error(const char *message)
{
    if (!strstr(diag.lines.data, message))
        fail_msg("\"%s\" is not in:\n%s", message, diag.lines.data);
}

/* `count` times `piece`, in the arena. */
static const char *repeated(const char *piece, size_t count)
{
    struct text text;
    text_init(&text, &arena);
    for (size_t i = 0; i < count; i++)
        text_add(&text, piece);
    return text.data;
}

static void scalars_sequences_and_mappings_make_a_tree(void **state)
{
    (void)state;
    struct node *root = parse_well("a: 1\nb: [x, 'y']\nc:\n  d: {e: f}\n");
    assert_int_equal(root->kind, NODE_MAPPING);
    assert_int_equal(root->count, 3);
    assert_string_equal(node_find(root, "a")->text, "1");
    struct node *b = node_find(root, "b");
    assert_int_equal(b->kind, NODE_SEQUENCE);
    assert_int_equal(b->count, 2);
    assert_string_equal(b->items[1]->text, "y");
    assert_string_equal(node_find(node_find(node_find(root, "c"), "d"), "e")->text, "f");
    assert_null(node_find(root, "e"));
}

static void every_node_and_key_has_its_place(void **state)
{
    (void)state;
    struct node *root = parse_well("# first\na: 1\nlist:\n  - \xc3\xa9: x\n");
    assert_int_equal(root->pairs[1].key_mark.line, 3);
    assert_int_equal(root->pairs[1].key_mark.column, 1);
    struct node *item = root->pairs[1].value->items[0];
    assert_string_equal(item->pairs[0].value->mark.file, "c.yaml");
    assert_int_equal(item->pairs[0].value->mark.line, 4);
    assert_int_equal(item->pairs[0].value->mark.column, 8);
}

static void quotes_make_a_scalar_not_plain(void **state)
{
    (void)state;
    struct node *root = parse_well("[1, \"1\", '1', ~, \"~\"]");
    assert_true(root->items[0]->plain);
    assert_false(root->items[1]->plain);
    assert_false(root->items[2]->plain);
    assert_true(node_is_null(root->items[3]));
    assert_false(node_is_null(root->items[4]));
}

static void nothing_tilde_and_null_are_null(void **state)
{
    (void)state;
    struct node *root = parse_well("{a: , b: ~, c: null, d: nil, e: \"\", f: []}");
    assert_true(node_is_null(node_find(root, "a")));
    assert_true(node_is_null(node_find(root, "b")));
    assert_true(node_is_null(node_find(root, "c")));
    assert_false(node_is_null(node_find(root, "d")));
    assert_false(node_is_null(node_find(root, "e")));
    assert_false(node_is_null(node_find(root, "f")));
    assert_true(node_is_null(NULL));
}

static void an_empty_document_is_an_empty_mapping(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# only a comment\n", "---\n"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct node *root = parse_well(empty[i]);
        assert_int_equal(root->kind, NODE_MAPPING);
        assert_int_equal(root->count, 0);
    }
}

static void an_alias_is_its_anchor_s_node(void **state)
{
    (void)state;
    struct node *root = parse_well("a: &x {b: 1}\nc: *x\nd: &y text\ne: *y\n");
    assert_ptr_equal(node_find(root, "a"), node_find(root, "c"));
    assert_string_equal(node_find(root, "e")->text, "text");
}

static void syntax_errors_have_a_place_and_advice(void **state)
{
    (void)state;
    assert_null(parse("a: 1\n  b: 2\n"));
    assert_error("c.yaml:2:4: not YAML: mapping values are not allowed");
    assert_error("indentation");
    assert_null(parse("a: {b: ${PORT:-1}}\n"));
    assert_error("write \"${NAME}\" in quotes");
}

static void bytes_that_are_no_text_are_placed_too(void **state)
{
    (void)state;
    assert_null(parse("a: 1\nb: \xff\n"));
    assert_error("c.yaml:2:4: not a text");
}

static void duplicate_keys_are_all_told_and_leave_a_tree(void **state)
{
    (void)state;
    struct node *root = parse("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n");
    assert_non_null(root);
    assert_int_equal(diag.count, 2);
    assert_error("c.yaml:3:1: \"a\" is here twice, the other one at line 1");
    assert_error("c.yaml:4:11: \"d\" is here twice");
}

static void many_keys_are_checked_for_duplicates_quickly(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, &arena);
    for (int i = 0; i < 60000; i++)
        text_add_format(&text, "key%d: 1\n", i);
    text_add(&text, "key7: 1\n");
    assert_non_null(parse(text.data));
    assert_int_equal(diag.count, 1);
    assert_error("c.yaml:60001:1: \"key7\" is here twice, the other one at line 8");
}

static void a_second_document_is_an_error(void **state)
{
    (void)state;
    assert_null(parse("a: 1\n---\nb: 2\n"));
    assert_error("c.yaml:2:1: a second document");
}

static void tags_are_errors(void **state)
{
    (void)state;
    assert_non_null(parse("a: !!int 1\nb: !mine {}\nc: !x []\n"));
    assert_int_equal(diag.count, 3);
    assert_error("c.yaml:2:4: the tag \"!mine\"");
}

static void keys_are_names(void **state)
{
    (void)state;
    assert_non_null(parse("? [a, b]\n: 1\n? {c: d}\n: 2\n\"\": 3\n<<: {e: f}\nfine: 4\n"));
    assert_int_equal(diag.count, 4);
    assert_error("c.yaml:1:3: a key is a list");
    assert_error("c.yaml:3:3: a key is a mapping");
    assert_error("c.yaml:5:1: a key is empty");
    assert_error("c.yaml:6:1: merge keys");
}

static void a_nul_in_a_text_is_an_error(void **state)
{
    (void)state;
    assert_non_null(parse("a: \"x\\0y\"\n"));
    assert_error("c.yaml:1:4: a text has a NUL");
}

static void an_alias_of_nothing_is_an_error(void **state)
{
    (void)state;
    assert_non_null(parse("a: *x\nb: &x 1\n"));
    assert_error("c.yaml:1:4: the alias *x names nothing");
}

static void a_node_can_not_hold_itself(void **state)
{
    (void)state;
    assert_non_null(parse("a: &x [*x]\n"));
    assert_error("c.yaml:1:8: the alias *x names nothing");
}

static void a_bomb_of_aliases_is_refused(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, &arena);
    text_add(&text, "a0: &a0 [x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++)
        text_add_format(&text, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                        i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_null(parse(text.data));
    assert_error("too much by aliases");
}

static void more_than_a_hundred_aliases_are_refused(void **state)
{
    (void)state;
    assert_non_null(parse(arena_printf(&arena, "a: &x 1\nb: [%s]\n", repeated("*x ,", 100))));
    assert_int_equal(diag.count, 0);
    assert_null(parse(arena_printf(&arena, "a: &x 1\nb: [%s]\n", repeated("*x ,", 101))));
    assert_error("c.yaml:2:405: too much by aliases");
}

static void thirty_two_levels_are_read_and_no_more(void **state)
{
    (void)state;
    assert_non_null(parse(arena_printf(&arena, "%s%s", repeated("[", 32), repeated("]", 32))));
    assert_int_equal(diag.count, 0);
    assert_null(parse(arena_printf(&arena, "%s%s", repeated("[", 33), repeated("]", 33))));
    assert_error("c.yaml:1:33: nested too deeply");
}

static void aliases_can_not_nest_deeper_than_text(void **state)
{
    (void)state;
    assert_null(parse(arena_printf(&arena, "a: &x %s1%s\nb: %s*x %s\n", repeated("[", 30),
                                   repeated("]", 30), repeated("[", 5), repeated("]", 5))));
    assert_error("c.yaml:2:9: nested too deeply");
}

static void a_megabyte_is_read_and_no_more(void **state)
{
    (void)state;
    char *text = arena_alloc(&arena, YAML_SIZE_MAX + 1, 1);
    memset(text, '#', YAML_SIZE_MAX + 1);
    assert_non_null(yaml_parse(&arena, "c.yaml", text, YAML_SIZE_MAX, &diag));
    assert_null(yaml_parse(&arena, "c.yaml", text, YAML_SIZE_MAX + 1, &diag));
    assert_error("larger than 1 MiB");
}

static void a_megabyte_of_any_opening_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const openings[] = {"[", "{", "- ", "? ", "[{", "{a: ", "[? "};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        const char *text = repeated(openings[i], YAML_SIZE_MAX / strlen(openings[i]));
        unsigned before = diag.count;
        assert_null(parse(text));
        assert_true(diag.count > before);
    }
}

/* Every prefix and every change of one byte of a good text: an answer, never a crash, and an error
 * where there is no tree. */
static void broken_text_gives_a_tree_or_an_error(void **state)
{
    (void)state;
    static const char good[] =
        "%YAML 1.1\n---\na: &x [1, \"two\\n\", 'three']\nb: {c: *x, d: |\n  text\n}\n"
        "e: >-\n  folded\n  text\n? f\n: - g\n  - h: ~\n...\n";
    static const char bytes[] = "\0\n\t:-[]{}&*!|>'\"%@`,?#\xff\xc3 a";
    for (size_t len = 0; len <= sizeof good; len++) {
        char *copy = malloc(len + 1); /* of its exact size, so that an overrun is seen */
        assert_non_null(copy);
        memcpy(copy, good, len < sizeof good ? len : sizeof good);
        unsigned before = diag.count;
        struct node *root = yaml_parse(&arena, "c.yaml", copy, len, &diag);
        assert_true(root || diag.count > before);
        for (size_t i = 0; len && i < sizeof bytes; i++) {
            copy[len - 1] = bytes[i];
            before = diag.count;
            root = yaml_parse(&arena, "c.yaml", copy, len, &diag);
            assert_true(root || diag.count > before);
        }
        free(copy);
    }
}

static void random_text_gives_a_tree_or_an_error(void **state)
{
    (void)state;
    static const char alphabet[] = "ab:- \n\n  []{}&x*x!|>'\"%,?#~\\\t0";
    uint32_t seed = 20231123;
    for (int round = 0; round < 20000; round++) {
        char text[48];
        size_t len = (seed >> 8) % sizeof text;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = alphabet[(seed >> 8) % (sizeof alphabet - 1)];
        }
        seed = seed * 1664525u + 1013904223u;
        unsigned before = diag.count;
        struct node *root = yaml_parse(&arena, "c.yaml", text, len, &diag);
        assert_true(root || diag.count > before);
        arena_clear(&arena);
    }
}

static void a_path_steps_through_names_with_dots(void **state)
{
    (void)state;
    struct node *root = parse_well("{a: 1, a.b: {c: 2}, ab: 3}");
    const char *rest;
    assert_string_equal(node_step(root, "a.b.c", &rest)->key, "a.b");
    assert_string_equal(rest, "c");
    assert_string_equal(node_step(root, "a.x", &rest)->key, "a");
    assert_string_equal(node_step(root, "ab", &rest)->key, "ab");
    assert_string_equal(rest, "");
    assert_null(node_step(root, "abc", &rest));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scalars_sequences_and_mappings_make_a_tree),
        TEST(every_node_and_key_has_its_place),
        TEST(quotes_make_a_scalar_not_plain),
        TEST(nothing_tilde_and_null_are_null),
        TEST(an_empty_document_is_an_empty_mapping),
        TEST(an_alias_is_its_anchor_s_node),
        TEST(syntax_errors_have_a_place_and_advice),
        TEST(bytes_that_are_no_text_are_placed_too),
        TEST(duplicate_keys_are_all_told_and_leave_a_tree),
        TEST(many_keys_are_checked_for_duplicates_quickly),
        TEST(a_second_document_is_an_error),
        TEST(tags_are_errors),
        TEST(keys_are_names),
        TEST(a_nul_in_a_text_is_an_error),
        TEST(an_alias_of_nothing_is_an_error),
        TEST(a_node_can_not_hold_itself),
        TEST(a_bomb_of_aliases_is_refused),
        TEST(more_than_a_hundred_aliases_are_refused),
        TEST(thirty_two_levels_are_read_and_no_more),
        TEST(aliases_can_not_nest_deeper_than_text),
        TEST(a_megabyte_is_read_and_no_more),
        TEST(a_megabyte_of_any_opening_is_refused_at_once),
        TEST(broken_text_gives_a_tree_or_an_error),
        TEST(random_text_gives_a_tree_or_an_error),
        TEST(a_path_steps_through_names_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
