/* One request, from its host's making to its end.
 *
 *   a new host -> the request -> its questions, each with what is chosen -> time goes by -> stop
 *
 * A run is made three times: the third must leave no more memory behind than the second did. Where it
 * seems to, it is made more often: what malloc keeps for later, it keeps but once.
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <dirent.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONG_MS 600000 /* of the host's time: nothing waits longer */
#define BLOCKS_MS 100
#define LEAK_RUNS 20

/* Of the address sanitizer, where it is there: malloc's own numbers say nothing then. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

struct running {
    struct check *check;
    const struct wish *wish;
    struct course *course;
    int disturb; /* HAPPENS_HANG_UP, HAPPENS_RELOAD, or -1: what happens when the steps have returned */
    bool started;
    bool resting;  /* the disturbance is for a sleep or a park, not a question */
    size_t rested; /* bytes of the trail at the last choice while it rested */
    const char *trail;
};

static jmp_buf failed;
static char last_trail[SAID_SIZE];
static char why[SAID_SIZE];

/* ---- Watching --------------------------------------------------------------------------------- */

static size_t memory_in_use(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static int open_files(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        (void)closedir(folder);
    return count;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void complained(const char *file, int line, const char *message)
{
    (void)file, (void)line;
    (void)snprintf(why, sizeof why, "%s", message);
    longjmp(failed, 1);
}

/* ---- Questions -------------------------------------------------------------------------------- */

/* What every Redis that a gateway likes says. */
static bool answer_as_ever(struct test_host *host, const char *question)
{
    const sluice_arg policy[] = {sluice_arg_text("maxmemory-policy"),
                                 sluice_arg_text("noeviction")};
    if (!strstr(question, "maxmemory-policy"))
        return false;
    test_reply_array(host, policy, 2, sizeof policy[0]);
    return true;
}

/* The first ones are the request's way; what is asked before and beyond is answered with nils. */
static void answer(struct test_host *host, const char *question, const char *script, void *state)
{
    struct running *running = state;
    if (answer_as_ever(host, question))
        return;
    if (!running->started) {
        test_reply_nil(host);
        return;
    }
    struct course *course = running->course;
    char name[64];
    unsigned at = course->questions;
    unsigned choice = at < course->chosen ? course->choices[at] : 0;
    size_t len = strlen(running->check->shared->doing);
    if (at < CHOICES_MAX) {
        course->could[at] = happenings(script);
        course->questions++;
        (void)snprintf(running->check->shared->doing + len, SAID_SIZE - len, "\n    %.100s -> %s",
                       question, happening_name(script, choice, name));
    }
    if (choice == HAPPENS_HANG_UP || choice == HAPPENS_RELOAD) {
        running->disturb = (int)choice;
        running->resting = false;
    }
    happen(host, script, choice);
}

/* Whose request it is, while time goes by: a sleep or a park is a wait like a question is. */
static void choose_while_it_rests(struct running *running, const struct test_answer *made)
{
    static const char *const names[] = {"time goes by", "a hang-up", "a reload"};
    static const int how[] = {-1, HAPPENS_HANG_UP, HAPPENS_RELOAD};
    struct course *course = running->course;
    unsigned at = course->questions;
    size_t len = strlen(running->check->shared->doing), steps = strlen(made->trail);
    if (!made->waits_for || steps == running->rested || at >= CHOICES_MAX)
        return;
    unsigned choice = at < course->chosen ? course->choices[at] : 0;
    running->rested = steps;
    course->could[at] = PASSINGS;
    course->questions++;
    (void)snprintf(running->check->shared->doing + len, SAID_SIZE - len, "\n    %.100s -> %s",
                   made->waits_for, names[choice]);
    running->disturb = how[choice];
    running->resting = true;
}

/* Ever longer looks, so that a wait that follows a wait is met as well. */
static void let_time_go_by(struct running *running, struct test_host *host,
                           const struct test_answer *made)
{
    int64_t passed = 0;
    for (int64_t ms = 1; passed < LONG_MS && running->disturb < 0; ms *= 2) {
        test_advance(host, ms);
        passed += ms;
        if (running->disturb < 0)
            choose_while_it_rests(running, made);
    }
}

/* ---- The request ------------------------------------------------------------------------------ */

static void set_world(struct test_host *host, const struct wish *wish)
{
    static const char *const headers[][2] = {{"Content-Type", "application/json"},
                                             {"Idempotency-Key", "key-1"},
                                             {"Origin", "https://example.com"},
                                             {"If-Match", "\"1\""},
                                             {"Cookie", "a=b"},
                                             {"X-Forwarded-For", "192.0.2.9"}};
    if (wish->who == WHO_CLIENT)
        test_client(host, "acme", "acme",
                    "leaderboard:manage jobs:work jobs:manage keys:verify sessions:manage");
    else if (wish->who == WHO_ADMIN)
        test_admin(host);
    else if (wish->who == WHO_SESSION)
        test_session(host, "acme", "ann", "s1");
    for (size_t i = wish->body ? 0 : 1; i < sizeof headers / sizeof headers[0]; i++)
        test_header(host, headers[i][0], headers[i][1]);
}

static void disturb(struct test_host *host, struct test_answer *answer, int how, bool asked)
{
    if (how == HAPPENS_HANG_UP)
        test_hang_up(answer);
    else
        test_drain(host);
    if (asked)
        test_reply_int(host, 1); /* too late */
}

static void describe(const struct check *check, const struct wish *wish)
{
    static const char *const names[] = {"a client", "an admin", "a session", "nobody"};
    (void)snprintf(check->shared->doing, SAID_SIZE, "%s %s as %s%s%.200s", wish->method,
                   wish->target, names[wish->who], wish->body ? ", body " : "",
                   wish->body ? wish->body : "");
}

static sluice_verdict pass(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_json(req, 200, "ok", true);
}

struct test_host *make_host(struct check *check)
{
    static const sluice_route routes[] = {
        {"GET", "/sluice-check/open", SLUICE_STEP(pass), "none", NULL, 0, 0, 0},
        {"GET", "/sluice-check/known", SLUICE_STEP(pass), "client,session,admin", NULL, 0, 0, 0},
        {"POST", "/sluice-check/known", SLUICE_STEP(pass), "client,session,admin", NULL, 0, 0, 0},
    };
    struct test_host *host = test_host_prepare(check->plugin, check->options);
    sluice_routes((sluice_host *)(void *)host, routes); /* of which a host is the beginning */
    return host;
}

static uint32_t act(struct running *running, struct test_host **host, char **ret_body)
{
    struct check *check = running->check;
    const struct wish *wish = running->wish;
    bool advanced = false;
    *host = make_host(check);
    test_on_question(*host, answer, running);
    test_start(*host);
    running->started = true;
    set_world(*host, wish);
    struct test_answer *made =
        test_request(*host, wish->method, wish->target, test_bytes(wish->body));
    if (running->disturb < 0)
        choose_while_it_rests(running, made);
    while (running->disturb >= 0 || !advanced) { /* time going by may bring new questions */
        int how = running->disturb;
        running->disturb = -1;
        advanced = how < 0;
        if (advanced)
            let_time_go_by(running, *host, made);
        else
            disturb(*host, made, how, !running->resting);
    }
    running->trail = made->trail;
    if (made->waits_for) {
        (void)snprintf(why, sizeof why, "step %s: it still waits for %.200s after 10 minutes",
                       made->trail, made->waits_for);
        longjmp(failed, 1);
    }
    if (ret_body)
        *ret_body = strdup(made->body);
    return made->status;
}

/* ---- Once, and three times -------------------------------------------------------------------- */

/* False: it ended in a complaint. Its host is left as it is then: a broken one can't be ended. */
static bool once(struct check *check, const struct wish *wish, struct course *course,
                 uint32_t *ret_status, char **ret_body)
{
    struct running running = {check, wish, course, -1, false, false, 0, ""};
    struct test_host *host = NULL;
    course->questions = 0;
    describe(check, wish);
    test_on_failure(complained);
    if (setjmp(failed) != 0) {
        found(check, why);
        return false;
    }
    *ret_status = act(&running, &host, ret_body);
    (void)snprintf(last_trail, sizeof last_trail, "%s", running.trail);
    test_host_free(host);
    return true;
}

static bool is_skipped(const struct shared *shared, uint64_t number)
{
    for (unsigned i = 0; i < shared->skip_count; i++)
        if (shared->skip[i] == number)
            return true;
    return false;
}

/* Memory grows with every run, again and again. */
static bool leaks(struct check *check, const struct wish *wish, struct course *course)
{
    uint32_t status;
    size_t before = memory_in_use();
    unsigned grown = 0;
    for (int i = 0; i < LEAK_RUNS; i++) {
        if (!once(check, wish, course, &status, NULL))
            return false;
        size_t now = memory_in_use();
        grown = now > before ? grown + 1 : 0;
        before = now;
    }
    return grown >= LEAK_RUNS / 2;
}

static void found_blocking(struct check *check)
{
    char said[SAID_SIZE];
    (void)snprintf(said, sizeof said, "step %.200s: it blocks", last_trail);
    found(check, said);
}

uint32_t run(struct check *check, const struct wish *wish, struct course *course, char **ret_body)
{
    size_t memory[3];
    uint32_t status = 0;
    int files = open_files(), blocked = 0;
    if (is_skipped(check->shared, check->shared->runs++))
        return 0;
    for (int i = 0; i < 3; i++) {
        int64_t begun = now_ms();
        if (!once(check, wish, course, &status, i == 0 ? ret_body : NULL))
            return status;
        blocked += now_ms() - begun >= BLOCKS_MS;
        memory[i] = memory_in_use();
    }
    if (blocked == 3) /* once may be the machine's doing */
        found_blocking(check);
    if (memory[2] > memory[1] && memory[1] > memory[0] && leaks(check, wish, course))
        found(check, "it leaks memory, with every such request");
    if (open_files() > files)
        found(check, "it leaves files open");
    return status;
}
