/* The last words of a process.
 *
 * Everything in the handler is async-signal-safe (signal-safety(7)): it copies strings into a
 * buffer of its own and writes it once. It runs on a stack of its own, so that an overflow of the
 * ordinary one is told as well.
 *
 * SPDX-License-Identifier: MIT */
#include "crash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char *volatile running_plugin;
static const char *volatile running_step;

void crash_note(const char *plugin, const char *step)
{
    running_plugin = plugin;
    running_step = step;
}

struct words {
    char text[512];
    size_t len;
};

static void say(struct words *words, const char *text)
{
    while (text && *text && words->len < sizeof words->text)
        words->text[words->len++] = *text++;
}

static const char *name_of(int number)
{
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGILL:
        return "SIGILL";
    case SIGFPE:
        return "SIGFPE";
    default:
        return "SIGABRT";
    }
}

static void crashed(int number)
{
    struct words words = {.len = 0};
    say(&words, "{\"level\":\"error\",\"message\":\"crashed with ");
    say(&words, name_of(number));
    if (running_plugin) {
        say(&words, " in plugin ");
        say(&words, running_plugin);
        say(&words, ", step ");
        say(&words, running_step);
    }
    say(&words, "\"}\n");
    /* Nothing is left to do about a failure here. */
    if (write(STDERR_FILENO, words.text, words.len) < 0)
        _exit(128 + number);
    raise(number); /* SA_RESETHAND has restored the default */
}

void crash_watch(void)
{
    static char stack[16 * 1024];
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = crashed;
    action.sa_flags = (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction before;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL); /* a sanitizer's own tells more */
    }
}
