/* The Redis session's own parts. Only core/redis*.c and their tests include it.
 *
 *   redis.c          new, send, timer, close; what the other files have in common
 *   redis_io.c       bytes out, replies in
 *   redis_connect.c  resolve -> connect -> AUTH, SELECT, SCRIPT LOAD, PING -> ready; reconnecting
 *   redis_pending.c  what was sent and not answered; deadlines; what could not be sent
 *   redis_script.c   digests, loading, the one retry after NOSCRIPT
 *   redis_reader.c   hiredis's reader, making struct reply
 *   redis_encode.c   commands as bytes
 *
 * Callbacks of the session's users run only from the loop's own callbacks, never from within a
 * call of theirs (redis_close excepted), and may call any function of redis.h.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_REDIS_INTERNAL_H
#define SLUICE_CORE_REDIS_INTERNAL_H

#include <netdb.h>

#include "arena.h"
#include "redis.h"
#include "text.h"

#define REDIS_INPUT_SIZE ((size_t)65536)     /* bytes read at once */
#define REDIS_OUTPUT_MAX ((size_t)64 << 20)  /* bytes waiting to be written */
#define REDIS_PENDING_MAX 100000             /* commands waiting for their reply */
#define REDIS_GROUP_MAX 1024                 /* commands of one redis_send_all */
#define REDIS_REPLY_MAX ((size_t)64 << 20)   /* bytes of a reply that is not complete yet */
#define REDIS_ELEMENTS_MAX ((size_t)1 << 20) /* elements of a reply, nested ones included */
#define REDIS_NESTING_MAX 7                  /* arrays in arrays, hiredis 0.14's own bound */

/* ---- Encoding (redis_encode.c) ------------------------------------------------------------ */

/* Append a command in RESP. `argc` of a command is at least 1. */
void redis_encode(struct text *out, const sluice_arg *argv, uint32_t argc, uint32_t stride);
void redis_encode_script(struct text *out, const struct redis_call *call);

/* ---- Reading (redis_reader.c) ------------------------------------------------------------- */

/* Replies live in `arena` until redis_reader_forget, which may be called between two replies. */
struct redis_reader {
    struct redisReader *hiredis;
    struct arena arena;
    size_t elements, bytes; /* of the replies since redis_reader_forget */
    const char *refused;    /* why a reply was not taken, or NULL */
};

void redis_reader_open(struct redis_reader *reader);
void redis_reader_close(struct redis_reader *reader);   /* replies stay */
void redis_reader_release(struct redis_reader *reader); /* replies go, too */
void redis_reader_forget(struct redis_reader *reader);

/* 0, or -EMSGSIZE when too much is unread. */
int redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t len);

/* 1 with the next reply, 0 when more bytes are needed, -EPROTO with a sentence in *ret_why that
 * lives until the reader is closed. */
int redis_reader_next(struct redis_reader *reader, struct reply **ret_reply, const char **ret_why);

/* ---- The session -------------------------------------------------------------------------- */

enum redis_state {
    REDIS_WAITING,    /* not connected; the timer starts the next attempt */
    REDIS_RESOLVING,  /* waits for the host's addresses; no timer, the resolver has its own */
    REDIS_CONNECTING, /* to one address; the timer gives it up */
    REDIS_GREETING,   /* connected; AUTH, SELECT, scripts; the timer gives it up */
    REDIS_READY,      /* the timer looks after deadlines, silence and idleness */
    REDIS_CLOSED,
};

/* A connection. Its memory is libuv's until the handle is closed. */
struct redis_link {
    uv_poll_t poll; /* data: the session */
    int fd;
};

/* A command on its way, or a group of them. */
struct pending {
    redis_done *done;
    void *context;
    int64_t deadline;   /* monotonic ms */
    uint32_t parts;     /* of a group: how many replies it brings; 0: a single command */
    bool late;          /* answered with -ETIMEDOUT */
    bool again;         /* `script` holds an EVALSHA that may be sent once more */
    struct text script; /* heap; its memory stays with the slot */
};

/* A command that was not sent, answered in the next turn. */
struct refused {
    redis_done *done;
    void *context;
    int status;
};

