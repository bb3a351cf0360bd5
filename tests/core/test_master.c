/* The master's decisions, with generations that do as the test says: which one is started when,
 * what a stop ends, what is tried again and how soon.
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
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "master.c"

#define PATIENCE_MS 10000

/* What generation n does is letter n; the last letter is for all that follow.
 *
 *   s  serves until SIGTERM           r  refuses its configuration
 *   d  serves and dies at once        h  serves, and does not hear SIGTERM
 *   l  is ready when it is too late: on SIGTERM
 *   n  is never ready
 *   f  asks for a Redis that ends as soon as it starts */
static const char *plan;
static char folder[64];
static int reports[2]; /* a generation's number, written when it has started */

/* ---- A generation ------------------------------------------------------------------------- */

static void await_end(void)
{
    sigset_t end;
    int number;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigwait(&end, &number);
}

static int ask_master(const struct generation_setup *setup, enum channel_kind kind,
                      const char *text)
{
    struct channel_message answered;
    if (channel_send(setup->channel, kind, text, -1) < 0 ||
        channel_receive(setup->channel, &answered, PATIENCE_MS) < 0)
        return -EPIPE;
    if (answered.kind == CHANNEL_ERROR)
        log_error("%s", answered.text);
    return answered.kind == CHANNEL_OK ? 0 : -EINVAL;
}

static void become_ready(const struct generation_setup *setup)
{
    if (channel_send(setup->channel, CHANNEL_READY, "", -1) < 0)
        _exit(3);
}

int generation_main(const struct generation_setup *setup)
{
    size_t last = strlen(plan) - 1;
    char act = plan[setup->number - 1 < last ? setup->number - 1 : last];
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, NULL);
    bool reported = write(reports[1], &setup->number, sizeof setup->number) > 0;
    if (act == 'r' || !reported || ask_master(setup, CHANNEL_HOME, folder) < 0)
        return GENERATION_REFUSED;
    if (act == 'f')
        return ask_master(setup, CHANNEL_REDIS, "everysec /bin/false") < 0 ? 1 : 0;
    if (act == 'n')
        for (;;)
            pause();
    if (act == 'l')
        await_end();
    become_ready(setup);
    if (act == 'h')
        for (;;)
            pause();
    if (act == 's')
        await_end();
    return act == 'd' ? 4 : 0;
}

/* ---- A master ----------------------------------------------------------------------------- */

static pid_t master_pid;

