/* The hang-up watch and the count of received bytes, on real TCP connections.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "hangup.h"
#include "tcp_info.h"

struct bench {
    uv_loop_t loop;
    struct hangup *hangup;
    int ours, theirs;
    unsigned told;
    uint64_t token;
    int to_forget; /* when the next one is told; -1: none */
};

static void told(void *owner, uint64_t token)
{
    struct bench *bench = owner;
    bench->told++;
    bench->token = token;
    if (bench->to_forget >= 0)
        hangup_forget(bench->hangup, bench->to_forget);
}

static void connect_pair(int ret_pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    ret_pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ret_pair[0], (struct sockaddr *)&address, len), 0);
    ret_pair[1] = accept(listener, NULL, NULL);
    assert_true(ret_pair[1] >= 0);
    close(listener);
}

static int setup(void **state)
{
    static struct bench bench;
    int pair[2];
    memset(&bench, 0, sizeof bench);
    uv_loop_init(&bench.loop);
    bench.hangup = hangup_new(&bench.loop, told, &bench);
    connect_pair(pair);
    bench.ours = pair[0];
    bench.theirs = pair[1];
    bench.to_forget = -1;
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    hangup_close(bench->hangup);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    close(bench->ours);
    if (bench->theirs >= 0)
        close(bench->theirs);
    return 0;
}

/* Turns the loop until somebody was told, or nothing is left to come. */
static void turn(struct bench *bench)
{
    for (int i = 0; i < 50 && !bench->told; i++) {
        uv_run(&bench->loop, UV_RUN_NOWAIT);
        poll(NULL, 0, 1);
    }
}

static void a_closed_peer_is_told_once(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 42), 0);
    turn(bench);
    assert_int_equal(bench->told, 0);
    close(bench->theirs);
    bench->theirs = -1;
    turn(bench);
    assert_int_equal(bench->told, 1);
    assert_int_equal(bench->token, 42);
    bench->told = 0;
    turn(bench);
    assert_int_equal(bench->told, 0);
}

static void a_half_closed_peer_is_told_too(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 1), 0);
    shutdown(bench->theirs, SHUT_WR);
    turn(bench);
    assert_int_equal(bench->told, 1);
}

static void bytes_are_no_hang_up(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 1), 0);
    assert_int_equal(write(bench->theirs, "abc", 3), 3);
    turn(bench);
    assert_int_equal(bench->told, 0);
}

static void a_forgotten_connection_is_not_told(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 1), 0);
    hangup_forget(bench->hangup, bench->ours);
    shutdown(bench->theirs, SHUT_WR);
    turn(bench);
    assert_int_equal(bench->told, 0);
}

static void watching_again_has_the_new_token(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 1), 0);
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 2), 0);
    shutdown(bench->theirs, SHUT_WR);
    turn(bench);
    assert_int_equal(bench->told, 1);
    assert_int_equal(bench->token, 2);
}

static void a_hung_up_peer_is_told_again_when_watched_again(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 1), 0);
    shutdown(bench->theirs, SHUT_WR);
    turn(bench);
    assert_int_equal(bench->told, 1);
    bench->told = 0;
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 2), 0);
    assert_int_equal(bench->told, 0); /* not from within the call */
    turn(bench);
    assert_int_equal(bench->told, 1);
    assert_int_equal(bench->token, 2);
}

static void hang_up(int theirs, int ours)
{
    struct pollfd arrived = {.fd = ours, .events = POLLRDHUP};
    assert_int_equal(shutdown(theirs, SHUT_WR), 0);
    assert_int_equal(poll(&arrived, 1, 5000), 1);
}

static void what_is_forgotten_while_another_is_told_is_not_told(void **state)
{
    struct bench *bench = *state;
    int pair[2];
    connect_pair(pair);
    assert_int_equal(hangup_watch(bench->hangup, bench->ours, 1), 0);
    assert_int_equal(hangup_watch(bench->hangup, pair[0], 2), 0);
    hang_up(bench->theirs, bench->ours);
    hang_up(pair[1], pair[0]);
    bench->to_forget = pair[0];
    turn(bench);
    assert_int_equal(bench->told, 1);
    assert_int_equal(bench->token, 1);
    close(pair[0]);
    close(pair[1]);
}

static void a_closed_descriptor_can_not_be_watched(void **state)
{
    struct bench *bench = *state;
    int fd = dup(bench->ours);
    close(fd);
    assert_int_equal(hangup_watch(bench->hangup, fd, 1), -EBADF);
}

static void received_bytes_are_counted_and_other_sockets_have_no_count(void **state)
{
    struct bench *bench = *state;
    int pair[2];
    assert_int_equal(tcp_bytes_received(bench->ours), 0);
    assert_int_equal(write(bench->theirs, "abcde", 5), 5);
    for (int i = 0; i < 100 && tcp_bytes_received(bench->ours) != 5; i++)
        poll(NULL, 0, 1);
    assert_int_equal(tcp_bytes_received(bench->ours), 5);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(tcp_bytes_received(pair[0]) < 0);
    assert_int_equal(tcp_bytes_received(-1), -EBADF);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_closed_peer_is_told_once),
        TEST(a_half_closed_peer_is_told_too),
        TEST(bytes_are_no_hang_up),
        TEST(a_forgotten_connection_is_not_told),
        TEST(watching_again_has_the_new_token),
        TEST(a_hung_up_peer_is_told_again_when_watched_again),
        TEST(what_is_forgotten_while_another_is_told_is_not_told),
        TEST(a_closed_descriptor_can_not_be_watched),
        TEST(received_bytes_are_counted_and_other_sockets_have_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
