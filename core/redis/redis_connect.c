/* From nothing to a usable connection, as often as it takes.
 *
 *   timer -> resolve -> connect to one address after the other -> AUTH, SELECT, PING
 *     ^         |                    |                                  |
 *     |         `--------------------+---- redis_drop says why ---------+
 *     `------ later, with jitter ----'                                  `-> SCRIPT LOAD... -> ready
 *
 * PING is answered well by a Redis that can serve and by no other: not one that is loading, wants
 * a password or has too many clients.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <sluice/args.h>

#include "memory.h"
#include "redis_internal.h"

#define CONNECT_MS 2000               /* for one address */
#define GREETING_MS 2000              /* from connected to ready */
#define OUTPUT_KEPT ((size_t)1 << 20) /* bytes of output buffer that outlive their connection */

/* ---- Greeting ----------------------------------------------------------------------------- */

/* False when the connection was dropped, by this function or before. */
static bool accepted(struct redis *redis, const struct reply *reply, const char *what)
{
    if (!reply)
        return false;
    if (reply->type != SLUICE_REPLY_ERROR)
        return true;
    const char *text = reply->u.text.data;
    if (!strncmp(text, "NOAUTH", 6))
        redis_drop(redis,
                   "Redis at %s wants a password; put it into redis.url, as in "
                   "redis://:password@host:port",
                   redis->name);
    else if (reply_is_unavailable(reply))
        redis_drop(redis, "Redis at %s can't serve now: %s", redis->name, text);
    else
        redis_drop(redis, "Redis at %s refused %s: %s", redis->name, what, text);
    return false;
}

static void authenticated(void *context, int status, const struct reply *reply)
{
    (void)status;
    (void)accepted(context, reply, "the user or password of redis.url");
}

static void selected(void *context, int status, const struct reply *reply)
{
    (void)status;
    (void)accepted(context, reply, "the database of redis.url");
}

static void ponged(void *context, int status, const struct reply *reply)
{
    struct redis *redis = context;
    (void)status;
    if (!accepted(redis, reply, "a PING"))
        return;
    if (redis->config.scripts)
        redis_scripts_load(redis);
    else
        redis_now_ready(redis);
}

static void greeting_took_too_long(uv_timer_t *timer)
{
    struct redis *redis = timer->data;
    redis_drop(redis, "Redis at %s took the connection and did not answer within %d ms",
               redis->name, GREETING_MS);
}

static void greet(struct redis *redis)
{
    const struct redis_target *target = &redis->config.target;
    redis->state = REDIS_GREETING;
    (void)uv_timer_start(&redis->timer, greeting_took_too_long, GREETING_MS, 0);
    redis_reader_open(&redis->reader);
    if (target->user)
        redis_ask(redis, authenticated,
                  SLUICE_ARGS("AUTH", target->user, target->password ? target->password : ""));
    else if (target->password)
        redis_ask(redis, authenticated, SLUICE_ARGS("AUTH", target->password));
    if (target->database)
        redis_ask(redis, selected, SLUICE_ARGS("SELECT", target->database));
    redis_ask(redis, ponged, SLUICE_ARGS("PING"));
}

/* ---- Connecting --------------------------------------------------------------------------- */

static void link_closed(uv_handle_t *handle)
{
    free(handle);
}

static void close_link(struct redis *redis)
{
    struct redis_link *link = redis->link;
    if (!link)
        return;
    redis->link = NULL;
    uv_close((uv_handle_t *)&link->poll, link_closed);
    close(link->fd); /* after uv_close: libuv no longer watches it */
}

/* Takes over `fd`. 0 or a negative errno. */
static int open_link(struct redis *redis, int fd)
{
    struct redis_link *link = memory_new(struct redis_link);
    link->fd = fd;
    int err = uv_poll_init(redis->loop, &link->poll, fd);
    if (err) {
        close(fd);
        free(link);
        return err;
    }
    link->poll.data = redis;
    redis->link = link;
    err = uv_poll_start(&link->poll, UV_WRITABLE, redis_polled);
    if (err)
        close_link(redis);
    return err;
}

/* Starts a connection. That it is made or refused shows as writable. 0 or a negative errno. */
static int dial(struct redis *redis, const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    int err = 0;
    if (address->sa_family != AF_UNIX)
        err = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ? -errno : 0;
    if (!err && connect(fd, address, len) != 0 && errno != EINPROGRESS)
        err = -errno;
    if (!err)
        return open_link(redis, fd);
    close(fd);
    return err;
}

