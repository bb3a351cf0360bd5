/* data_dir and what lies in it: the lock, the admin token, private copies of plugins, and the
 * embedded Redis, a real one.
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
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin_token.h"
#include "clock.h"
#include "embedded.h"
#include "home.h"
#include "object_file.h"

static struct arena arena;
static char folder[64];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sluice-home-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop(const char *path, const struct stat *stat, int type, struct FTW *where)
{
    (void)stat, (void)type, (void)where;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_folder(const char *name)
{
    return arena_printf(&arena, "%s/%s", folder, name);
}

/* ---- Home --------------------------------------------------------------------------------- */

static void a_home_is_made_marked_and_left(void **state)
{
    (void)state;
    struct home home = {0};
    const char *why = NULL;
    const char *data = in_folder("data");
    assert_int_equal(home_take(&home, &arena, data, &why), 0);
    assert_int_equal(home_take(&home, &arena, data, &why), 0);
    FILE *file = fopen(in_folder("data/run/sluice.pid"), "r");
    long pid = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    fclose(file);
    assert_int_equal(pid, getpid());
    home_leave(&home);
    assert_int_equal(access(in_folder("data/run/sluice.pid"), F_OK), -1);
    close(home.lock);
}

static void a_home_is_not_shared_and_its_owner_is_named(void **state)
{
    (void)state;
    struct home first = {0}, second = {0};
    const char *why = NULL;
    assert_int_equal(home_take(&first, &arena, in_folder("data"), &why), 0);
    assert_int_equal(home_take(&second, &arena, in_folder("data"), &why), -EBUSY);
    assert_non_null(strstr(why, arena_printf(&arena, "pid %ld", (long)getpid())));
    assert_null(second.data_dir);
    close(first.lock);
    assert_int_equal(home_take(&second, &arena, in_folder("data"), &why), 0);
    close(second.lock);
}

static void copies_that_a_killed_gateway_left_are_removed(void **state)
{
    (void)state;
    struct home home = {0};
    const char *why = NULL;
    assert_int_equal(object_copy("/proc/self/exe", in_folder("run/17/0-self.so")), 0);
    assert_int_equal(object_copy("/proc/self/exe", in_folder("run/mine/self.so")), 0);
    assert_int_equal(home_take(&home, &arena, folder, &why), 0);
    assert_int_equal(access(in_folder("run/17"), F_OK), -1);
    assert_int_equal(access(in_folder("run/mine/self.so"), F_OK), 0);
    close(home.lock);
}

static void a_home_can_not_move_while_it_is_lived_in(void **state)
{
    (void)state;
    struct home home = {0};
    const char *why = NULL;
    assert_int_equal(home_take(&home, &arena, in_folder("one"), &why), 0);
    assert_int_equal(home_take(&home, &arena, in_folder("two"), &why), -EBUSY);
    assert_non_null(strstr(why, "restart"));
    close(home.lock);
}

static void a_file_in_the_way_is_told(void **state)
{
    (void)state;
    struct home home = {0};
    const char *why = NULL;
    fclose(fopen(in_folder("data"), "w"));
    assert_true(home_take(&home, &arena, in_folder("data"), &why) < 0);
    assert_non_null(strstr(why, "data_dir must be a folder"));
}

/* ---- Admin token -------------------------------------------------------------------------- */

static void a_token_is_made_once_and_kept_private(void **state)
{
    (void)state;
    const char *why = NULL;
    struct stat stat_buffer;
    const char *token = admin_token_load(&arena, folder, &why);
    assert_non_null(token);
    assert_int_equal(strlen(token), 64);
    assert_string_equal(admin_token_load(&arena, folder, &why), token);
    assert_int_equal(stat(in_folder("admin.token"), &stat_buffer), 0);
    assert_int_equal(stat_buffer.st_mode & 0777, 0600);
}

