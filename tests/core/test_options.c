/* Option tables: every type, its defaults, its bounds, and what is said of what is wrong.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

struct policy {
    const char *name;
    int64_t algorithm;
    int64_t capacity;
    sluice_rate refill;
};

struct cookie {
    const char *name;
    bool secure;
};

struct config {
    bool enabled;
    int64_t count, wait, room, mode, age;
    sluice_rate rate;
    const char *title, *token;
    sluice_texts tags;
    struct cookie cookie;
    sluice_map policies;
};

#define ROW(type_, of, member, ...)                                                                \
    {                                                                                              \
        .name = #member, .type = SLUICE_##type_, .offset = offsetof(struct of, member),            \
        __VA_ARGS__                                                                                \
    }
#define ROWS(table)                                                                                \
    .rows = (table), .row_count = sizeof(table) / sizeof *(table), .row_stride = sizeof *(table)

static const char *const algorithms[] = {"token-bucket", "fixed-window", "gcra", NULL};

static const sluice_option policy_rows[] = {
    ROW(NAME, policy, name, .fallback = NULL),
    ROW(CHOICE, policy, algorithm, .fallback = "token-bucket", .choices = algorithms),
    ROW(INT, policy, capacity, .flags = SLUICE_REQUIRED, .min = 1, .max = 1000),
    ROW(RATE, policy, refill, .fallback = "1/s", .min = 1, .max = 100),
};

static const sluice_option cookie_rows[] = {
    ROW(TEXT, cookie, name, .fallback = "sid"),
    ROW(BOOL, cookie, secure, .fallback = "true"),
};

static const sluice_option rows[] = {
    ROW(BOOL, config, enabled, .fallback = "yes"),
    ROW(INT, config, count, .fallback = "3", .min = -5, .max = 10),
    ROW(DURATION, config, wait, .fallback = "5s", .min = 1000, .max = 60000),
    ROW(SIZE, config, room, .fallback = "8k", .min = 2048),
    ROW(CHOICE, config, mode, .fallback = "gcra", .choices = algorithms),
    ROW(INT, config, age, .fallback = NULL),
    ROW(RATE, config, rate, .fallback = "10/s"),
    ROW(TEXT, config, title, .fallback = "\"\"", .max = 8),
    ROW(TEXT, config, token, .flags = SLUICE_SECRET, .min = 6, .max = 64),
    ROW(TEXTS, config, tags, .fallback = "[a, b]", .max = 3),
    ROW(GROUP, config, cookie, ROWS(cookie_rows)),
    ROW(MAP, config, policies, .fallback = "{default: {capacity: 20}}",
        .item_size = sizeof(struct policy), ROWS(policy_rows)),
};

static const struct option_table table = {rows, sizeof rows / sizeof *rows, sizeof *rows};

static struct arena arena;
static struct diag diag;
static struct config config;

static int begin(void **state)
{
    (void)state;
    arena = (struct arena)ARENA_INIT;
    config = (struct config){0};
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

static void apply(struct option_table to, const char *yaml)
{
    struct node *root = yaml_parse(&arena, "c.yaml", yaml, strlen(yaml), &diag);
    assert_non_null(root);
    options_apply(to, "plugin", root, (struct mark){"c.yaml", 9, 9}, &config, &arena, &diag);
}

static void apply_well(const char *yaml)
{
    apply(table, yaml);
    assert_string_equal(diag.lines.data, "");
}

/* `yaml` gives exactly these lines. */
static void assert_errors(const char *yaml, const char *lines)
{
    diag_release(&diag);
    diag_init(&diag);
    apply(table, yaml);
    assert_string_equal(diag.lines.data, lines);
}

static void every_type_is_stored(void **state)
{
    (void)state;
    apply_well("{enabled: off, count: -5, wait: 60s, room: 1m, mode: fixed-window, age: 7,\n"
               " rate: 3/250ms, title: Hello, token: abcdef, tags: [x, 'y'],\n"
               " cookie: {name: c, secure: false}}");
    assert_false(config.enabled);
    assert_int_equal(config.count, -5);
    assert_int_equal(config.wait, 60000);
    assert_int_equal(config.room, 1048576);
    assert_int_equal(config.mode, 1);
    assert_int_equal(config.age, 7);
    assert_int_equal(config.rate.amount, 3);
    assert_int_equal(config.rate.per_ms, 250);
    assert_string_equal(config.title, "Hello");
    assert_string_equal(config.token, "abcdef");
    assert_int_equal(config.tags.count, 2);
    assert_string_equal(config.tags.items[1], "y");
    assert_string_equal(config.cookie.name, "c");
    assert_false(config.cookie.secure);
}

