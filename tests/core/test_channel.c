/* Messages between master and generation, and children that can't outlive their parent.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backoff.h"
#include "channel.h"
#include "child.h"
#include "counters.h"

/* ---- Channel ------------------------------------------------------------------------------ */

static void a_message_arrives_whole_with_its_descriptor(void **state)
{
    (void)state;
    int ends[2], pipe_ends[2];
    struct channel_message message;
    assert_int_equal(channel_pair(ends), 0);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(channel_send(ends[0], CHANNEL_LISTEN, "127.0.0.1:0", -1), 0);
    assert_int_equal(channel_send(ends[0], CHANNEL_OK, "", pipe_ends[1]), 0);
    assert_int_equal(channel_receive(ends[1], &message, 0), 0);
    assert_int_equal(message.kind, CHANNEL_LISTEN);
    assert_string_equal(message.text, "127.0.0.1:0");
    assert_int_equal(message.fd, -1);
    assert_int_equal(channel_receive(ends[1], &message, 0), 0);
    assert_string_equal(message.text, "");
    assert_true(message.fd >= 0);
    assert_true(fcntl(message.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(message.fd, "x", 1), 1);
    char byte = 0;
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(message.fd);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void a_long_text_is_cut_and_nothing_is_awaited_for_ever(void **state)
{
    (void)state;
    int ends[2];
    struct channel_message message;
    static char text[2 * CHANNEL_TEXT_SIZE];
    memset(text, 'a', sizeof text - 1);
    assert_int_equal(channel_pair(ends), 0);
    assert_int_equal(channel_receive(ends[1], &message, 0), -EAGAIN);
    assert_int_equal(channel_receive(ends[1], &message, 10), -EAGAIN);
    assert_int_equal(channel_send(ends[0], CHANNEL_ERROR, text, -1), 0);
    assert_int_equal(channel_receive(ends[1], &message, 0), 0);
    assert_int_equal(strlen(message.text), CHANNEL_TEXT_SIZE - 1);
    close(ends[0]);
    close(ends[1]);
}

static void the_end_of_the_other_side_is_told(void **state)
{
    (void)state;
    int ends[2];
    struct channel_message message;
    assert_int_equal(channel_pair(ends), 0);
    close(ends[0]);
    assert_int_equal(channel_receive(ends[1], &message, 1000), -EPIPE);
    assert_int_equal(channel_send(ends[1], CHANNEL_OK, "", -1), -EPIPE);
    close(ends[1]);
}

/* ---- Children ----------------------------------------------------------------------------- */

/* A grandchild of a killed parent: the pipe's end says that it has died too. */
static void a_child_dies_with_its_parent(void **state)
{
    (void)state;
    int life[2], started[2];
    char byte;
    assert_int_equal(pipe(life), 0);
    assert_int_equal(pipe(started), 0);
    pid_t parent = fork();
    if (parent == 0) {
        close(life[0]);
        if (child_fork(SIGKILL) == 0) {
            if (write(started[1], "s", 1) != 1)
                _exit(1);
            pause();
        }
        pause();
    }
    close(life[1]);
    assert_int_equal(read(started[0], &byte, 1), 1);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    struct pollfd end = {.fd = life[0], .events = POLLIN};
    assert_int_equal(poll(&end, 1, 5000), 1);
    assert_int_equal(read(life[0], &byte, 1), 0);
    close(life[0]);
    close(started[0]);
    close(started[1]);
}

static void ends_are_told_in_words(void **state)
{
    (void)state;
    char text[CHILD_END_SIZE];
    int status;
    pid_t pid = child_fork(SIGKILL);
    if (pid == 0)
        _exit(3);
    waitpid(pid, &status, 0);
    child_end(status, text);
    assert_string_equal(text, "exited with status 3");
    pid = child_fork(SIGKILL);
    if (pid == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }
    waitpid(pid, &status, 0);
    child_end(status, text);
    assert_string_equal(text, "was killed by SIGKILL");
}

/* A parent that ignores SIGCHLD hands that down through exec; the kernel then reaps for us. */
static void children_are_told_of_whatever_the_parent_ignored(void **state)
{
    (void)state;
    static const int none[] = {0};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGCHLD, SIG_IGN);
        if (child_signals(none) < 0)
            _exit(1);
        pid_t child = child_fork(SIGKILL);
        if (child == 0)
            _exit(3);
        bool told = waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3;
        _exit(told ? 0 : 2);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- Backoff and counters ----------------------------------------------------------------- */

static void what_keeps_dying_waits_longer_and_longer(void **state)
{
    (void)state;
    struct backoff backoff = {0, 0};
    static const int64_t waits[] = {50,   100,  200,   400,   800,   1600,
                                    3200, 6400, 12800, 25600, 30000, 30000};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        backoff_started(&backoff, 1000);
        assert_int_equal(backoff_next(&backoff, 1500), 1500 + waits[i]);
    }
}

static void a_healthy_run_forgets_what_came_before(void **state)
{
    (void)state;
    struct backoff backoff = {6400, 0};
    backoff_started(&backoff, 1000);
    assert_int_equal(backoff_next(&backoff, 10999), 10999 + 12800);
    backoff_started(&backoff, 20000);
    assert_int_equal(backoff_next(&backoff, 30000), 30050);
}

static void counters_are_shared_by_all_who_map_them(void **state)
{
    (void)state;
    int fd = counters_create();
    struct counters *ours = counters_map(fd);
    assert_non_null(ours);
    assert_int_equal(ours->workers[7][127].requests, 0);
    int status;
    pid_t pid = child_fork(SIGKILL);
    if (pid == 0) {
        struct counters *theirs = counters_map(fd);
        theirs->workers[7][127].requests++;
        _exit(0);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(ours->workers[7][127].requests, 1);
    close(fd);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_arrives_whole_with_its_descriptor),
        cmocka_unit_test(a_long_text_is_cut_and_nothing_is_awaited_for_ever),
        cmocka_unit_test(the_end_of_the_other_side_is_told),
        cmocka_unit_test(a_child_dies_with_its_parent),
        cmocka_unit_test(ends_are_told_in_words),
        cmocka_unit_test(children_are_told_of_whatever_the_parent_ignored),
        cmocka_unit_test(what_keeps_dying_waits_longer_and_longer),
        cmocka_unit_test(a_healthy_run_forgets_what_came_before),
        cmocka_unit_test(counters_are_shared_by_all_who_map_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