static void gateways_that_start_at_once_agree_on_the_token(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            const char *why = NULL;
            const char *token = admin_token_load(&arena, folder, &why);
            _exit(token && write(ends[1], token, 64) == 64 ? 0 : 1);
        }
    char first[65] = "", token[65] = "";
    assert_int_equal(read(ends[0], first, 64), 64);
    for (int i = 1; i < 8; i++) {
        assert_int_equal(read(ends[0], token, 64), 64);
        assert_string_equal(token, first);
    }
    for (int i = 0; i < 8; i++)
        wait(NULL);
    close(ends[0]);
    close(ends[1]);
}

static void a_short_token_is_refused(void **state)
{
    (void)state;
    const char *why = NULL;
    FILE *file = fopen(in_folder("admin.token"), "w");
    fputs("secret\n", file);
    fclose(file);
    assert_null(admin_token_load(&arena, folder, &why));
    assert_non_null(strstr(why, "fewer than 32"));
}

/* ---- Private copies ----------------------------------------------------------------------- */

static void an_object_is_copied_into_folders_that_are_made(void **state)
{
    (void)state;
    char ours[41], copys[41];
    const char *copy = in_folder("run/1/0-self.so");
    assert_int_equal(object_copy("/proc/self/exe", copy), 0);
    object_build_id("/proc/self/exe", ours);
    object_build_id(copy, copys);
    assert_int_equal(strlen(ours), 40);
    assert_string_equal(ours, copys);
    assert_int_equal(object_copy("/proc/self/exe", copy), -EEXIST);
    assert_int_equal(object_copy(in_folder("nothing"), in_folder("run/2/x.so")), -ENOENT);
}

static void what_is_no_object_has_no_build_id(void **state)
{
    (void)state;
    char id[41] = "x";
    FILE *file = fopen(in_folder("text.so"), "w");
    fputs("\177ELF but nothing behind it", file);
    fclose(file);
    object_build_id(in_folder("text.so"), id);
    assert_string_equal(id, "");
    object_build_id(in_folder("nothing"), id);
    assert_string_equal(id, "");
}

/* ---- The embedded Redis ------------------------------------------------------------------- */

/* Turns the master's part until it is in that state. */
static void turn_until(struct embedded *embedded, enum embedded_state wanted)
{
    int64_t give_up = clock_monotonic_ms() + 20000;
    while (embedded->state != wanted && clock_monotonic_ms() < give_up) {
        int64_t until;
        int status;
        struct pollfd probe = {.fd = embedded_poll(embedded, &until), .events = POLLIN};
        poll(&probe, 1, 5);
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid > 0)
            embedded_reaped(embedded, pid, status, clock_monotonic_ms());
        embedded_turn(embedded, clock_monotonic_ms());
    }
    assert_int_equal(embedded->state, wanted);
}

static void a_redis_is_started_started_again_when_killed_and_stopped(void **state)
{
    (void)state;
    struct home home = {0};
    struct embedded embedded;
    const char *why = NULL;
    assert_int_equal(home_take(&home, &arena, folder, &why), 0);
    assert_int_equal(embedded_start(&embedded, &arena, "redis-server", "everysec", folder, &why),
                     0);
    turn_until(&embedded, EMBEDDED_UP);
    pid_t first = embedded.pid;
    kill(first, SIGKILL);
    turn_until(&embedded, EMBEDDED_WAITING);
    turn_until(&embedded, EMBEDDED_UP);
    assert_int_not_equal(embedded.pid, first);
    assert_int_equal(getpgid(embedded.pid), embedded.pid); /* no terminal's ^C reaches it */
    embedded_stop(&embedded);
    turn_until(&embedded, EMBEDDED_OFF);
    assert_int_equal(access(in_folder("redis/appendonlydir"), F_OK), 0);
    close(home.lock);
}