static void what_is_absent_has_its_default(void **state)
{
    (void)state;
    options_apply(table, "plugin", NULL, (struct mark){"c.yaml", 9, 9}, &config, &arena, &diag);
    assert_string_equal(diag.lines.data, "");
    assert_true(config.enabled);
    assert_int_equal(config.count, 3);
    assert_int_equal(config.wait, 5000);
    assert_int_equal(config.room, 8192);
    assert_int_equal(config.mode, 2);
    assert_int_equal(config.rate.amount, 10);
    assert_string_equal(config.title, "");
    assert_int_equal(config.tags.count, 2);
    assert_string_equal(config.cookie.name, "sid");
    assert_true(config.cookie.secure);
}

static void a_null_counts_as_absent(void **state)
{
    (void)state;
    apply_well("{count: , wait: ~, cookie: null, policies: }");
    assert_int_equal(config.count, 3);
    assert_int_equal(config.wait, 5000);
    assert_string_equal(config.cookie.name, "sid");
    assert_int_equal(config.policies.count, 1);
}

static void what_has_no_default_is_left_as_it_was(void **state)
{
    (void)state;
    config.age = -1;
    apply_well("");
    assert_int_equal(config.age, -1);
    assert_null(config.token);
}

static void a_text_is_a_list_of_one(void **state)
{
    (void)state;
    apply_well("tags: one");
    assert_int_equal(config.tags.count, 1);
    assert_string_equal(config.tags.items[0], "one");
    apply_well("tags: []");
    assert_int_equal(config.tags.count, 0);
}

static void texts_may_look_like_numbers(void **state)
{
    (void)state;
    apply_well("{title: 007, tags: [1, true]}");
    assert_string_equal(config.title, "007");
    assert_string_equal(config.tags.items[1], "true");
}

static void a_map_keeps_the_order_of_the_file_and_gives_names(void **state)
{
    (void)state;
    apply_well("policies: {z: {capacity: 1}, a.b: {capacity: 2, algorithm: gcra, refill: 9/m}}");
    const struct policy *policies = config.policies.items;
    assert_int_equal(config.policies.count, 2);
    assert_string_equal(policies[0].name, "z");
    assert_int_equal(policies[0].refill.per_ms, 1000);
    assert_string_equal(policies[1].name, "a.b");
    assert_int_equal(policies[1].capacity, 2);
    assert_int_equal(policies[1].algorithm, 2);
    assert_int_equal(policies[1].refill.per_ms, 60000);
}

static void a_map_s_default_may_be_yaml(void **state)
{
    (void)state;
    apply_well("");
    const struct policy *policies = config.policies.items;
    assert_int_equal(config.policies.count, 1);
    assert_string_equal(policies[0].name, "default");
    assert_int_equal(policies[0].capacity, 20);
    assert_int_equal(policies[0].refill.amount, 1);
}

static void an_empty_map_has_no_items(void **state)
{
    (void)state;
    apply_well("policies: {}");
    assert_int_equal(config.policies.count, 0);
    assert_null(config.policies.items);
}

static void names_of_a_map_are_checked(void **state)
{
    (void)state;
    assert_errors("policies: {\"a:b\": {capacity: 1}, ..: {capacity: 1}, ok@x-1: {capacity: 1}}",
                  "c.yaml:1:12: \"a:b\" in plugin.policies is no name; expected 1 to 128 of "
                  "A-Z a-z 0-9 . _ @ -\n"
                  "c.yaml:1:34: \"..\" in plugin.policies is no name; expected 1 to 128 of "
                  "A-Z a-z 0-9 . _ @ -\n");
}

static void an_unknown_option_names_the_nearest(void **state)
{
    (void)state;
    assert_errors("\ncuont: 1", "c.yaml:2:1: unknown option \"cuont\" of plugin; did you mean "
                                "\"count\"?\n");
    assert_errors("cookie: {secret: true}", "c.yaml:1:10: unknown option \"secret\" of "
                                            "plugin.cookie; did you mean \"secure\"?\n");
}

static void an_unknown_option_without_a_near_one_names_all(void **state)
{
    (void)state;
    assert_errors("policies: {p: {capacity: 1, xyz: 2}}",
                  "c.yaml:1:29: unknown option \"xyz\" of plugin.policies.p; expected one of "
                  "algorithm, capacity, refill\n");
}

