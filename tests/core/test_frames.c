/* Messages over a stream socket: whole, in order, however the bytes arrive.
 *
 * SPDX-License-Identifier: MIT */
#include "frames.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    struct frames a, b;
};

static int set_up(void **state)
{
    static struct pair pair;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
        return -1;
    frames_open(&pair.a, ends[0]);
    frames_open(&pair.b, ends[1]);
    *state = &pair;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *pair = *state;
    frames_close(&pair->a);
    frames_close(&pair->b);
    return 0;
}

static void messages_keep_their_order_and_ends(void **state)
{
    struct pair *pair = *state;
    sluice_bytes message;
    assert_true(frames_add(&pair->a, "one", 3));
    assert_true(frames_add(&pair->a, "", 0));
    assert_true(frames_add(&pair->a, "three", 5));
    assert_int_equal(frames_write(&pair->a), 0);
    assert_int_equal(frames_read(&pair->b), -EAGAIN);
    assert_int_equal(frames_next(&pair->b, &message), 1);
    assert_memory_equal(message.data, "one", 3);
    assert_int_equal(frames_next(&pair->b, &message), 1);
    assert_int_equal(message.len, 0);
    assert_int_equal(frames_next(&pair->b, &message), 1);
    assert_int_equal(message.len, 5);
    assert_int_equal(frames_next(&pair->b, &message), 0);
}

static void a_message_that_comes_byte_by_byte_is_whole_at_its_last(void **state)
{
    struct pair *pair = *state;
    const char bytes[] = {3, 0, 0, 0, 'a', 'b', 'c'};
    sluice_bytes message;
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(frames_next(&pair->b, &message), 0);
        assert_int_equal(write(pair->a.fd, bytes + i, 1), 1);
        assert_int_equal(frames_read(&pair->b), -EAGAIN);
    }
    assert_int_equal(frames_next(&pair->b, &message), 1);
    assert_memory_equal(message.data, "abc", 3);
}

static void what_the_socket_does_not_take_goes_later(void **state)
{
    struct pair *pair = *state;
    sluice_bytes message;
    char *large = calloc(1, SLUICE_MESSAGE_MAX);
    assert_non_null(large);
    large[SLUICE_MESSAGE_MAX - 1] = 'z';
    assert_true(frames_add(&pair->a, large, SLUICE_MESSAGE_MAX));
    assert_true(frames_add(&pair->a, "next", 4));
    int found = 0;
    for (int turn = 0; found == 0 && turn < 100000; turn++) {
        int error = frames_write(&pair->a);
        assert_true(error == 0 || error == -EAGAIN);
        error = frames_read(&pair->b);
        assert_true(error == 0 || error == -EAGAIN);
        found = frames_next(&pair->b, &message);
    }
    assert_int_equal(found, 1);
    assert_int_equal(message.len, SLUICE_MESSAGE_MAX);
    assert_memory_equal(message.data, large, SLUICE_MESSAGE_MAX);
    free(large);
    assert_int_equal(frames_write(&pair->a), 0);
    (void)frames_read(&pair->b);
    assert_int_equal(frames_next(&pair->b, &message), 1);
    assert_memory_equal(message.data, "next", 4);
}

static void what_came_before_the_end_can_be_read(void **state)
{
    struct pair *pair = *state;
    sluice_bytes message;
    assert_true(frames_add(&pair->a, "last", 4));
    assert_int_equal(frames_write(&pair->a), 0);
    frames_close(&pair->a);
    assert_int_equal(frames_read(&pair->b), -EPIPE);
    assert_int_equal(frames_next(&pair->b, &message), 1);
    assert_memory_equal(message.data, "last", 4);
}

static void what_is_too_large_is_refused_on_both_sides(void **state)
{
    struct pair *pair = *state;
    const unsigned char lies[] = {1, 0, 0x20, 0}; /* SLUICE_MESSAGE_MAX + 1 */
    sluice_bytes message;
    assert_false(frames_add(&pair->a, lies, SLUICE_MESSAGE_MAX + 1));
    assert_int_equal(write(pair->a.fd, lies, sizeof lies), (ssize_t)sizeof lies);
    assert_int_equal(frames_read(&pair->b), -EAGAIN);
    assert_int_equal(frames_next(&pair->b, &message), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_keep_their_order_and_ends),
        TEST(a_message_that_comes_byte_by_byte_is_whole_at_its_last),
        TEST(what_the_socket_does_not_take_goes_later),
        TEST(what_came_before_the_end_can_be_read),
        TEST(what_is_too_large_is_refused_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
