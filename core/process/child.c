/* Forking a child that can't outlive its parent.
 *
 * SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void reset_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2};
    sigset_t none;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t child_fork(int death_signal)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid > 0)
        return pid;
    reset_signals();
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent) /* it died before we asked */
        _exit(1);
    return 0;
}

void child_end(int status, char ret_text[CHILD_END_SIZE])
{
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        (void)snprintf(ret_text, CHILD_END_SIZE, "was killed by SIG%s", name ? name : "?");
    } else {
        (void)snprintf(ret_text, CHILD_END_SIZE, "exited with status %d", WEXITSTATUS(status));
    }
}

int child_signals(const int *signals)
{
    sigset_t set;
    signal(SIGCHLD, SIG_DFL); /* ignored, as exec may hand it down, it reaps children unseen */
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (; *signals; signals++)
        sigaddset(&set, *signals);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}