static void the_file_itself_has_no_name_in_messages(void **state)
{
    (void)state;
    struct node *root = yaml_parse(&arena, "c.yaml", "cuont: 1\ncount: x", 17, &diag);
    options_apply(table, "", root, (struct mark){"c.yaml", 0, 0}, &config, &arena, &diag);
    assert_string_equal(diag.lines.data,
                        "c.yaml:1:1: unknown option \"cuont\"; did you mean \"count\"?\n"
                        "c.yaml:2:8: count is \"x\"; expected a whole number from -5 to 10, for "
                        "example 3\n");
}

static void wrong_values_name_kind_range_unit_and_example(void **state)
{
    (void)state;
    assert_errors("count: 11", "c.yaml:1:8: plugin.count is \"11\"; expected a whole number from "
                               "-5 to 10, for example 3\n");
    assert_errors("wait: 2m", "c.yaml:1:7: plugin.wait is \"2m\"; expected a duration from 1s to "
                              "1m, for example 5s\n");
    assert_errors("room: 1k", "c.yaml:1:7: plugin.room is \"1k\"; expected a size of at least 2k, "
                              "for example 8k\n");
    assert_errors("rate: fast", "c.yaml:1:7: plugin.rate is \"fast\"; expected a rate (an amount, "
                                "a slash, a duration), for example 10/s\n");
    assert_errors("enabled: 1", "c.yaml:1:10: plugin.enabled is \"1\"; expected true or false\n");
    assert_errors("age: old", "c.yaml:1:6: plugin.age is \"old\"; expected a whole number, for "
                              "example 10\n");
    assert_errors("title: too long a title",
                  "c.yaml:1:8: plugin.title is \"too long a title\", 16 bytes long; expected a "
                  "text of a length in bytes from 0 to 8\n");
}

static void a_wrong_choice_names_all_and_the_nearest(void **state)
{
    (void)state;
    assert_errors("mode: token-buket",
                  "c.yaml:1:7: plugin.mode is \"token-buket\"; expected one of token-bucket, "
                  "fixed-window or gcra; did you mean \"token-bucket\"?\n");
}

static void wrong_kinds_are_told(void **state)
{
    (void)state;
    assert_errors("count: [1, 2]", "c.yaml:1:8: plugin.count is a list of size 2; expected a "
                                   "whole number from -5 to 10, for example 3\n");
    assert_errors("title: {}", "c.yaml:1:8: plugin.title is an empty mapping; expected a text of "
                               "a length in bytes from 0 to 8\n");
    assert_errors("cookie: x",
                  "c.yaml:1:9: plugin.cookie is a text; expected a mapping of options\n");
    assert_errors("policies: []", "c.yaml:1:11: plugin.policies is an empty list; expected a "
                                  "mapping from names to options\n");
    assert_errors("tags: [a, [b]]",
                  "c.yaml:1:11: item 2 of plugin.tags is a list of size 1; expected a text\n");
    assert_errors("tags: [a, b, c, d]",
                  "c.yaml:1:7: plugin.tags is a list of size 4; expected a text or a list of texts "
                  "with a number of items from 0 to 3\n");
}

static void a_number_in_quotes_is_a_text_unless_a_variable_was_in_it(void **state)
{
    (void)state;
    assert_errors("count: \"5\"",
                  "c.yaml:1:8: plugin.count is \"5\" in quotes, which makes it a text; expected a "
                  "whole number from -5 to 10, for example 3\n");
    struct node *root = yaml_parse(&arena, "c.yaml", "count: \"5\"", 10, &diag);
    root->pairs[0].value->filled = true;
    diag_release(&diag);
    diag_init(&diag);
    options_apply(table, "plugin", root, root->mark, &config, &arena, &diag);
    assert_int_equal(diag.count, 0);
    assert_int_equal(config.count, 5);
}

static void a_required_option_is_missed_where_it_belongs(void **state)
{
    (void)state;
    assert_errors("policies:\n  p: {}\n",
                  "c.yaml:2:3: plugin.policies.p.capacity is missing; expected a whole number from "
                  "1 to 1000, for example 10\n");
    assert_errors("policies: {p: {capacity: }}",
                  "c.yaml:1:26: plugin.policies.p.capacity is missing; expected a whole number "
                  "from 1 to 1000, for example 10\n");
}

static void secrets_never_reach_a_message(void **state)
{
    (void)state;
    assert_errors("token: abc", "c.yaml:1:8: plugin.token is a secret of 3 bytes; expected a text "
                                "of a length in bytes from 6 to 64\n");
}

static void all_errors_are_told_and_the_rest_is_stored(void **state)
{
    (void)state;
    apply(table, "count: x\nwait: y\nroom: 4k\nmode: z\nwhat: 1\n");
    assert_int_equal(diag.count, 4);
    assert_int_equal(config.room, 4096);
    assert_int_equal(config.count, 0);
}

