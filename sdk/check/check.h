/* sluice plugin check, from inside: a plugin's whole life, again and again, each time with another
 * thing that goes wrong.
 *
 *   main.c      a child that explores, and its parent, which sees it crash or hang
 *   explore.c   which requests, and which replies to each of their questions
 *   replies.c   what Redis may answer to a question, and what else can happen then
 *   body.c      bodies that a route takes, learned from its refusals
 *   run.c       one request, from its host's making to its end
 *   findings.c  what was found, told once
 *
 * It stands on the test host: Redis, time and the gateway are the test's, so nothing here waits.
 *
 * SPDX-License-Identifier: MIT */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLUICE_TEST_LONG_NAMES
#include "sluice_test.h"

#define CHOICES_MAX 12 /* waits of a request at which everything is tried */
#define WORDS_MAX 8
#define SAID_SIZE 1024

/* ---- What parent and child share ------------------------------------------------------------ */

struct shared {
    uint64_t runs; /* begun */
    unsigned cut;  /* requests that have more ways than were tried */
    unsigned findings;
    bool told_why;         /* the child that loads said itself why it could not */
    bool finished;         /* the child came to its end: it did not just exit */
    char doing[SAID_SIZE]; /* the run that is under way, in words */
    uint64_t skip[4];      /* runs that ended a child before */
    unsigned skip_count;
};

/* ---- Requests -------------------------------------------------------------------------------- */

enum who { WHO_CLIENT, WHO_ADMIN, WHO_SESSION, WHO_NOBODY, WHO_COUNT };

struct wish {
    const char *method, *target;
    char *body; /* NULL: none */
    enum who who;
};

/* ---- Replies --------------------------------------------------------------------------------- */

/* What happens at a question. Those after the last reply end or disturb the request. */
enum happening {
    HAPPENS_NIL,
    HAPPENS_ZERO,
    HAPPENS_ONE,
    HAPPENS_TEXT,
    HAPPENS_EMPTY,
    HAPPENS_NUMBERS,
    HAPPENS_ERROR,
    HAPPENS_TROUBLE,
    HAPPENS_LATE,
    HAPPENS_HANG_UP,
    HAPPENS_RELOAD,
    HAPPENS_WORD /* and the ones that follow: the words of a script, alone and in an array */
};

/* What happens while a request sleeps or is parked. */
enum passing { PASSES_TIME, PASSES_HANG_UP, PASSES_RELOAD, PASSINGS };

/* How many things can happen at a question about this script, or a command. */
unsigned happenings(const char *script);
const char *happening_name(const char *script, unsigned happening, char ret_name[64]);

/* Replies so, in a question handler. Nothing for what leaves it open. */
void happen(struct test_host *host, const char *script, unsigned happening);

/* ---- Runs ------------------------------------------------------------------------------------ */

/* What a run met: how many things could have happened at each question. */
struct course {
    unsigned choices[CHOICES_MAX]; /* what is to happen; beyond `chosen` the first thing */
    unsigned chosen;
    unsigned could[CHOICES_MAX];
    unsigned questions;
};

struct check {
    const sluice_descriptor *plugin; /* NULL: not loaded yet */
    const char *file, *options;
    struct shared *shared;
};

/* Runs the wish with these choices; the status, 0 for none. `ret_body`, where it is not NULL, is the
 * answer's, on the heap. */
uint32_t run(struct check *check, const struct wish *wish, struct course *course, char **ret_body);

/* ---- The rest -------------------------------------------------------------------------------- */

/* The plugin configured, beside routes of the check's own for hooks to stand around. */
struct test_host *make_host(struct check *check);

/* Explores everything. */
void explore(struct check *check);

/* A body that this route takes, on the heap: NULL when none was found, or none is needed. */
char *body_learn(struct check *check, const struct wish *wish);

/* Tells it, unless the same was told before. */
void found(struct check *check, const char *what) __attribute__((nonnull));

#endif
