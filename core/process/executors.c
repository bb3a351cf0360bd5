/* Executors: children that a plugin's process asks for, forked here because here is no loop.
 *
 *   EXECUTE slot ----> socketpair, fork -> STARTED slot pid + socket ----> the process
 *   SIGNAL slot n ---> kill(-pid, n)
 *   (it dies)     ---> what it left behind is killed -> ENDED slot how ---> the process
 *
 * Each is the leader of a process group of its own, so that what a handler started ends with it.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "executor.h"
#include "generation_internal.h"
#include "log.h"

/* ---- Telling the process ------------------------------------------------------------------ */

/* A process that does not read what it is told for so long hangs: it is started anew. */
static void tell(struct place *place, enum channel_kind kind, const char *text, int fd)
{
    int error = channel_send(place->channel, kind, text, fd);
    if (error == 0 || error == -EPIPE || error == -ECONNRESET) /* if it died, SIGCHLD follows */
        return;
    log_error("process %s (pid %ld) does not take messages (%s); killing it",
              place->process->row.name, (long)place->pid, strerror(-error));
    kill(place->pid, SIGKILL);
}

static void tell_ended(struct place *place, unsigned slot, int signal, int status, long max_rss_kib)
{
    char text[96];
    (void)snprintf(text, sizeof text, "%u %d %d %ld", slot, signal, status, max_rss_kib);
    tell(place, CHANNEL_ENDED, text, -1);
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* In the child: nothing of the generation stays open but its standard streams. */
static int run(struct serving *serving, const struct place *place, unsigned slot, int socket)
{
    const int own = STDERR_FILENO + 1;
    setpgid(0, 0);
    if (socket != own && dup2(socket, own) < 0)
        return 1;
    close_range((unsigned)own + 1, ~0u, 0);
    const struct executor_setup setup = {
        .gateway = &serving->gateway,
        .process = place->process,
        .redis = serving->worker.redis,
        .slot = slot,
        .socket = own,
    };
    return executor_main(&setup);
}

static void start(struct serving *serving, struct place *place, unsigned slot)
{
    int ends[2] = {-1, -1};
    char text[64];
    pid_t pid = -EMFILE;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0)
        pid = child_fork(SIGKILL);
    if (pid == 0)
        _exit(run(serving, place, slot, ends[1]));
    close(ends[1]);
    if (pid < 0) {
        log_error("can't fork executor %u of %s: %s", slot, place->process->row.name,
                  strerror((int)-pid));
        close(ends[0]);
        tell_ended(place, slot, 0, -1, 0);
        return;
    }
    (void)setpgid(pid, pid); /* both do: a signal must find the group, whoever runs first */
    place->executors[slot] = pid;
    (void)snprintf(text, sizeof text, "%u %ld", slot, (long)pid);
    tell(place, CHANNEL_STARTED, text, ends[0]);
    close(ends[0]);
}

/* ---- Being asked -------------------------------------------------------------------------- */

static void obey(struct serving *serving, struct place *place, const struct channel_message *asked)
{
    unsigned slot;
    int number;
    int found = sscanf(asked->text, "%u %d", &slot, &number);
    if (found < 1 || slot >= place->process->row.executors)
        return;
    pid_t pid = place->executors[slot];
    if (asked->kind == CHANNEL_EXECUTE && pid == 0 && !serving->drain_until)
        start(serving, place, slot);
    else if (asked->kind == CHANNEL_EXECUTE)
        tell_ended(place, slot, 0, -1, 0);
    else if (asked->kind == CHANNEL_SIGNAL && found == 2 && pid != 0)
        kill(-pid, number);
}

int executors_obey(struct serving *serving, struct place *place)
{
    struct channel_message asked;
    for (;;) {
        int error = channel_receive(place->channel, &asked, 0);
        if (error < 0)
            return error == -EAGAIN ? 0 : error;
        if (asked.fd >= 0)
            close(asked.fd);
        obey(serving, place, &asked);
    }
}

/* ---- Ending ------------------------------------------------------------------------------- */

bool executors_ended(struct place *place, pid_t pid, int status, const struct rusage *usage)
{
    for (unsigned i = 0; place->process && i < place->process->row.executors; i++) {
        if (place->executors[i] != pid)
            continue;
        place->executors[i] = 0;
        if (place->channel >= 0)
            tell_ended(place, i, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                       WIFEXITED(status) ? WEXITSTATUS(status) : 0, usage->ru_maxrss);
        return true;
    }
    return false;
}

void executors_kill(struct place *place)
{
    for (unsigned i = 0; place->process && i < place->process->row.executors; i++)
        if (place->executors[i])
            kill(-place->executors[i], SIGKILL);
}

bool executors_alive(const struct place *place)
{
    for (unsigned i = 0; place->process && i < place->process->row.executors; i++)
        if (place->executors[i])
            return true;
    return false;
}
