/* JSON from typed arguments: everything written is read back with jansson.
 *
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sluice/args.h>

#include "arena.h"
#include "json_write.h"

static struct arena arena;

static int tear_down(void **unused)
{
    (void)unused;
    arena_release(&arena);
    return 0;
}

/* The text of one value. */
static const char *written(sluice_arg value)
{
    struct text text;
    text_init(&text, &arena);
    json_add_value(&text, &value);
    return text.data;
}

static const char *object(const sluice_arg *pairs, uint32_t count, uint64_t stride)
{
    struct text text;
    text_init(&text, &arena);
    json_add_object(&text, pairs, count, (uint32_t)stride);
    return text.data;
}

/* What jansson reads back of a string written from `bytes`. */
static void reads_back(const char *bytes, size_t len, const char *expected, size_t expected_len)
{
    struct text text;
    text_init(&text, &arena);
    json_add_string(&text, bytes, len);
    json_error_t error;
    json_t *json = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    assert_non_null(json);
    assert_int_equal(json_string_length(json), expected_len);
    assert_memory_equal(json_string_value(json), expected, expected_len);
    json_decref(json);
}

static void every_ascii_byte_survives(void **unused)
{
    (void)unused;
    char bytes[128];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    reads_back(bytes, sizeof bytes, bytes, sizeof bytes);
}

static void escapes_are_the_short_ones(void **unused)
{
    (void)unused;
    assert_string_equal(written(sluice_arg_text("a\"b\\c\n\r\t\b\f\x01/")),
                        "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001/\"");
}

static void utf_8_goes_as_it_is(void **unused)
{
    (void)unused;
    static const char text[] = "\xc2\x80 \xc3\xa9 \xe0\xa0\x80 \xed\x9f\xbf \xef\xbf\xbf "
                               "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf";
    reads_back(text, sizeof text - 1, text, sizeof text - 1);
}

static void what_is_not_utf_8_is_replaced(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {
        "\x80",             /* a continuation alone */
        "\xc0",             /* never used */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xf4\x90\x80\x80", /* beyond U+10FFFF */
        "\xf5",             /* never used */
        "\xe2\x82",         /* cut off */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char expected[16] = "";
        for (size_t n = strlen(wrong[i]); n > 0; n--)
            strcat(expected, "\xef\xbf\xbd");
        reads_back(wrong[i], strlen(wrong[i]), expected, strlen(expected));
    }
    reads_back("a\xff-", 3, "a\xef\xbf\xbd-", 5);
}

static void any_bytes_make_text_that_parses(void **unused)
{
    (void)unused;
    uint32_t state = 1; /* a linear congruential generator (Numerical Recipes) */
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++) {
            state = state * 1664525 + 1013904223;
            bytes[i] = (char)(state >> 24);
        }
        struct text text;
        text_init(&text, &arena);
        json_add_string(&text, bytes, sizeof bytes);
        json_t *json = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        json_decref(json);
        arena_clear(&arena);
    }
}

static void values_keep_their_types(void **unused)
{
    (void)unused;
    assert_string_equal(written(sluice_arg_int(-5)), "-5");
    assert_string_equal(written(sluice_arg_uint(UINT64_MAX)), "18446744073709551615");
    assert_string_equal(written(sluice_arg_double(0.5)), "0.5");
    assert_string_equal(written(sluice_arg_bool(true)), "true");
    assert_string_equal(written(sluice_arg_bool(false)), "false");
    assert_string_equal(written(sluice_arg_text("x")), "\"x\"");
    assert_string_equal(written(sluice_arg_bytes(sluice_bytes_of("xyz", 2))), "\"xy\"");
    assert_string_equal(written(sluice_raw_json(sluice_bytes_of("{\"a\":1}", 7))), "{\"a\":1}");
    assert_string_equal(written(sluice_error("bad")), "\"bad\"");
}

static void what_json_has_no_word_for_is_null(void **unused)
{
    (void)unused;
    assert_string_equal(written(sluice_arg_text(NULL)), "null");
    assert_string_equal(written(sluice_arg_double(NAN)), "null");
    assert_string_equal(written(sluice_arg_double(INFINITY)), "null");
    assert_string_equal(written(sluice_raw_json(sluice_bytes_of("", 0))), "null");
    assert_string_equal(written(sluice_arg_list(NULL)), "null");
    assert_string_equal(written(sluice_arg_make(77, 0)), "null");
}

static void nil_members_are_left_out(void **unused)
{
    (void)unused;
    const char *absent = NULL;
    assert_string_equal(object(SLUICE_ARGS("a", absent, "b", 2, "c", absent, "d", true)),
                        "{\"b\":2,\"d\":true}");
    assert_string_equal(object(SLUICE_ARGS("a", absent)), "{}");
    assert_string_equal(object(SLUICE_ARGS("a", 1, "lonely")), "{\"a\":1}");
}

static void a_longer_stride_is_respected(void **unused)
{
    (void)unused;
    struct {
        sluice_arg arg;
        uint64_t appended;
    } pairs[2] = {{sluice_arg_text("a"), 9}, {sluice_arg_int(1), 9}};
    assert_string_equal(object(&pairs[0].arg, 2, sizeof pairs[0]), "{\"a\":1}");
}

static void lists_hold_values_of_any_kind(void **unused)
{
    (void)unused;
    sluice_list *list = json_list_new(&arena);
    assert_string_equal(written(sluice_arg_list(list)), "[]");
    sluice_list *inner = json_list_new(&arena);
    json_list_push(inner, &(sluice_arg){.type = SLUICE_ARG_NIL});
    const sluice_arg values[] = {sluice_arg_int(1), sluice_arg_text("two"),
                                 sluice_raw_json(sluice_bytes_of("{\"three\":3}", 11)),
                                 sluice_arg_list(inner)};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        json_list_push(list, &values[i]);
    assert_string_equal(written(sluice_arg_list(list)), "[1,\"two\",{\"three\":3},[null]]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ascii_byte_survives),
        cmocka_unit_test(escapes_are_the_short_ones),
        cmocka_unit_test(utf_8_goes_as_it_is),
        cmocka_unit_test(what_is_not_utf_8_is_replaced),
        cmocka_unit_test(any_bytes_make_text_that_parses),
        cmocka_unit_test(values_keep_their_types),
        cmocka_unit_test(what_json_has_no_word_for_is_null),
        cmocka_unit_test(nil_members_are_left_out),
        cmocka_unit_test(a_longer_stride_is_respected),
        cmocka_unit_test(lists_hold_values_of_any_kind),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
