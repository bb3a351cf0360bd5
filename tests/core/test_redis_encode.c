/* Commands as bytes: every type of argument, and lengths that fit what follows them.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sluice/plugin.h>

#include "json_write.h"
#include "redis_internal.h"

static struct arena arena = ARENA_INIT;
static struct text out;

static int set_up(void **unused)
{
    (void)unused;
    text_init(&out, &arena);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    arena_release(&arena);
    return 0;
}

#define encodes_as(expected, ...)                                                                  \
    do {                                                                                           \
        redis_encode(&out, SLUICE_ARGV(__VA_ARGS__), SLUICE_ARGC(__VA_ARGS__),                     \
                     sizeof(sluice_arg));                                                          \
        assert_int_equal(out.len, sizeof(expected) - 1);                                           \
        assert_memory_equal(out.data, expected, sizeof(expected) - 1);                             \
    } while (0)

static void texts_are_bulk_strings(void **unused)
{
    (void)unused;
    encodes_as("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", "SET", "k", "");
}

static void bytes_may_hold_anything(void **unused)
{
    (void)unused;
    encodes_as("*2\r\n$4\r\nECHO\r\n$4\r\na\0\r\n\r\n", "ECHO", sluice_bytes_of("a\0\r\n", 4));
}

static void integers_are_written_in_full(void **unused)
{
    (void)unused;
    encodes_as("*5\r\n$1\r\n0\r\n$20\r\n-9223372036854775808\r\n$19\r\n9223372036854775807\r\n"
               "$20\r\n18446744073709551615\r\n$2\r\n-7\r\n",
               0, INT64_MIN, INT64_MAX, UINT64_MAX, -7);
}

static void booleans_are_1_and_0(void **unused)
{
    (void)unused;
    encodes_as("*2\r\n$1\r\n1\r\n$1\r\n0\r\n", true, false);
}

static void a_nil_is_an_empty_string(void **unused)
{
    (void)unused;
    encodes_as("*2\r\n$0\r\n\r\n$1\r\nx\r\n", (const char *)NULL, "x");
}

static void a_text_argument_may_be_null(void **unused)
{
    (void)unused;
    const sluice_arg nothing = {.type = SLUICE_ARG_TEXT};
    redis_encode(&out, &nothing, 1, sizeof nothing);
    assert_string_equal(out.data, "*1\r\n$0\r\n\r\n");
}

static void doubles_have_the_length_of_their_text(void **unused)
{
    (void)unused;
    encodes_as("*4\r\n$3\r\n0.1\r\n$4\r\n-2.5\r\n$16\r\n1795400000000000\r\n$5\r\n1e+20\r\n", 0.1,
               -2.5, 1795400000000000.0, 1e20);
}

static void lists_are_their_json(void **unused)
{
    (void)unused;
    sluice_list *list = json_list_new(&arena);
    json_list_push(list, SLUICE_ARGV(12));
    encodes_as("*1\r\n$4\r\n[12]\r\n", (const sluice_list *)list);
}

static void arguments_are_found_by_their_stride(void **unused)
{
    (void)unused;
    struct {
        sluice_arg arg;
        char newer[40];
    } argv[2] = {{.arg = sluice_arg_text("GET")}, {.arg = sluice_arg_text("k")}};
    redis_encode(&out, &argv[0].arg, 2, sizeof argv[0]);
    assert_string_equal(out.data, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
}

static void commands_follow_each_other(void **unused)
{
    (void)unused;
    redis_encode(&out, SLUICE_ARGS("PING"));
    redis_encode(&out, SLUICE_ARGS(0.5));
    assert_string_equal(out.data, "*1\r\n$4\r\nPING\r\n*1\r\n$3\r\n0.5\r\n");
}

static void a_script_is_called_by_digest_with_its_keys_counted(void **unused)
{
    (void)unused;
    struct sluice_script script;
    redis_script_init(&script, "test/one", "return 1", 8);
    const sluice_arg argv[] = {sluice_arg_text("k"), sluice_arg_int(5)};
    redis_encode_script(
        &out, &(struct redis_call){
                  .argv = argv, .argc = 2, .stride = sizeof *argv, .script = &script, .keys = 1});
    assert_string_equal(out.data, "*5\r\n$7\r\nEVALSHA\r\n"
                                  "$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n"
                                  "$1\r\n1\r\n$1\r\nk\r\n$1\r\n5\r\n");
}

#define encode_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        encode_test(texts_are_bulk_strings),
        encode_test(bytes_may_hold_anything),
        encode_test(integers_are_written_in_full),
        encode_test(booleans_are_1_and_0),
        encode_test(a_nil_is_an_empty_string),
        encode_test(a_text_argument_may_be_null),
        encode_test(doubles_have_the_length_of_their_text),
        encode_test(lists_are_their_json),
        encode_test(arguments_are_found_by_their_stride),
        encode_test(commands_follow_each_other),
        encode_test(a_script_is_called_by_digest_with_its_keys_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
