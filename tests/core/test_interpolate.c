/* Environment variables in the values of a configuration.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "interpolate.h"
#include "text.h"

static struct arena arena;
static struct diag diag;

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static int begin(void **state)
{
    (void)state;
    arena = (struct arena)ARENA_INIT;
    diag_init(&diag);
    set("SET", "value");
    set("EMPTY", "");
    set("HOST", "db.example");
    return unsetenv("UNSET") || unsetenv("UNSET2");
}

static int end(void **state)
{
    (void)state;
    diag_release(&diag);
    arena_release(&arena);
    return 0;
}

static struct node *fill(const char *text)
{
    struct node *root = yaml_parse(&arena, "c.yaml", text, strlen(text), &diag);
    assert_non_null(root);
    interpolate(root, &arena, &diag);
    return root;
}

/* What one double-quoted scalar becomes. */
static const char *filled(const char *text)
{
    const char *value = fill(arena_printf(&arena, "a: \"%s\"", text))->pairs[0].value->text;
    assert_string_equal(diag.lines.data, "");
    return value;
}

static void assert_errors(unsigned count, const char *message)
{
    assert_int_equal(diag.count, count);
    if (!strstr(diag.lines.data, message))
        fail_msg("\"%s\" is not in:\n%s", message, diag.lines.data);
}

static void a_variable_is_replaced_by_its_value(void **state)
{
    (void)state;
    assert_string_equal(filled("${SET}"), "value");
    assert_string_equal(filled("a-${SET}-${SET}-b"), "a-value-value-b");
    assert_string_equal(filled("${EMPTY}"), "");
}

static void a_default_is_for_what_is_unset_or_empty(void **state)
{
    (void)state;
    assert_string_equal(filled("${UNSET:-x y}"), "x y");
    assert_string_equal(filled("${EMPTY:-x}"), "x");
    assert_string_equal(filled("${SET:-x}"), "value");
    assert_string_equal(filled("${UNSET:-}"), "");
}

static void a_word_is_for_what_is_set_and_not_empty(void **state)
{
    (void)state;
    assert_string_equal(filled("${UNSET:+x}"), "");
    assert_string_equal(filled("${EMPTY:+x}"), "");
    assert_string_equal(filled("${SET:+x}"), "x");
}

static void defaults_and_words_nest(void **state)
{
    (void)state;
    static const char url[] = "${UNSET:-${HOST:+redis://${HOST}:${UNSET2:-6379}}}";
    assert_string_equal(filled(url), "redis://db.example:6379");
    set("UNSET2", "7000");
    assert_string_equal(filled(url), "redis://db.example:7000");
    set("UNSET", "redis://other");
    assert_string_equal(filled(url), "redis://other");
    set("UNSET", "");
    set("HOST", "");
    assert_string_equal(filled(url), "");
}

static void a_branch_that_is_not_taken_may_name_what_is_not_set(void **state)
{
    (void)state;
    assert_string_equal(filled("${SET:-${UNSET}}"), "value");
    assert_string_equal(filled("${UNSET:+${UNSET}}"), "");
}

static void two_dollars_are_one(void **state)
{
    (void)state;
    assert_string_equal(filled("$$"), "$");
    assert_string_equal(filled("$${SET}"), "${SET}");
    assert_string_equal(filled("$$$${SET}"), "$${SET}");
    assert_string_equal(filled("$$${SET}"), "$value");
    assert_string_equal(filled("${UNSET:-$$5}"), "$5");
}

static void other_dollars_stand_for_themselves(void **state)
{
    (void)state;
    assert_string_equal(filled("pa$word $ $SET {SET} }"), "pa$word $ $SET {SET} }");
}

static void what_an_alias_shares_is_filled_in_once(void **state)
{
    (void)state;
    struct node *root = fill("a: &x $${SET}\nb: *x\n");
    assert_string_equal(node_find(root, "a")->text, "${SET}");
    assert_string_equal(node_find(root, "b")->text, "${SET}");
}