struct redis {
    uv_loop_t *loop;
    struct redis_config config;
    char *name; /* "127.0.0.1:6379", "/run/redis.sock" */
    enum redis_state state;
    char why[512];  /* why it is not ready; kept through the next attempts */
    char told[512]; /* the reason that was logged last */

    uv_timer_t timer;     /* what for: see enum redis_state */
    int64_t timer_at;     /* monotonic ms, while READY */
    uv_prepare_t prepare; /* writes what is queued before the loop blocks */
    uv_idle_t soon;       /* runs in the next turn, if started */
    unsigned open;        /* handles and requests that libuv still holds */

    uv_getaddrinfo_t resolving;
    struct addrinfo *addresses, *address; /* all of them, and the one in use */
    unsigned attempts;                    /* since it was last ready */
    struct redis_link *link;              /* NULL: none */

    struct text out; /* encoded commands */
    size_t out_sent; /* bytes of `out` that are written */
    bool blocked;    /* the socket is full: poll says when it is not */
    int write_error; /* to be acted upon in the next turn; 0: none */

    char *input;
    struct redis_reader reader;
    struct reply *group; /* the oldest pending group as far as it has come, or NULL */
    uint32_t group_got;
    int64_t heard; /* monotonic ms: when bytes last came */

    struct pending *slots; /* entry n is slots[n & (slot_count - 1)] */
    size_t slot_count;     /* a power of 2, or 0 */
    uint64_t head, tail;   /* the oldest pending entry, and the next to be made */
    int64_t pending_since; /* monotonic ms: when the oldest became the only one */

    struct refused *refused; /* [refused_first .. refused_count) */
    size_t refused_first, refused_count, refused_size;

    const struct sluice_script *loading; /* whose SCRIPT LOAD is answered next, or NULL */
};

/* Sends one of the session's own commands, regardless of its state. */
void redis_ask(struct redis *redis, redis_done *done, const sluice_arg *argv, uint32_t argc,
               uint64_t stride);

/* Ends the connection or the attempt at one, says why, answers everything that is pending with
 * -ECONNRESET and arranges for the next attempt. Only from the loop's callbacks. */
void redis_drop(struct redis *redis, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One of `open` is gone: the session's memory goes with the last. */
void redis_let_go(struct redis *redis);

/* A greeting went well. */
void redis_now_ready(struct redis *redis);

/* Has refused commands answered and a failed write acted upon, in the loop's next turn. */
void redis_in_next_turn(struct redis *redis);

/* ---- Bytes (redis_io.c) ------------------------------------------------------------------- */

void redis_polled(uv_poll_t *poll, int status, int events); /* what a link's poll handle calls */
/* Reads and answers what has come. Afterwards the link may be gone. */
void redis_read(struct redis *redis);

/* ---- Connecting (redis_connect.c) --------------------------------------------------------- */

void redis_connect(uv_timer_t *timer);           /* starts an attempt; data: the session */
void redis_connect_later(struct redis *redis);   /* has one started after a while */
void redis_connect_decided(struct redis *redis); /* the socket says whether it is connected */
/* Gives up what there is of a connection: descriptor, reader, queued bytes, addresses. */
void redis_disconnect(struct redis *redis);

/* ---- Pending (redis_pending.c) ------------------------------------------------------------ */

struct pending *redis_pending_push(struct redis *redis, const struct pending *entry);
struct pending *redis_pending_first(struct redis *redis); /* NULL: nothing is pending */
/* Takes the first out and returns what is needed to answer it; `script` stays with the slot. */
struct pending redis_pending_shift(struct redis *redis);
void redis_pending_answer_all(struct redis *redis, int status);
/* Answers what is overdue and returns the nearest deadline of the others, or INT64_MAX. */
int64_t redis_pending_expire(struct redis *redis, int64_t now);
void redis_pending_release(struct redis *redis);

void redis_refuse(struct redis *redis, const struct redis_call *call, int status);
/* Answers what was refused before this call; with `all`, also what is refused meanwhile. */
void redis_answer_refused(struct redis *redis, bool all);

/* ---- Scripts (redis_script.c) ------------------------------------------------------------- */

void redis_scripts_load(struct redis *redis);
/* True when the first pending command is a script that was missing: it was sent once more. */
bool redis_script_again(struct redis *redis, const struct reply *reply);

#endif
