/* Reloads as they are used: plugins switched on and off and replaced by new builds while requests
 * come in, mistakes that change nothing, and plugins that crash.
 *
 *   SLUICE_RELOADS=60 test_reloads    repeats the first one as often
 *
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <client.h>

#define HEAD CONFIG_HEAD "workers: 2\n" CONFIG_STORE CONFIG_PROBE
#define WORKSHOP "  - path: " WORKSHOP_PLUGIN "\n"
#define SWAPPED "  - path: %s/swapped.so\n"
#define RELOADS_DEFAULT 12

/* ---- Reloading ------------------------------------------------------------------------------ */

static void reload(struct world *world, unsigned number)
{
    char ready[64];
    (void)snprintf(ready, sizeof ready, "ready: generation %u serves", number);
    gateway_signal(world, SIGHUP);
    wait_until(world, logged(world, ready));
}

/* Waits until only the newest generation is left. */
static void settle(struct world *world, unsigned number)
{
    wait_until(world, times_logged(world, "has drained") == number - 1);
}

static void refused(struct world *world, const char *config, unsigned number, const char *reason)
{
    char words[64];
    (void)snprintf(words, sizeof words, "reload refused: generation %u", number);
    gateway_configure(world, config);
    gateway_signal(world, SIGHUP);
    wait_until(world, logged(world, words));
    if (!logged(world, reason))
        fail_msg("the log does not say \"%s\"", reason);
    assert_status(get(world, "/probe/hello", NULL), 200);
}

/* ---- Counting ------------------------------------------------------------------------------- */

static unsigned open_files(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count;
}

static unsigned long resident_kib(pid_t pid)
{
    char path[64], line[128];
    unsigned long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "re");
    assert_non_null(status);
    while (fgets(line, sizeof line, status))
        (void)sscanf(line, "VmRSS: %lu", &kib);
    (void)fclose(status);
    return kib;
}

static size_t processes(const struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    return processes_below(world->gateway, pids);
}

/* ---- Toggling and swapping -------------------------------------------------------------------- */

/* As an installation does it: the new file takes the old one's name, and never its content. */
static void swap(const struct world *world, const char *build)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cp %s %s/new.so && mv %s/new.so %s/swapped.so", build,
                   world->folder, world->folder, world->folder);
    assert_int_equal(system(command), 0);
}

/* One of two builds of one plugin, which say what they are. */
static void configure(struct world *world, bool with_workshop, unsigned build)
{
    char config[2048];
    swap(world, build % 2 ? SWAPPED_B_PLUGIN : SWAPPED_A_PLUGIN);
    (void)snprintf(config, sizeof config, HEAD "%s" SWAPPED, with_workshop ? WORKSHOP : "",
                   world->folder);
    gateway_configure(world, config);
}

static void assert_toggled(struct world *world, bool with_workshop, unsigned build)
{
    assert_int_equal(get(world, "/workshop", NULL)->status, with_workshop ? 200 : 404);
    assert_string_equal(text_of(get(world, "/swapped", NULL), "build"), build % 2 ? "b" : "a");
}

static void plugins_that_are_toggled_and_swapped_fail_no_request(struct world *world)
{
    const char *wish = getenv("SLUICE_RELOADS");
    unsigned reloads = wish ? (unsigned)strtoul(wish, NULL, 10) : RELOADS_DEFAULT;
    store_start(world);
    configure(world, false, 0);
    gateway_start(world);
    struct load *load = load_start(world, "/probe/sleep/1", NULL);
    unsigned files = 0;
    unsigned long memory = 0;
    for (unsigned i = 1; i <= reloads; i++) {
        configure(world, i % 2, i);
        reload(world, i + 1);
        settle(world, i + 1);
        assert_toggled(world, i % 2, i);
        if (i == 2) { /* what the first ones allocate for good is there */
            files = open_files(world->gateway);
            memory = resident_kib(world->gateway);
        }
    }
    struct load_result result = load_stop(load);
    if (result.failed || result.statuses[200] != result.done)
        fail_msg("%lu of %lu failed, %lu were no 200: %s", result.failed, result.done,
                 result.done - result.statuses[200], result.first_failure);
    print_message("%u reloads, %lu requests, master %lu -> %lu KiB\n", reloads, result.done, memory,
                  resident_kib(world->gateway));
    assert_int_equal(open_files(world->gateway), files);
    assert_true(resident_kib(world->gateway) < memory + memory / 4);
    wait_until(world, processes(world) == (reloads % 2 ? 7u : 3u));
    assert_int_equal(gateway_stop(world), 0);
}

/* ---- Mistakes ------------------------------------------------------------------------------- */

static void a_reload_that_can_not_be_is_refused_with_its_reason(struct world *world)
{
    store_start(world);
    gateway_start(world);
    refused(world, "listen: [\n", 2, "config.yaml:");
    refused(world, HEAD "  - path: /nowhere/missing.so\n", 3, "missing.so");
    refused(world, HEAD "  - path: " OTHER_ABI_PLUGIN "\n", 4, "77");
    refused(world, HEAD "    config: { crashes_early: true }\n", 5,
            "crashed with SIGSEGV in plugin probe, step configure");
    gateway_configure(world, HEAD);
    reload(world, 6);
    assert_int_equal(gateway_stop(world), 0);
}

/* ---- Crashes -------------------------------------------------------------------------------- */

static void a_worker_that_a_plugin_crashes_is_replaced_and_others_serve_on(struct world *world)
{
    pid_t workers[PROCESSES_MAX];
    store_start(world);
    gateway_start(world);
    int wires[8];
    for (int i = 0; i < 8; i++) { /* the kernel spreads them over both workers */
        wires[i] = wire_open(world);
        wire_send(wires[i], "GET /probe/hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_status(wire_answer(world, wires[i]), 200);
    }
    assert_int_equal(get(world, "/probe/crash", NULL)->status, 0);
    int64_t crashed = now_ms();
    wait_until(world, logged(world, "crashed with SIGSEGV in plugin probe, step crash"));
    wait_until(world, logged(world, "starting it again in 50 ms"));
    wait_until(world, gateway_workers(world, workers) == 2);
    print_message("a worker in its place after %lld ms\n", (long long)(now_ms() - crashed));
    int served = 0;
    for (int i = 0; i < 8; i++) {
        static const char hello[] = "GET /probe/hello HTTP/1.1\r\nHost: x\r\n\r\n";
        struct answer *answer =
            wire_try_send(wires[i], hello, sizeof hello - 1) ? wire_answer(world, wires[i]) : NULL;
        served += answer && answer->status == 200;
        wire_close(wires[i]);
    }
    assert_in_range(served, 1, 7);
    assert_int_equal(gateway_stop(world), 0);
}

int main(void)
{
    /* The crashes are meant: the gateway's own words about them are looked for. */
    assert_int_equal(setenv("ASAN_OPTIONS", "handle_segv=0", 1), 0);
    assert_int_equal(setenv("TSAN_OPTIONS", "handle_segv=0", 1), 0);
    const struct CMUnitTest tests[] = {
        E2E(plugins_that_are_toggled_and_swapped_fail_no_request, HEAD),
        E2E(a_reload_that_can_not_be_is_refused_with_its_reason, HEAD),
        E2E(a_worker_that_a_plugin_crashes_is_replaced_and_others_serve_on, HEAD),
    };
    return cmocka_run_group_tests_name("reloads", tests, NULL, NULL);
}
