/* sluice-plugin-check FILE.so [OPTIONS.yaml]: what `sluice plugin check` runs.
 *
 *   parent: forks a child -> it loads and configures -> ends well? -> the parent loads as well
 *           forks a child -> it explores -> ends, crashes or hangs -> told; another child goes on
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

/* ---- Loading --------------------------------------------------------------------------------- */

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
        check->shared->told_why = true;
        _exit(1);
    }
    test_host_free(host);
}

static void work(struct check *check)
{
    (void)signal(SIGPIPE, SIG_IGN);
    explore(check);
    (void)fflush(stdout);
    check->shared->finished = true;
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

static void tell_end(struct check *check, int status, bool hangs)
{
    char what[128];
    (void)snprintf(what, sizeof what, hangs ? "it never returns" : "%s%s%s",
                   WIFSIGNALED(status) ? "it crashes (" : "it ends its process",
                   WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "",
                   WIFSIGNALED(status) ? ")" : "");
    found(check, what);
}

/* Loads and configures in a child first: a plugin that crashes there must not take the parent along.
 * 0, or the exit status after telling why. */
static int rehearse(struct check *check, const char *path)
{
    struct shared *shared = check->shared;
    bool hangs;
    (void)snprintf(shared->doing, SAID_SIZE, "loading and configuring");
    pid_t child = fork();
    if (child < 0)
        return complain(check->file, strerror(errno));
    if (child == 0) {
        check->plugin = load(path);
        shared->told_why = !check->plugin;
        if (!check->plugin)
            _exit(2);
        configure_once(check);
        shared->finished = true;
        _exit(0);
    }
    int status = watch(child, shared, &hangs);
    if (shared->finished)
        return 0;
    if (!hangs && WIFEXITED(status) && shared->told_why)
        return WEXITSTATUS(status);
    tell_end(check, status, hangs);
    return 1;
}

/* Explores until a child comes to the end. */
static void supervise(struct check *check)
{
    struct shared *shared = check->shared;
    bool hangs;
    for (;;) {
        shared->runs = shared->cut = 0;
        pid_t child = fork();
        if (child == 0)
            work(check);
        int status = watch(child, shared, &hangs);
        if (shared->finished)
            return;
        tell_end(check, status, hangs);
        if (shared->skip_count == sizeof shared->skip / sizeof shared->skip[0])
            return; /* enough is known */
        shared->skip[shared->skip_count++] = shared->runs - 1;
    }
}

/* ---- Beginning -------------------------------------------------------------------------------- */

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
    struct check check = {.file = argv[1], .options = argc == 3 ? read_options(argv[2]) : ""};
    if (!path)
        return complain(argv[1], strerror(errno));
    check.shared =
        mmap(NULL, sizeof *check.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (check.shared == MAP_FAILED)
        return complain(argv[1], strerror(errno));
    int status = rehearse(&check, path);
    check.plugin = status ? NULL : load(path);
    if (!check.plugin)
        return status ? status : 2;
    check.shared->finished = false;
    supervise(&check);
    printf("%s: %u complaint%s in %llu runs\n", check.plugin->name, check.shared->findings,
           check.shared->findings == 1 ? "" : "s", (unsigned long long)check.shared->runs);
    if (check.shared->cut)
        printf("%s: of %u request%s not every way was tried: there are too many\n",
               check.plugin->name, check.shared->cut, check.shared->cut == 1 ? "" : "s");
    free(path);
    return check.shared->findings ? 1 : 0;
}
