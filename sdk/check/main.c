/* sluice-plugin-check FILE.so [OPTIONS.yaml]: what `sluice plugin check` runs.
 *
 *   parent: forks a child -> it explores -> ends, crashes or hangs -> told; another child goes on
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 20
#define HANGS_MS 5000
#define FILE_MAX 65536

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "sluice: %s: %s\n", what, why);
    return 2;
}

/* ---- The child -------------------------------------------------------------------------------- */

static void could_not(const char *file, int line, const char *message)
{
    (void)file, (void)line;
    printf("%s\n", message);
    (void)fflush(stdout);
    _exit(1);
}

static void configure_once(struct check *check)
{
    test_on_failure(could_not);
    struct test_host *host = test_host_prepare(check->plugin, check->options);
    if (*test_errors(host)) {
        printf("%s can't be configured:\n%s", check->plugin->name, test_errors(host));
        (void)fflush(stdout);
        _exit(1);
    }
    test_host_free(host);
}

static void work(struct check *check)
{
    (void)signal(SIGPIPE, SIG_IGN);
    explore(check);
    (void)fflush(stdout);
    _exit(0);
}

/* ---- The parent ------------------------------------------------------------------------------- */

static void pause_for_a_look(void)
{
    (void)nanosleep(&(struct timespec){0, LOOK_MS * 1000000L}, NULL);
}

/* Its wait status; one that makes no progress is killed, and said to hang. */
static int watch(pid_t child, const struct shared *shared, bool *ret_hangs)
{
    int status = 0;
    uint64_t seen = 0;
    int still = 0;
    *ret_hangs = false;
    while (waitpid(child, &status, WNOHANG) == 0) {
        pause_for_a_look();
        still = shared->runs == seen ? still + LOOK_MS : 0;
        seen = shared->runs;
        if (still >= HANGS_MS && !*ret_hangs) {
            *ret_hangs = true;
            (void)kill(child, SIGKILL);
        }
    }
    return status;
}

/* Explores until a child comes to the end. */
static void supervise(struct check *check)
{
    struct shared *shared = check->shared;
    bool hangs;
    for (;;) {
        shared->runs = 0;
        pid_t child = fork();
        if (child == 0)
            work(check);
        int status = watch(child, shared, &hangs);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return;
        char what[128];
        (void)snprintf(what, sizeof what, hangs ? "it never returns" : "it crashes (%s)",
                       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ended its process");
        found(check, what);
        if (shared->skip_count == sizeof shared->skip / sizeof shared->skip[0])
            return; /* enough is known */
        shared->skip[shared->skip_count++] = shared->runs - 1;
    }
}

/* ---- Beginning -------------------------------------------------------------------------------- */

static const sluice_descriptor *load(const char *file)
{
    sluice_plugin_fn *entry;
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        (void)complain(file, dlerror());
        return NULL;
    }
    *(void **)&entry = dlsym(handle, SLUICE_PLUGIN_SYMBOL);
    if (!entry)
        (void)complain(file, "it exports no symbol " SLUICE_PLUGIN_SYMBOL);
    return entry ? entry() : NULL;
}

static const char *read_options(const char *file)
{
    static char text[FILE_MAX];
    FILE *stream = fopen(file, "re");
    size_t len = stream ? fread(text, 1, sizeof text - 1, stream) : 0;
    if (!stream || ferror(stream)) {
        (void)complain(file, strerror(errno));
        text[0] = '\0';
    }
    if (stream)
        (void)fclose(stream);
    text[len] = '\0';
    return text;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3)
        return complain("plugin check", "expected FILE.so, and a file with its options in YAML");
    char *path = realpath(argv[1], NULL);
    struct check check = {.file = argv[1], .plugin = path ? load(path) : NULL};
    if (!path)
        return complain(argv[1], strerror(errno));
    if (!check.plugin)
        return 2;
    check.options = argc == 3 ? read_options(argv[2]) : "";
    check.shared =
        mmap(NULL, sizeof *check.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (check.shared == MAP_FAILED)
        return complain(argv[1], strerror(errno));
    configure_once(&check);
    supervise(&check);
    printf("%s: %u complaint%s in %llu runs\n", check.plugin->name, check.shared->findings,
           check.shared->findings == 1 ? "" : "s", (unsigned long long)check.shared->runs);
    free(path);
    return check.shared->findings ? 1 : 0;
}