/* A server whose master was killed saves for a moment: two must not write the same files. */
static void a_redis_waits_until_the_one_before_has_ended(void **state)
{
    (void)state;
    struct home home = {0};
    struct embedded first, second;
    const char *why = NULL;
    assert_int_equal(home_take(&home, &arena, folder, &why), 0);
    assert_int_equal(embedded_start(&first, &arena, "redis-server", "everysec", folder, &why), 0);
    turn_until(&first, EMBEDDED_UP);
    embedded_forget(&first); /* as a killed master does: the server alone has the lock now */
    assert_int_equal(embedded_start(&second, &arena, "redis-server", "everysec", folder, &why), 0);
    assert_int_equal(second.state, EMBEDDED_WAITING);
    assert_int_equal(second.pid, 0);
    embedded_turn(&second, second.next_look);
    assert_int_equal(second.state, EMBEDDED_WAITING);
    assert_string_equal(second.trouble, "");
    embedded_turn(&second, second.answer_by);
    assert_non_null(strstr(second.trouble, arena_printf(&arena, "pid %ld", (long)first.pid)));
    kill(first.pid, SIGTERM);
    assert_int_equal(waitpid(first.pid, NULL, 0), first.pid);
    second.next_look = clock_monotonic_ms();
    turn_until(&second, EMBEDDED_UP);
    assert_string_equal(second.trouble, "");
    embedded_stop(&second);
    turn_until(&second, EMBEDDED_OFF);
    close(home.lock);
}

static void a_redis_that_ends_before_it_is_up_says_why(void **state)
{
    (void)state;
    struct embedded embedded;
    const char *why = NULL;
    assert_int_equal(embedded_start(&embedded, &arena, "/bin/false", "everysec", folder, &why), 0);
    turn_until(&embedded, EMBEDDED_WAITING);
    assert_non_null(strstr(embedded.trouble, "exited with status 1 before it was up"));
    assert_non_null(strstr(embedded.trouble, "redis/redis.log"));
    embedded_stop(&embedded);
    assert_int_equal(embedded.state, EMBEDDED_OFF);
}

static void a_redis_that_stays_silent_is_killed(void **state)
{
    (void)state;
    struct embedded embedded;
    const char *why = NULL;
    FILE *file = fopen(in_folder("silent"), "w");
    fputs("#!/bin/sh\nexec sleep 1000\n", file);
    fclose(file);
    assert_int_equal(chmod(in_folder("silent"), 0700), 0);
    assert_int_equal(
        embedded_start(&embedded, &arena, in_folder("silent"), "everysec", folder, &why), 0);
    embedded_turn(&embedded, embedded.answer_by - 1);
    assert_int_equal(embedded.state, EMBEDDED_STARTING);
    embedded_turn(&embedded, embedded.next_look + 1000);
    turn_until(&embedded, EMBEDDED_WAITING);
    assert_non_null(strstr(embedded.trouble, "killed by SIGKILL"));
    embedded_stop(&embedded);
}

static void a_missing_program_is_told_with_its_package(void **state)
{
    (void)state;
    struct embedded embedded;
    const char *why = NULL;
    assert_true(embedded_start(&embedded, &arena, "no-such-redis", "everysec", folder, &why) < 0);
    assert_non_null(strstr(why, "apt-get install redis-server"));
}

static void a_path_too_long_for_a_socket_is_told(void **state)
{
    (void)state;
    struct embedded embedded;
    const char *why = NULL;
    char name[120];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_true(
        embedded_start(&embedded, &arena, "redis-server", "everysec", in_folder(name), &why) < 0);
    assert_non_null(strstr(why, "shorter path"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_home_is_made_marked_and_left),
        TEST(a_home_is_not_shared_and_its_owner_is_named),
        TEST(copies_that_a_killed_gateway_left_are_removed),
        TEST(a_home_can_not_move_while_it_is_lived_in),
        TEST(a_file_in_the_way_is_told),
        TEST(a_token_is_made_once_and_kept_private),
        TEST(gateways_that_start_at_once_agree_on_the_token),
        TEST(a_short_token_is_refused),
        TEST(an_object_is_copied_into_folders_that_are_made),
        TEST(what_is_no_object_has_no_build_id),
        TEST(a_redis_is_started_started_again_when_killed_and_stopped),
        TEST(a_redis_waits_until_the_one_before_has_ended),
        TEST(a_redis_that_ends_before_it_is_up_says_why),
        TEST(a_redis_that_stays_silent_is_killed),
        TEST(a_missing_program_is_told_with_its_package),
        TEST(a_path_too_long_for_a_socket_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
