/* A process of jobs from inside: what it holds, and how its parts call each other.
 *
 *   crew.c     its life: queues and executors made, work handed out, drained; one alarm for all times
 *   fetch.c    wake -> reserve -> jobs that wait here
 *   slots.c    executors: jobs go in, outcomes and deaths come out
 *   settle.c   outcomes -> Redis, until it has them
 *   renew.c    leases are kept as long as their jobs are here; cancellations, progress, logs
 *
 * There are two: "jobs" runs the handlers of plugins, one job in an executor at a time; "webhooks"
 * has one executor with many deliveries under way.
 *
 * A job is held from its reservation until Redis has its outcome, or says that the lease was lost.
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_CREW_H
#define JOBS_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/process.h>

#include "jobs.h"
#include "store.h"
#include "wire.h"

/* How many jobs may wait here beyond free places: what is done in a few milliseconds. */
#define WAITING_MAX 64
#define NEVER INT64_MAX
#define SETTLE_MAX 64u /* completions in one call */
#define SETTLE_ARGS 5u /* of one: see common.lua */

/* How a run of a job ended. */
enum ending {
    ENDING_DONE,      /* text: the result */
    ENDING_FAILURE,   /* text: why; it may be tried again */
    ENDING_CRASH,     /* text: the signal; as a failure, with a budget of its own */
    ENDING_DEAD,      /* text: why; for good */
    ENDING_CANCELLED, /* as it was asked to */
    ENDING_FREE,      /* not run, or cut short by our own end: costs nothing */
};

struct slot;

/* A job that this process holds. Its texts are in one block with it. */
struct held {
    struct held *next, **from; /* all of them */
    struct held *behind;       /* in the line it stands in: to run, or to settle */
    struct queue *queue;
    const char *id, *type, *space, *client, *backoff;
    sluice_bytes payload;
    int64_t epoch, attempt, created, timeout, retention;
    uint32_t handler;
    struct slot *slot;    /* that runs it; NULL */
    int64_t deadline;     /* running: monotonic ms of the next step against it */
    unsigned warnings;    /* steps taken: cancel, SIGTERM, SIGKILL */
    bool cancelled, lost; /* it was asked to end; its lease is another's, and nothing is told */
    bool logged;          /* it has a log */

    enum ending ending;
    char *text; /* heap; NULL for none */
    int64_t after_ms;
};

struct line {
    struct held *first, **end;
    unsigned count;
};

/* A queue that is worked on here. */
struct queue {
    struct queue_keys keys;
    char *names;             /* what the keys live in */
    int64_t weight, current; /* smooth weighted round-robin, as nginx's upstreams */
    bool hot;                /* there may be work */
    int64_t due;             /* monotonic ms: something delayed, or a lease to take over */
    struct line settling;    /* outcomes that Redis does not have yet */
    bool acking;             /* a call with some of them is out */
    unsigned fetches;        /* reserves that are out; each takes completions along */
};

enum slot_state { SLOT_EMPTY, SLOT_STARTING, SLOT_UP, SLOT_LEAVING };

struct slot {
    uint32_t number;
    enum slot_state state;
    unsigned running;    /* jobs in it */
    int64_t deadline;    /* LEAVING: when it is made to. EMPTY: when to fill it. Monotonic ms */
    unsigned early_ends; /* in a row, before a job was done */
    bool ran;            /* a job, since it started */
};

struct crew {
    sluice_worker *worker;
    const struct jobs *jobs;
    bool is_courier;   /* the process of webhooks */
    unsigned capacity; /* jobs in one executor at a time */
    struct queue *queues;
    unsigned queue_count;
    struct slot *slots;
    unsigned slot_count;
    struct held *all;
    struct line waiting;
    struct wire wire;

    bool blocking;           /* a BZPOPMIN is out */
    unsigned fetches, asked; /* reserves that are out, and for how many jobs */
    unsigned recent;         /* jobs done in the current 10 ms */
    unsigned pace;           /* and in the 10 ms before */
    int64_t pace_at;
    int64_t fetch_again;  /* monotonic ms, after trouble; 0: at once */
    int64_t settle_again; /* the same */
    int64_t renew_at;
    bool renewing;
    int64_t alarm; /* monotonic ms for which a timer is set; NEVER */
    bool draining, told_drained;
    int64_t give_up_at; /* draining: what still runs is given back */
    bool gave_up;
};

/* crew.c */
sluice_process crew_of_handlers(const struct jobs *jobs);
sluice_process crew_of_courier(void);
void crew_work(struct crew *crew); /* hands out, fetches, settles: after anything has changed */
int64_t crew_now(const struct crew *crew);
void line_add(struct line *line, struct held *job);
struct held *line_take(struct line *line); /* NULL: empty */
void held_free(struct held *job);
struct held *held_find(const struct crew *crew, const char *id);

/* fetch.c */
void fetch(struct crew *crew);
void fetch_paced(struct crew *crew); /* a job was done */

/* slots.c */
unsigned slots_room(const struct crew *crew);    /* jobs that can start at once */
void slots_fill(struct crew *crew, int64_t now); /* starts executors that are due */
void slots_dispatch(struct crew *crew);          /* waiting jobs -> executors with room */
void slots_look(struct crew *crew, int64_t now); /* at deadlines */
int64_t slots_due(const struct crew *crew);
void slots_cancel(struct crew *crew, struct held *job);
void slots_give_up(struct crew *crew);
void slot_started(sluice_worker *worker, void *self, uint32_t number, int64_t pid);
void slot_received(sluice_worker *worker, void *self, uint32_t number, sluice_bytes message);
void slot_ended(sluice_worker *worker, void *self, uint32_t number, const sluice_exit *how);

/* settle.c */
/* Takes the job over; `text` is copied; NULL: none. `after_ms`: -1 for the job's own backoff. */
void settle(struct crew *crew, struct held *job, enum ending ending, const char *text,
            int64_t after_ms);
void settle_now(struct crew *crew);
/* Adds what completions of this queue there are, at most `most`, to a call that takes them, and
 * gives them as a list which settle_answered takes with the reply for each. */
struct held *settle_add(struct queue *queue, struct call *call, unsigned most);
void settle_answered(struct crew *crew, struct held *jobs, const sluice_reply *replies);

/* renew.c */
void renew_start(struct crew *crew);
void renew(struct crew *crew, int64_t now);
void renew_progress(struct crew *crew, struct held *job, int64_t percent);
void renew_log(struct crew *crew, struct held *job, sluice_bytes line);

#endif