static void a_bad_default_is_a_mistake_of_the_program(void **state)
{
    (void)state;
    static const sluice_option bad[] = {
        ROW(INT, config, count, .fallback = "lots"),
        ROW(MAP, config, policies, .fallback = "{default: {capacity: 0}}",
            .item_size = sizeof(struct policy), ROWS(policy_rows)),
    };
    apply((struct option_table){bad, 2, sizeof *bad}, "");
    assert_int_equal(diag.count, 2);
    assert_non_null(strstr(diag.lines.data,
                           "built-in default of plugin.count (a mistake in the program, not in "
                           "this file):1:1: plugin.count is \"lots\"; expected"));
    assert_non_null(strstr(diag.lines.data, "):1:22: plugin.policies.default.capacity is \"0\""));
}

static void a_type_from_the_future_is_refused(void **state)
{
    (void)state;
    static const sluice_option future[] = {{.name = "new", .type = 77}};
    apply((struct option_table){future, 1, sizeof *future}, "");
    assert_non_null(strstr(diag.lines.data, "c.yaml:9:9: plugin.new has a type (77)"));
}

static void rows_of_another_version_are_stepped_over_by_their_stride(void **state)
{
    (void)state;
    static const struct longer {
        sluice_option row;
        uint64_t appended[3];
    } longer[] = {
        {ROW(INT, config, count, .fallback = "3"), {1, 2, 3}},
        {ROW(INT, config, age, .fallback = "4"), {5, 6, 7}},
    };
    apply((struct option_table){&longer[0].row, 2, sizeof *longer}, "count: 9");
    assert_string_equal(diag.lines.data, "");
    assert_int_equal(config.count, 9);
    assert_int_equal(config.age, 4);
}

static void a_node_row_hands_over_what_stands_there(void **state)
{
    (void)state;
    static const sluice_option any[] = {{.name = "any", .type = OPTION_NODE}};
    struct node *root = yaml_parse(&arena, "c.yaml", "any: [1]", 8, &diag);
    const struct node *found = NULL;
    options_apply((struct option_table){any, 1, sizeof *any}, "", root, root->mark, &found, &arena,
                  &diag);
    assert_ptr_equal(found, root->pairs[0].value);
}

static void a_place_is_the_value_s_or_that_of_the_nearest_part(void **state)
{
    (void)state;
    static const char yaml[] = "policies:\n  a.b:\n    capacity: 5\n";
    struct node *root = yaml_parse(&arena, "c.yaml", yaml, strlen(yaml), &diag);
    struct mark fallback = {"other", 7, 7};
    assert_int_equal(options_place(root, "policies.a.b.capacity", fallback).column, 15);
    assert_int_equal(options_place(root, "policies.a.b.refill", fallback).line, 2);
    assert_int_equal(options_place(root, "policies.c", fallback).line, 1);
    assert_int_equal(options_place(root, "policies.a.b", fallback).line, 2);
    assert_string_equal(options_place(root, "nothing", fallback).file, "other");
    assert_string_equal(options_place(NULL, "policies", fallback).file, "other");
    assert_string_equal(options_place(root, "", fallback).file, "other");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type_is_stored),
        TEST(what_is_absent_has_its_default),
        TEST(a_null_counts_as_absent),
        TEST(what_has_no_default_is_left_as_it_was),
        TEST(a_text_is_a_list_of_one),
        TEST(texts_may_look_like_numbers),
        TEST(a_map_keeps_the_order_of_the_file_and_gives_names),
        TEST(a_map_s_default_may_be_yaml),
        TEST(an_empty_map_has_no_items),
        TEST(names_of_a_map_are_checked),
        TEST(an_unknown_option_names_the_nearest),
        TEST(an_unknown_option_without_a_near_one_names_all),
        TEST(the_file_itself_has_no_name_in_messages),
        TEST(wrong_values_name_kind_range_unit_and_example),
        TEST(a_wrong_choice_names_all_and_the_nearest),
        TEST(wrong_kinds_are_told),
        TEST(a_number_in_quotes_is_a_text_unless_a_variable_was_in_it),
        TEST(a_required_option_is_missed_where_it_belongs),
        TEST(secrets_never_reach_a_message),
        TEST(all_errors_are_told_and_the_rest_is_stored),
        TEST(a_bad_default_is_a_mistake_of_the_program),
        TEST(a_type_from_the_future_is_refused),
        TEST(rows_of_another_version_are_stepped_over_by_their_stride),
        TEST(a_node_row_hands_over_what_stands_there),
        TEST(a_place_is_the_value_s_or_that_of_the_nearest_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
