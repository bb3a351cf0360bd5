/* schema, option_docs and json_pretty: what is made of option tables.
 *
 * SPDX-License-Identifier: MIT */
#include "schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "json_pretty.h"
#include "option_docs.h"
#include "settings.h"

/* ---- A plugin with an option of every type ------------------------------------------------ */

static const char *const words[] = {"one", "two", NULL};
static const sluice_option item_rows[] = {
    {.name = "id", .type = SLUICE_NAME},
    {.name = "capacity", .type = SLUICE_INT, .fallback = "20", .min = 1, .max = -1},
};
static const sluice_option group_rows[] = {
    {.name = "password", .type = SLUICE_TEXT, .flags = SLUICE_SECRET, .min = 9, .max = 64},
};
static const sluice_option rows[] = {
    {.name = "bool", .type = SLUICE_BOOL, .fallback = "true", .help = "yes|no"},
    {.name = "int", .type = SLUICE_INT, .min = 1, .max = 9},
    {.name = "duration", .type = SLUICE_DURATION, .fallback = "5m"},
    {.name = "size", .type = SLUICE_SIZE},
    {.name = "rate", .type = SLUICE_RATE},
    {.name = "text", .type = SLUICE_TEXT, .flags = SLUICE_REQUIRED},
    {.name = "choice", .type = SLUICE_CHOICE, .choices = words},
    {.name = "texts", .type = SLUICE_TEXTS, .fallback = "[]", .min = 1, .max = 3},
    {.name = "group",
     .type = SLUICE_GROUP,
     .rows = group_rows,
     .row_count = 1,
     .row_stride = sizeof(sluice_option)},
    {.name = "map",
     .type = SLUICE_MAP,
     .rows = item_rows,
     .row_count = 2,
     .row_stride = sizeof(sluice_option)},
};
static const sluice_descriptor descriptor = {
    .size = sizeof descriptor,
    .name = "sample",
    .summary = "every type",
    .options = rows,
    .option_count = sizeof rows / sizeof *rows,
    .option_stride = sizeof *rows,
};

struct world {
    struct arena arena;
    struct text text;
    json_t *schema;
};

/* `file` as in a catalogue. */
static void make_schema(struct world *world, const char *file)
{
    struct catalogue_entry entry = {&descriptor, file};
    json_error_t error;
    schema_add(&world->text, &world->arena, &(struct catalogue){&entry, 1});
    world->schema = json_loads(world->text.data, JSON_REJECT_DUPLICATES, &error);
    if (!world->schema)
        fail_msg("line %d: %s", error.line, error.text);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    text_init(&world->text, &world->arena);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    json_decref(world->schema);
    arena_release(&world->arena);
    free(world);
    return 0;
}

/* "a/b/0": members and indices. Fails the test when there is none. */
static const json_t *at(const json_t *json, const char *path)
{
    char step[64];
    const char *rest = path;
    while (*rest) {
        size_t len = strcspn(rest, "/");
        (void)snprintf(step, sizeof step, "%.*s", (int)len, rest);
        json = json_is_array(json) ? json_array_get(json, strtoul(step, NULL, 10))
                                   : json_object_get(json, step);
        if (!json)
            fail_msg("no %s in %s", step, path);
        rest += len + (rest[len] == '/');
    }
    return json;
}

static const json_t *option(const struct world *world, const char *name)
{
    const json_t *options = at(world->schema, "$defs/plugin_sample/allOf/0/properties");
    return at(options, name);
}

/* ---- Schema ------------------------------------------------------------------------------- */

static void assert_has_all(const json_t *object, struct option_table table)
{
    for (uint32_t i = 0; i < table.count; i++) {
        sluice_option row = option_row(table, i);
        if (row.type == SLUICE_NAME)
            continue;
        const json_t *there = at(object, row.name);
        assert_true(json_is_array(json_object_get(there, "anyOf")));
        if (row.type == SLUICE_GROUP)
            assert_has_all(at(there, "anyOf/0/properties"), option_rows(&row));
    }
}

static void every_option_of_the_core_is_in_the_schema(void **state)
{
    struct world *world = *state;
    make_schema(world, NULL);
    assert_has_all(at(world->schema, "properties"), settings_options());
    assert_string_equal(json_string_value(at(world->schema, "$schema")),
                        "https://json-schema.org/draft/2020-12/schema");
}

static void every_option_of_a_plugin_is_in_the_schema(void **state)
{
    struct world *world = *state;
    make_schema(world, NULL);
    assert_has_all(at(world->schema, "$defs/plugin_sample/allOf/0/properties"),
                   descriptor_options(&descriptor));
    assert_string_equal(
        json_string_value(at(world->schema, "$defs/plugin_sample/allOf/0/required/0")), "text");
}

static void bounds_and_defaults_are_those_of_the_table(void **state)
{
    struct world *world = *state;
    make_schema(world, NULL);
    assert_int_equal(json_integer_value(at(option(world, "int"), "anyOf/0/minimum")), 1);
    assert_int_equal(json_integer_value(at(option(world, "int"), "anyOf/0/maximum")), 9);
    assert_true(json_is_true(at(option(world, "bool"), "default")));
    assert_string_equal(json_string_value(at(option(world, "duration"), "default")), "5m");
    assert_int_equal(json_integer_value(at(option(world, "texts"), "anyOf/1/maxItems")), 3);
    assert_string_equal(json_string_value(at(option(world, "choice"), "anyOf/0/enum/1")), "two");
}