static void unreachable(struct redis *redis, int err)
{
    redis_drop(redis, "Redis at %s can't be reached: %s; is it running, and is redis.url right?",
               redis->name, strerror(-err));
}

static void connect_next(struct redis *redis, int err);

static void connecting_took_too_long(uv_timer_t *timer)
{
    connect_next(timer->data, -ETIMEDOUT);
}

static void wait_for_connection(struct redis *redis)
{
    redis->state = REDIS_CONNECTING;
    (void)uv_timer_start(&redis->timer, connecting_took_too_long, CONNECT_MS, 0);
}

/* Tries the addresses that are left; `err` says how the last one failed. */
static void connect_next(struct redis *redis, int err)
{
    close_link(redis);
    while (redis->address) {
        const struct addrinfo *address = redis->address;
        redis->address = address->ai_next;
        err = dial(redis, address->ai_addr, address->ai_addrlen);
        if (!err) {
            wait_for_connection(redis);
            return;
        }
    }
    unreachable(redis, err);
}

static void connect_unix(struct redis *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, redis->config.target.path, sizeof address.sun_path - 1);
    int err = dial(redis, (const struct sockaddr *)&address, sizeof address);
    if (err)
        unreachable(redis, err);
    else
        wait_for_connection(redis);
}

void redis_connect_decided(struct redis *redis)
{
    int err = 0;
    socklen_t len = sizeof err;
    if (getsockopt(redis->link->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
        err = errno;
    if (!err)
        err = -uv_poll_start(&redis->link->poll, UV_READABLE, redis_polled);
    if (err)
        connect_next(redis, -err);
    else
        greet(redis);
}

/* ---- Resolving ---------------------------------------------------------------------------- */

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct redis *redis = request->data;
    if (redis->state != REDIS_RESOLVING) {
        uv_freeaddrinfo(addresses);
    } else if (status) {
        redis_drop(redis, "the host of Redis at %s was not found: %s; check redis.url and DNS",
                   redis->name, uv_strerror(status));
    } else {
        redis->addresses = redis->address = addresses;
        connect_next(redis, -EADDRNOTAVAIL);
    }
    redis_let_go(redis);
}

/* An address in digits needs no resolver, and so no threads. */
static void resolve(struct redis *redis)
{
    const char *host = redis->config.target.host;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", redis->config.target.port);
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
    };
    if (getaddrinfo(host, port, &hints, &redis->addresses) == 0) {
        redis->address = redis->addresses;
        connect_next(redis, -EADDRNOTAVAIL);
        return;
    }
    redis->addresses = NULL;
    hints.ai_flags = AI_NUMERICSERV;
    redis->resolving.data = redis;
    int err = uv_getaddrinfo(redis->loop, &redis->resolving, resolved, host, port, &hints);
    if (err) {
        redis_drop(redis, "the resolver can't look up the host of Redis at %s: %s", redis->name,
                   uv_strerror(err));
        return;
    }
    redis->open++;
    redis->state = REDIS_RESOLVING;
}

void redis_connect(uv_timer_t *timer)
{
    struct redis *redis = timer->data;
    if (redis->config.target.host)
        resolve(redis);
    else
        connect_unix(redis);
}

/* ---- And again ---------------------------------------------------------------------------- */

/* Full jitter: a delay anywhere between the least and a bound that doubles with each attempt, so
 * that the gateways of a fleet don't come back all at once. */
void redis_connect_later(struct redis *redis)
{
    int64_t min = redis->config.reconnect_min_ms;
    int64_t bound = min;
    for (unsigned i = 0; i <= redis->attempts && bound < redis->config.reconnect_max_ms; i++)
        bound *= 2;
    if (bound > redis->config.reconnect_max_ms)
        bound = redis->config.reconnect_max_ms;
    redis->attempts++;
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random =
            (uint32_t)uv_hrtime(); /* at boot, before the kernel has any: jitter is no secret */
    int64_t delay = bound > min ? min + random % (bound - min + 1) : min;
    redis->state = REDIS_WAITING;
    (void)uv_timer_start(&redis->timer, redis_connect, (uint64_t)delay, 0);
}

void redis_disconnect(struct redis *redis)
{
    close_link(redis);
    redis_reader_close(&redis->reader);
    if (redis->addresses)
        freeaddrinfo(redis->addresses);
    redis->addresses = redis->address = NULL;
    if (redis->out.size > OUTPUT_KEPT)
        text_release(&redis->out);
    text_clear(&redis->out);
    redis->out_sent = 0;
    redis->blocked = false;
    redis->write_error = 0;
    redis->loading = NULL;
    redis->group = NULL;
}
