/* A session with Redis on the worker's loop: hiredis's reader, our own everything else.
 *
 *   redis_send -> output buffer -> one write per turn -> ring of pending -> reply -> done
 *
 * Every command is answered exactly once through its `done`, with a reply or with trouble, never
 * before redis_send returns. A command that ran out of time is answered with -ETIMEDOUT and once
 * more, as REDIS_LATE, when its reply comes after all or its connection ends: what it granted can
 * then be taken back.
 *
 * Nothing queues while disconnected: commands fail at once with -ENOTCONN. Commands are never
 * replayed, except a script's once after NOSCRIPT, when nothing ran.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_REDIS_H
#define SLUICE_CORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/abi.h>
#include <uv.h>

#include "reply.h"

struct redis;

/* A parsed redis.url. Strings live in the arena it was parsed with. */
struct redis_target {
    const char *host; /* NULL: unix socket */
    uint16_t port;
    const char *path;            /* of a unix socket */
    const char *user, *password; /* NULL: none */
    int database;
};

/* redis://[user[:password]@]host[:port][/db], unix://[user[:password]@]/path[?db=n].
 * 0, or -EINVAL with a sentence in *ret_why. rediss:// is refused with what to use instead. */
int redis_target_parse(struct redis_target *target, struct arena *arena, const char *url,
                       const char **ret_why);

/* A Lua script: registered before the fork, loaded on every connect. */
struct sluice_script {
    const char *name; /* "ratelimit/take" */
    const char *source;
    size_t len;
    char sha1[41];
    struct sluice_script *next;
};

/* Fills in the digest. */
void redis_script_init(struct sluice_script *script, const char *name, const char *source,
                       size_t len);

struct redis_config {
    struct redis_target target;
    const struct sluice_script *scripts;        /* linked; loaded before `ready` */
    int64_t timeout_ms;                         /* per command, unless the command says otherwise */
    int64_t reconnect_min_ms, reconnect_max_ms; /* jittered; 0: 100 and 5000 */
    /* Called when the session becomes usable (true) or stops being so (false). May be NULL. */
    void (*ready)(void *owner, bool ready);
    /* For a connection that subscribes: gets the messages, which are nobody's answer. NULL for all
     * others, where such a reply ends the connection. */
    void (*pushed)(void *owner, const struct reply *message);
    void *owner;
};

#define REDIS_LATE 1

/* `status` is 0 with a reply, a negative errno with NULL, or REDIS_LATE with the late reply or
 * NULL. The reply and everything in it lives until `done` returns. `done` may send and close.
 *
 *   -ENOTCONN    not ready; nothing was sent        -ECONNRESET  disconnected; it may have run
 *   -ENOBUFS     too much waits; nothing was sent   -ETIMEDOUT   REDIS_LATE follows
 *   -EINVAL      an empty command or group          -ECANCELED   redis_close */
typedef void redis_done(void *context, int status, const struct reply *reply);

struct redis_call {
    const sluice_arg *argv; /* of a script: its keys, then its arguments */
    uint32_t argc;
    uint32_t stride;
    const struct sluice_script *script; /* NULL: argv[0] is the command */
    uint32_t keys;                      /* of a script */
    int64_t timeout_ms;                 /* 0: the default */
    redis_done *done;
    void *context;
};

/* Starts connecting at the loop's next turn. `config` is copied, its strings are kept. */
struct redis *redis_new(uv_loop_t *loop, const struct redis_config *config);

/* Ends the session: every pending command is answered with -ECANCELED first. The memory is freed
 * when libuv has closed its handles, so the loop must run once more. */
void redis_close(struct redis *redis);

void redis_send(struct redis *redis, const struct redis_call *call);

/* Several commands, one answer: an array of their replies in order. `call` names timeout, done and
 * context. 1 to 1,024 commands. */
void redis_send_all(struct redis *redis, const struct redis_call *call,
                    const sluice_command *commands, uint32_t count, uint32_t stride);

/* Writes what is queued. The session also does so by itself at the end of each turn; a worker
 * calls it when it knows that nothing more will be queued. */
void redis_flush(struct redis *redis);

bool redis_is_ready(const struct redis *redis);
size_t redis_pending(const struct redis *redis);

/* Why the session is not usable, as a sentence for /readyz and the log; "" when it is. */
const char *redis_why_not(const struct redis *redis);

#endif