static void a_value_can_not_bring_structure(void **state)
{
    (void)state;
    set("SET", "x\nb: {c: 1}\n# \" ' ] ${HOST}");
    struct node *root = fill("a: ${SET}\n");
    assert_int_equal(root->count, 1);
    assert_int_equal(node_find(root, "a")->kind, NODE_SCALAR);
    assert_string_equal(node_find(root, "a")->text, "x\nb: {c: 1}\n# \" ' ] ${HOST}");
}

static void a_plain_scalar_stays_plain_and_a_quoted_one_quoted(void **state)
{
    (void)state;
    struct node *root = fill("a: ${EMPTY}\nb: \"${EMPTY}\"\nc: text\n");
    assert_true(node_is_null(node_find(root, "a")));
    assert_false(node_is_null(node_find(root, "b")));
    assert_true(node_find(root, "b")->filled);
    assert_false(node_find(root, "c")->filled);
}

static void keys_are_left_alone(void **state)
{
    (void)state;
    assert_non_null(node_find(fill("${UNSET}: 1\n"), "${UNSET}"));
    assert_int_equal(diag.count, 0);
}

static void values_in_lists_and_blocks_are_filled_in(void **state)
{
    (void)state;
    struct node *root = fill("a: [\"${SET}\", b]\nc: |\n  x ${SET}\n");
    assert_string_equal(node_find(root, "a")->items[0]->text, "value");
    assert_string_equal(node_find(root, "c")->text, "x value\n");
}

static void every_missing_variable_is_told_at_its_place(void **state)
{
    (void)state;
    struct node *root = fill("a: 1\nb: ${UNSET} and ${UNSET2}\nc:\n  - ${UNSET}\n");
    assert_errors(3, "c.yaml:2:4: the environment variable UNSET is not set; set it, or write "
                     "${UNSET:-default}");
    assert_errors(3, "c.yaml:2:4: the environment variable UNSET2 is not set");
    assert_errors(3, "c.yaml:4:5: the environment variable UNSET is not set");
    assert_true(node_is_null(node_find(root, "b")));
}

static void broken_variables_are_told(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "${",        "${}",    "${SET",           "${SET:-x", "${SET-x}",   "${1A}",
        "${SET:?x}", "${S T}", "${UNSET:-${SET}", "${ SET}",  "${SET:+${}}"};
    unsigned count = 0;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        (void)fill(arena_printf(&arena, "a: \"%s\"", broken[i]));
        assert_errors(++count, "c.yaml:1:4: a ${ that can't be read; expected ${NAME}");
    }
}

static void values_never_reach_a_message(void **state)
{
    (void)state;
    set("SET", "s3cret");
    (void)fill("a: ${SET}${UNSET}${SET\n");
    assert_true(diag.count > 0);
    assert_null(strstr(diag.lines.data, "s3cret"));
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, &arena);
    text_add(&text, "a: ");
    for (int i = 0; i < 100000; i++)
        text_add(&text, "${UNSET:-");
    (void)fill(text.data);
    assert_errors(1, "can't be read");
}

static void what_comes_from_variables_has_an_end(void **state)
{
    (void)state;
    char long_value[60001];
    memset(long_value, 'x', 60000);
    long_value[60000] = '\0';
    set("SET", long_value);
    struct text text;
    text_init(&text, &arena);
    text_add(&text, "a: ");
    for (int i = 0; i < 100000; i++)
        text_add(&text, "${SET}");
    (void)fill(text.data);
    assert_errors(1, "more than 1 MiB");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_variable_is_replaced_by_its_value),
        TEST(a_default_is_for_what_is_unset_or_empty),
        TEST(a_word_is_for_what_is_set_and_not_empty),
        TEST(defaults_and_words_nest),
        TEST(a_branch_that_is_not_taken_may_name_what_is_not_set),
        TEST(two_dollars_are_one),
        TEST(other_dollars_stand_for_themselves),
        TEST(what_an_alias_shares_is_filled_in_once),
        TEST(a_value_can_not_bring_structure),
        TEST(a_plain_scalar_stays_plain_and_a_quoted_one_quoted),
        TEST(keys_are_left_alone),
        TEST(values_in_lists_and_blocks_are_filled_in),
        TEST(every_missing_variable_is_told_at_its_place),
        TEST(broken_variables_are_told),
        TEST(values_never_reach_a_message),
        TEST(nesting_has_an_end),
        TEST(what_comes_from_variables_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