static void a_bound_of_bytes_allows_fewer_characters(void **state)
{
    struct world *world = *state;
    make_schema(world, NULL);
    const json_t *password = at(option(world, "group"), "anyOf/0/properties/password/anyOf/0");
    assert_int_equal(json_integer_value(at(password, "minLength")), 3);
    assert_int_equal(json_integer_value(at(password, "maxLength")), 64);
}

static void an_open_bound_and_the_key_of_a_map_are_left_out(void **state)
{
    struct world *world = *state;
    make_schema(world, NULL);
    const json_t *items =
        at(option(world, "map"), "anyOf/0/additionalProperties/anyOf/0/properties");
    assert_null(json_object_get(items, "id"));
    assert_int_equal(json_integer_value(at(items, "capacity/anyOf/0/minimum")), 1);
    assert_null(json_object_get(at(items, "capacity/anyOf/0"), "maximum"));
}

static void a_value_may_be_a_variable_and_a_mapping_may_not(void **state)
{
    struct world *world = *state;
    make_schema(world, NULL);
    assert_string_equal(json_string_value(at(option(world, "int"), "anyOf/1/$ref")),
                        "#/$defs/variable");
    assert_string_equal(json_string_value(at(option(world, "group"), "anyOf/1/type")), "null");
}

static void a_plugin_by_path_is_known_by_its_file(void **state)
{
    struct world *world = *state;
    make_schema(world, "sample.so");
    const json_t *by_path = at(world->schema, "properties/plugins/anyOf/0/items/anyOf/2");
    assert_string_equal(json_string_value(at(by_path, "allOf/1/if/properties/path/pattern")),
                        "(^|/)sample\\.so$");
    assert_string_equal(
        json_string_value(at(by_path, "allOf/1/then/properties/config/anyOf/0/$ref")),
        "#/$defs/plugin_sample");
    assert_int_equal(
        json_array_size(at(world->schema, "properties/plugins/anyOf/0/items/anyOf/0/enum")), 0);
}

/* ---- Reference ---------------------------------------------------------------------------- */

static void assert_line(const struct world *world, const char *line)
{
    if (!strstr(world->text.data, line))
        fail_msg("no line %s in:\n%s", line, world->text.data);
}

static void the_reference_has_every_option_with_its_bounds(void **state)
{
    struct world *world = *state;
    docs_add_plugin(&world->text, &world->arena, &descriptor);
    assert_line(world, "## sample\n\nevery type\n\n| option |");
    assert_line(world, "\n| `int` | a whole number from 1 to 9 | none |  |\n");
    assert_line(world, "\n| `text` | a text | required |  |\n");
    assert_line(world, "\n| `choice` | one of one or two | none |  |\n");
    assert_line(world, "\n| `map.<name>.capacity` | a whole number of at least 1 | `20` |  |\n");
    assert_null(strstr(world->text.data, "map.<name>.id"));
}

static void what_would_break_a_table_is_escaped(void **state)
{
    struct world *world = *state;
    docs_add_plugin(&world->text, &world->arena, &descriptor);
    assert_line(world, "| `bool` | true or false | `true` | yes\\|no |\n");
}

static void a_secret_is_told_as_one(void **state)
{
    struct world *world = *state;
    docs_add_plugin(&world->text, &world->arena, &descriptor);
    assert_line(world, "| `group.password` | a text of a length in bytes from 9 to 64 | none | "
                       "secret: never printed |\n");
}

static void the_page_begins_with_the_gateways_own_options(void **state)
{
    struct world *world = *state;
    struct catalogue_entry entry = {&descriptor, NULL};
    docs_add_all(&world->text, &world->arena, &(struct catalogue){&entry, 1});
    assert_line(world, "| `routes.<METHOD /path>.body` | a size from 0 to 1g | none |");
    assert_line(world,
                "| `plugins[].path` | a text of a length in bytes from 1 to 4095 | required");
    assert_true(strstr(world->text.data, "## The gateway") < strstr(world->text.data, "## sample"));
}

/* ---- Pretty JSON -------------------------------------------------------------------------- */

static void what_fits_stays_on_a_line_and_strings_stay_as_they_are(void **state)
{
    struct world *world = *state;
    static const char json[] =
        "{\"a\":[1,\"x,y\"],\"b\":{\"long\":\"[{\\\"]"
        "012345678901234567890123456789012345678901234567890123456789012345678901234567\"}}";
    json_add_pretty(&world->text, json, sizeof json - 1);
    assert_string_equal(world->text.data,
                        "{\n  \"a\": [1, \"x,y\"],\n  \"b\": {\n    \"long\": \"[{\\\"]"
                        "01234567890123456789012345678901234567890123456789012345678901234567890123"
                        "4567\"\n  }\n}\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_option_of_the_core_is_in_the_schema),
        TEST(every_option_of_a_plugin_is_in_the_schema),
        TEST(bounds_and_defaults_are_those_of_the_table),
        TEST(a_bound_of_bytes_allows_fewer_characters),
        TEST(an_open_bound_and_the_key_of_a_map_are_left_out),
        TEST(a_value_may_be_a_variable_and_a_mapping_may_not),
        TEST(a_plugin_by_path_is_known_by_its_file),
        TEST(the_reference_has_every_option_with_its_bounds),
        TEST(what_would_break_a_table_is_escaped),
        TEST(a_secret_is_told_as_one),
        TEST(the_page_begins_with_the_gateways_own_options),
        TEST(what_fits_stays_on_a_line_and_strings_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
