/* Running the gateway, and looking at it from outside: its processes, its log.
 *
 *   launch -> fork -> exec sluice run -> log: "listening on 127.0.0.1:PORT", "ready: ..."
 *
 * SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MAX (4 << 20)

/* What config.yaml reads: the machine's own must not change a test. */
static const char *const variables[] = {
    "PORT",       "SLUICE_LISTEN", "SLUICE_ADMIN_TOKEN",    "REDIS_URL",
    "REDIS_HOST", "REDIS_PORT",    "TOKEN_BUCKET_CAPACITY", "TOKEN_BUCKET_REFILL_RATE",
};

/* ---- Starting ----------------------------------------------------------------------------- */

void gateway_configure(struct world *world, const char *config)
{
    FILE *file = fopen(world->config_file, "w");
    assert_non_null(file);
    assert_true(fputs(config, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void send_output(const struct world *world, const char *name, int fd)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", world->folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(126);
}

/* In the child. The shipped config.yaml gets another address and folder, nothing else. */
static void become_sluice(const struct world *world, const char *command)
{
    char data_dir[128], store[128];
    bool shipped = !world->plan->config;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    (void)snprintf(store, sizeof store, "%s/store.sock", world->folder);
    setenv("E2E_STORE", store, 1);
    (void)snprintf(data_dir, sizeof data_dir, "data_dir=%s/data", world->folder);
    send_output(world, "log", STDERR_FILENO);
    send_output(world, "output", STDOUT_FILENO);
    execl(SLUICE, SLUICE, command, "-c", shipped ? SHIPPED_CONFIG : world->config_file,
          shipped ? "--set" : NULL, "listen=127.0.0.1:0", "--set", data_dir, "--set", "workers=2",
          NULL);
    _exit(127);
}

static pid_t run(struct world *world, const char *command)
{
    struct stat info;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/log", world->folder);
    world->log_start = stat(path, &info) == 0 ? info.st_size : 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        become_sluice(world, command);
    return pid;
}

void gateway_launch(struct world *world)
{
    assert_int_equal(world->gateway, 0);
    world->gateway = run(world, "run");
}

static void read_token(struct world *world)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/data/admin.token", world->folder);
    FILE *file = fopen(path, "r");
    if (!file) { /* the configuration has one */
        (void)snprintf(world->token, sizeof world->token, "e2e-admin-token-0123456789abcdef");
        return;
    }
    assert_non_null(fgets(world->token, sizeof world->token, file));
    world->token[strcspn(world->token, "\n")] = '\0';
    fclose(file);
}

static bool has_ended(const struct world *world)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)world->gateway, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == world->gateway;
}

void gateway_wait_listening(struct world *world)
{
    static const char listening[] = "listening on 127.0.0.1:";
    wait_until(world, logged(world, listening) || has_ended(world));
    const char *line = strstr(gateway_log(world), listening);
    assert_non_null(line);
    world->port = (unsigned)strtoul(line + strlen(listening), NULL, 10);
}

void gateway_wait_ready(struct world *world)
{
    wait_until(world, logged(world, "ready: generation") || has_ended(world));
    assert_true(logged(world, "ready: generation"));
    gateway_wait_listening(world);
    read_token(world);
}

void gateway_start(struct world *world)
{
    gateway_launch(world);
    gateway_wait_ready(world);
}

/* ---- Ending ------------------------------------------------------------------------------- */

void gateway_signal(struct world *world, int number)
{
    assert_true(world->gateway > 0);
    assert_int_equal(kill(world->gateway, number), 0);
}

static int wait_end(struct world *world, pid_t pid)
{
    int status = 0;
    pid_t ended = 0;
    wait_until(world, (ended = waitpid(pid, &status, WNOHANG)) != 0);
    assert_int_equal(ended, pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int gateway_wait_end(struct world *world)
{
    int status = wait_end(world, world->gateway);
    world->gateway = 0;
    return status;
}

int gateway_stop(struct world *world)
{
    gateway_signal(world, SIGTERM);
    return gateway_wait_end(world);
}

int gateway_command(struct world *world, const char *command)
{
    return wait_end(world, run(world, command));
}

/* ---- Processes ---------------------------------------------------------------------------- */

struct process {
    pid_t pid, parent;
    char name[32];
    char state;
};

/* proc(5): pid (comm) state ppid ... */
static bool read_process(pid_t pid, struct process *ret_process)
{
    char path[64], line[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    char *open = strchr(line, '('), *close = strrchr(line, ')');
    if (!got || !open || !close)
        return false;
    *close = '\0';
    ret_process->pid = pid;
    (void)snprintf(ret_process->name, sizeof ret_process->name, "%s", open + 1);
    ret_process->state = close[2];
    ret_process->parent = (pid_t)strtol(close + 4, NULL, 10);
    return true;
}

static size_t children_of(pid_t parent, struct process *ret_children, size_t max)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry = readdir(proc); entry && count < max; entry = readdir(proc)) {
        struct process process;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && read_process(pid, &process) && process.parent == parent &&
            process.state != 'Z')
            ret_children[count++] = process;
    }
    closedir(proc);
    return count;
}

size_t processes_below(pid_t parent, pid_t ret_pids[PROCESSES_MAX])
{
    size_t count = 0;
    pid_t of = parent;
    for (size_t looked = 0; looked <= count; looked++) {
        struct process children[PROCESSES_MAX];
        size_t found = children_of(of, children, PROCESSES_MAX - count);
        for (size_t i = 0; i < found; i++)
            ret_pids[count++] = children[i].pid;
        if (looked < count)
            of = ret_pids[looked];
    }
    return count;
}

size_t gateway_workers(const struct world *world, pid_t ret_pids[PROCESSES_MAX])
{
    struct process children[PROCESSES_MAX], workers[PROCESSES_MAX];
    size_t count = 0;
    size_t found = children_of(world->gateway, children, PROCESSES_MAX);
    for (size_t i = 0; i < found; i++) {
        if (strcmp(children[i].name, "sluice") != 0)
            continue;
        size_t below = children_of(children[i].pid, workers, PROCESSES_MAX - count);
        for (size_t j = 0; j < below; j++)
            ret_pids[count++] = workers[j].pid;
    }
    return count;
}

bool process_is_alive(pid_t pid)
{
    struct process process;
    (void)waitpid(pid, NULL, WNOHANG); /* ours, if its parent has died */
    return read_process(pid, &process) && process.state != 'Z';
}

/* ---- Log ---------------------------------------------------------------------------------- */

static const char *read_from(const struct world *world, const char *name, long start)
{
    static char text[LOG_MAX];
    char path[128];
    text[0] = '\0';
    (void)snprintf(path, sizeof path, "%s/%s", world->folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return text;
    size_t len = fseek(file, start, SEEK_SET) == 0 ? fread(text, 1, LOG_MAX - 1, file) : 0;
    text[len] = '\0';
    fclose(file);
    return text;
}

const char *gateway_log(const struct world *world)
{
    return read_from(world, "log", world->log_start);
}

const char *gateway_output(const struct world *world)
{
    return read_from(world, "output", 0);
}

bool logged(const struct world *world, const char *part)
{
    return strstr(gateway_log(world), part) != NULL;
}

unsigned times_logged(const struct world *world, const char *part)
{
    unsigned times = 0;
    for (const char *at = gateway_log(world); (at = strstr(at, part)); at += strlen(part))
        times++;
    return times;
}
