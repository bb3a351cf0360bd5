/* Replies: what readers get from each type, wakers' values, and which errors are trouble.
 *
 * SPDX-License-Identifier: MIT */
#include "reply.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sluice/plugin.h>

static struct arena arena = ARENA_INIT;

static int tear_down(void **unused)
{
    (void)unused;
    arena_release(&arena);
    return 0;
}

static const sluice_reply *text_of(const char *data)
{
    return reply_abi(reply_text(&arena, SLUICE_REPLY_TEXT, data, strlen(data)));
}

static void a_text_is_read_as_text_and_number(void **unused)
{
    (void)unused;
    const sluice_reply *reply = text_of("-42");
    assert_int_equal(sluice_type(reply), SLUICE_REPLY_TEXT);
    assert_string_equal(sluice_text(reply), "-42");
    assert_int_equal(sluice_int(reply), -42);
    assert_true(sluice_number(reply) == -42.0);
    assert_true(sluice_number(text_of("2.5e3")) == 2500.0);
    assert_true(isinf(sluice_number(text_of("-inf"))));
}

static void what_is_not_wholly_a_number_is_zero(void **unused)
{
    (void)unused;
    const char *const texts[] = {"", "12abc", "3.7", "99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(sluice_int(text_of(texts[i])), 0);
    assert_true(sluice_number(text_of("1.5x")) == 0);
    assert_int_equal(sluice_int(reply_abi(reply_text(&arena, SLUICE_REPLY_TEXT, "1\0x", 3))), 0);
}

static void a_copied_text_keeps_its_zero_bytes(void **unused)
{
    (void)unused;
    char source[] = "a\0b";
    const struct reply *reply = reply_text(&arena, SLUICE_REPLY_TEXT, source, 3);
    source[0] = 'x';
    sluice_bytes bytes = sluice_text_bytes(reply_abi(reply));
    assert_int_equal(bytes.len, 3);
    assert_memory_equal(bytes.data, "a\0b", 4);
}

static void an_integer_has_no_text(void **unused)
{
    (void)unused;
    const sluice_reply *reply = reply_abi(reply_int(&arena, INT64_MIN));
    assert_true(sluice_int(reply) == INT64_MIN);
    assert_string_equal(sluice_text(reply), "");
    assert_int_equal(sluice_length(reply), 0);
}

static void beyond_an_arrays_end_is_nil(void **unused)
{
    (void)unused;
    struct reply *array = reply_array(&arena, 2);
    array->u.array.items[0] = reply_int(&arena, 7);
    assert_int_equal(sluice_length(reply_abi(array)), 2);
    assert_int_equal(sluice_int(sluice_at(reply_abi(array), 0)), 7);
    assert_true(sluice_is_nil(sluice_at(reply_abi(array), 1)));
    assert_true(sluice_is_nil(sluice_at(reply_abi(array), 2)));
    assert_true(sluice_is_nil(sluice_at(sluice_at(reply_abi(array), 0), 0)));
}

static void trouble_without_a_text_reads_as_empty(void **unused)
{
    (void)unused;
    const struct reply trouble = {.abi = {&reply_api}, .type = SLUICE_REPLY_TROUBLE};
    assert_true(sluice_is_trouble(reply_abi(&trouble)));
    assert_string_equal(sluice_text(reply_abi(&trouble)), "");
}

static const sluice_reply *woken(const sluice_arg *values, uint32_t count, uint64_t stride)
{
    return reply_abi(reply_from_args(&arena, values, count, (uint32_t)stride));
}

static void no_value_from_a_waker_is_nil(void **unused)
{
    (void)unused;
    assert_true(sluice_is_nil(woken(NULL, 0, sizeof(sluice_arg))));
}

static void one_value_from_a_waker_is_a_scalar(void **unused)
{
    (void)unused;
    assert_string_equal(sluice_text(woken(SLUICE_ARGS("granted"))), "granted");
    assert_int_equal(sluice_int(woken(SLUICE_ARGS(-3))), -3);
    assert_int_equal(sluice_int(woken(SLUICE_ARGS(true))), 1);
    assert_string_equal(sluice_text(woken(SLUICE_ARGS(0.1))), "0.1");
    assert_string_equal(sluice_text(woken(SLUICE_ARGS(UINT64_MAX))), "18446744073709551615");
    assert_true(sluice_is_nil(woken(SLUICE_ARGS((const char *)NULL))));
}

static void an_error_from_a_waker_is_an_error(void **unused)
{
    (void)unused;
    const sluice_arg error = {.type = SLUICE_ARG_ERROR, .u.text = "GONE the holder left"};
    const sluice_reply *reply = woken(&error, 1, sizeof error);
    assert_true(sluice_is_error(reply));
    assert_string_equal(sluice_text(reply), "GONE the holder left");
}

static void several_values_from_a_waker_are_an_array_by_stride(void **unused)
{
    (void)unused;
    struct {
        sluice_arg arg;
        char newer[24];
    } values[2] = {
        {.arg = {.type = SLUICE_ARG_TEXT, .u.text = "fence"}},
        {.arg = {.type = SLUICE_ARG_INT, .u.i64 = 9}},
    };
    const sluice_reply *reply = woken(&values[0].arg, 2, sizeof values[0]);
    assert_int_equal(sluice_length(reply), 2);
    assert_string_equal(sluice_text(sluice_at(reply, 0)), "fence");
    assert_int_equal(sluice_int(sluice_at(reply, 1)), 9);
}

static int unavailable(const char *message)
{
    return reply_is_unavailable(reply_text(&arena, SLUICE_REPLY_ERROR, message, strlen(message)));
}

static void errors_of_a_redis_that_cannot_serve_are_trouble(void **unused)
{
    (void)unused;
    assert_true(unavailable("LOADING Redis is loading the dataset in memory"));
    assert_true(unavailable("OOM command not allowed when used memory > 'maxmemory'."));
    assert_true(unavailable("READONLY You can't write against a read only replica."));
    assert_true(unavailable("BUSY Redis is busy running a script."));
    assert_true(unavailable("ERR max number of clients reached"));
}

static void errors_of_the_command_are_not_trouble(void **unused)
{
    (void)unused;
    assert_false(unavailable("ERR unknown command 'FOO'"));
    assert_false(unavailable("WRONGTYPE Operation against a key holding the wrong kind of value"));
    assert_false(unavailable("BUSYGROUP Consumer Group name already exists"));
    assert_false(unavailable("NOSCRIPT No matching script."));
    assert_false(unavailable(""));
    assert_false(reply_is_unavailable(reply_text(&arena, SLUICE_REPLY_TEXT, "OOM", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_text_is_read_as_text_and_number, tear_down),
        cmocka_unit_test_teardown(what_is_not_wholly_a_number_is_zero, tear_down),
        cmocka_unit_test_teardown(a_copied_text_keeps_its_zero_bytes, tear_down),
        cmocka_unit_test_teardown(an_integer_has_no_text, tear_down),
        cmocka_unit_test_teardown(beyond_an_arrays_end_is_nil, tear_down),
        cmocka_unit_test_teardown(trouble_without_a_text_reads_as_empty, tear_down),
        cmocka_unit_test_teardown(no_value_from_a_waker_is_nil, tear_down),
        cmocka_unit_test_teardown(one_value_from_a_waker_is_a_scalar, tear_down),
        cmocka_unit_test_teardown(an_error_from_a_waker_is_an_error, tear_down),
        cmocka_unit_test_teardown(several_values_from_a_waker_are_an_array_by_stride, tear_down),
        cmocka_unit_test_teardown(errors_of_a_redis_that_cannot_serve_are_trouble, tear_down),
        cmocka_unit_test_teardown(errors_of_the_command_are_not_trouble, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