static const char *in_folder(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void start_master(const char *its_plan)
{
    plan = its_plan;
    master_pid = fork();
    assert_true(master_pid >= 0);
    if (master_pid)
        return;
    struct gateway_source source = {0};
    if (!freopen(in_folder("log"), "a", stderr))
        _exit(5);
    _exit(master_main(&source));
}

static unsigned next_started(void)
{
    unsigned number = 0;
    struct pollfd report = {.fd = reports[0], .events = POLLIN};
    if (poll(&report, 1, PATIENCE_MS) == 1)
        assert_int_equal(read(reports[0], &number, sizeof number), sizeof number);
    return number;
}

static bool any_more_started(void)
{
    struct pollfd report = {.fd = reports[0], .events = POLLIN};
    return poll(&report, 1, 0) == 1;
}

static bool logged(const char *part)
{
    static char log[65536];
    int fd = open(in_folder("log"), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, log, sizeof log - 1);
    if (fd >= 0)
        close(fd);
    log[len > 0 ? len : 0] = '\0';
    return strstr(log, part);
}

static void wait_logged(const char *part)
{
    int64_t give_up = clock_monotonic_ms() + PATIENCE_MS;
    while (!logged(part)) {
        if (clock_monotonic_ms() > give_up)
            fail_msg("never logged: %s", part);
        poll(NULL, 0, 2);
    }
}

/* The exit status; -1 when it does not end. */
static int end_of_master(void)
{
    int status;
    int64_t give_up = clock_monotonic_ms() + PATIENCE_MS;
    while (clock_monotonic_ms() < give_up) {
        if (waitpid(master_pid, &status, WNOHANG) == master_pid) {
            master_pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        poll(NULL, 0, 2);
    }
    return -1;
}

static int stop_master(void)
{
    kill(master_pid, SIGTERM);
    return end_of_master();
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sluice-master-XXXXXX");
    return mkdtemp(folder) && pipe2(reports, O_CLOEXEC) == 0 ? 0 : -1;
}

static int drop(const char *path, const struct stat *stat, int type, struct FTW *where)
{
    (void)stat, (void)type, (void)where;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    if (master_pid) {
        kill(master_pid, SIGKILL);
        waitpid(master_pid, NULL, 0);
        master_pid = 0;
    }
    close(reports[0]);
    close(reports[1]);
    return nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- Starts and stops --------------------------------------------------------------------- */

static void a_stop_drains_and_ends_with_0(void **state)
{
    (void)state;
    start_master("s");
    wait_logged("ready: generation 1");
    assert_int_equal(stop_master(), 0);
    assert_true(logged("generation 1 has drained"));
    assert_int_equal(access(in_folder("run/sluice.pid"), F_OK), -1);
}

static void a_first_generation_that_fails_ends_it_with_1(void **state)
{
    (void)state;
    start_master("rs");
    assert_int_equal(end_of_master(), 1);
    assert_int_equal(next_started(), 1);
    assert_false(any_more_started());
}

static void a_second_stop_does_not_wait(void **state)
{
    (void)state;
    start_master("h");
    wait_logged("ready: generation 1");
    kill(master_pid, SIGTERM);
    wait_logged("stopping");
    assert_int_equal(stop_master(), 1);
    assert_true(logged("generation 1 was killed by SIGKILL while it drained"));
}

static void a_redis_that_ends_at_once_fails_the_start(void **state)
{
    (void)state;
    start_master("f");
    assert_int_equal(end_of_master(), 1);
    assert_true(logged("exited with status 1 before it was up"));
}

/* ---- Replacing ---------------------------------------------------------------------------- */

static void a_refused_reload_leaves_the_one_before(void **state)
{
    (void)state;
    start_master("srs");
    wait_logged("ready: generation 1");
    kill(master_pid, SIGHUP);
    wait_logged("reload refused: generation 2 exited with status 2; generation 1 serves on");
    kill(master_pid, SIGHUP);
    wait_logged("generation 1 has drained");
    assert_true(logged("ready: generation 3"));
    assert_int_equal(stop_master(), 0);
}

static void one_that_dies_is_replaced(void **state)
{
    (void)state;
    start_master("ds");
    wait_logged("generation 1 exited with status 4; starting another one in 50 ms");
    wait_logged("ready: generation 2");
    assert_int_equal(stop_master(), 0);
}

static void a_fifth_that_drains_forces_the_oldest(void **state)
{
    (void)state;
    start_master("hhhhhs");
    wait_logged("ready: generation 1");
    for (unsigned number = 2; number <= 6; number++) {
        char ready[32];
        kill(master_pid, SIGHUP);
        (void)snprintf(ready, sizeof ready, "ready: generation %u", number);
        wait_logged(ready);
    }
    wait_logged("generation 1 was killed by SIGKILL while it drained");
    assert_false(logged("generation 2 was killed"));
    kill(master_pid, SIGTERM);
    wait_logged("stopping");
    assert_int_equal(stop_master(), 1);
}

static void a_stop_forgets_the_reload_that_waits(void **state)
{
    (void)state;
    start_master("sls");
    wait_logged("ready: generation 1");
    kill(master_pid, SIGHUP);
    assert_int_equal(next_started(), 1);
    assert_int_equal(next_started(), 2);
    kill(master_pid, SIGHUP);
    assert_int_equal(stop_master(), 0);
    assert_false(any_more_started());
}

static void one_that_is_never_ready_is_ended_and_keeps_no_reload_waiting(void **state)
{
    (void)state;
    start_max_ms = 300;
    start_master("snss");
    wait_logged("ready: generation 1");
    kill(master_pid, SIGHUP);
    assert_int_equal(next_started(), 1);
    assert_int_equal(next_started(), 2);
    kill(master_pid, SIGHUP);
    wait_logged("generation 2 is not ready after");
    wait_logged("reload refused: generation 2 was killed by SIGKILL; generation 1 serves on");
    wait_logged("ready: generation 3");
    start_max_ms = 50000;
    assert_int_equal(stop_master(), 0);
}

static void a_first_one_that_is_never_ready_ends_it_with_1(void **state)
{
    (void)state;
    start_max_ms = 300;
    start_master("n");
    start_max_ms = 50000;
    assert_int_equal(end_of_master(), 1);
}

/* ---- Trying again ------------------------------------------------------------------------- */

static struct master *new_master(void)
{
    struct master *master = calloc(1, sizeof *master);
    assert_non_null(master);
    master->embedded = EMBEDDED_INIT;
    master->counters = counters_create();
    master->signals = open("/dev/null", O_RDONLY | O_CLOEXEC);
    master->home = (struct home){folder, "", open("/dev/null", O_RDONLY | O_CLOEXEC)};
    master->has_served = true;
    assert_int_equal(mkdir(in_folder("run"), 0700), 0);
    return master;
}

static void free_master(struct master *master)
{
    close(master->counters);
    close(master->signals);
    close(master->home.lock);
    free(master);
}

static enum channel_kind answer_to_redis(struct master *master, int asker, const char *wish)
{
    struct channel_message answered = {.kind = CHANNEL_REDIS};
    on_redis(master, &master->generations[0], wish);
    tell_about_redis(master);
    assert_int_equal(channel_receive(asker, &answered, PATIENCE_MS), 0);
    return answered.kind;
}

static void a_reload_that_wants_another_redis_is_refused(void **state)
{
    (void)state;
    int ends[2];
    struct master *master = new_master();
    assert_int_equal(channel_pair(ends), 0);
    master->generations[0] = (struct generation){LIFE_STARTING, 2, 0, ends[0], false, 0};
    master->embedded.state = EMBEDDED_UP;
    master->embedded.fsync = "everysec";
    master->embedded.program = "redis-server";
    master->embedded.socket = "/run/redis.sock";
    assert_int_equal(answer_to_redis(master, ends[1], "everysec redis-server"), CHANNEL_OK);
    assert_int_equal(answer_to_redis(master, ends[1], "always redis-server"), CHANNEL_ERROR);
    assert_int_equal(answer_to_redis(master, ends[1], "everysec /opt/redis-server"), CHANNEL_ERROR);
    close(ends[0]);
    close(ends[1]);
    arena_release(&master->arena);
    free_master(master);
}

static void replacements_that_fail_wait_longer_and_longer(void **state)
{
    (void)state;
    int status;
    struct master *master = new_master();
    plan = "r";
    master->backoff.started = clock_monotonic_ms() - 3600000; /* the last one served for an hour */
    start_later(master);
    for (int64_t delay = 100; delay <= 800; delay *= 2) {
        start_generation(master);
        struct generation *generation = in_life(master, LIFE_STARTING);
        assert_non_null(generation);
        assert_int_equal(waitpid(generation->pid, &status, 0), generation->pid);
        ended(master, generation, status);
        assert_int_equal(master->backoff.delay, delay);
        assert_true(master->start_at > 0);
    }
    free_master(master);
}

static void a_replacement_that_can_not_be_forked_is_tried_again(void **state)
{
    (void)state;
    struct master *master = new_master();
    for (unsigned i = 0; i < GENERATIONS; i++)
        master->generations[i].life = LIFE_DRAINING;
    start_generation(master);
    assert_true(master->start_at > 0);
    free_master(master);
}

static void one_that_is_starting_is_replacement_enough(void **state)
{
    (void)state;
    struct master *master = new_master();
    master->generations[3].life = LIFE_STARTING;
    master->start_at = 1;
    start_generation(master);
    assert_int_equal(master->last_number, 0);
    assert_int_equal(master->start_at, 0);
    free_master(master);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_stop_drains_and_ends_with_0),
        TEST(a_first_generation_that_fails_ends_it_with_1),
        TEST(a_second_stop_does_not_wait),
        TEST(a_redis_that_ends_at_once_fails_the_start),
        TEST(a_refused_reload_leaves_the_one_before),
        TEST(one_that_dies_is_replaced),
        TEST(a_fifth_that_drains_forces_the_oldest),
        TEST(one_that_is_never_ready_is_ended_and_keeps_no_reload_waiting),
        TEST(a_first_one_that_is_never_ready_ends_it_with_1),
        TEST(a_stop_forgets_the_reload_that_waits),
        TEST(a_reload_that_wants_another_redis_is_refused),
        TEST(replacements_that_fail_wait_longer_and_longer),
        TEST(a_replacement_that_can_not_be_forked_is_tried_again),
        TEST(one_that_is_starting_is_replacement_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
