/* Connections: accepting them from the shared sockets, their deadlines, and how they are drained.
 *
 *   listening socket --accept4--> MHD_add_connection --> connection_notice(started .. closed)
 *   sweep: a header or body that passes its absolute deadline is cut; idle ones are MHD's
 *
 * libmicrohttpd's own timeout is one of inactivity: a header that drips in one byte at a time would
 * live for ever. It also says nothing about a header before it is complete, so the sweep looks at
 * how many bytes the kernel has received: more than when the connection was last idle means that a
 * header is on its way. That costs nothing per request. A unix socket has no such count; there
 * only the inactivity timeout applies until the request line is complete.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "http.h"
#include "log.h"
#include "memory.h"
#include "tcp_info.h"
#include "worker_internal.h"

#define SWEEP_MS 250
#define ACCEPTS_PER_TURN 32
#define ACCEPT_AGAIN_MS 100
/* How far above the average of its siblings a worker's share of connections may be. */
#define SHARE_SLACK 32

/* ---- Accepting ---------------------------------------------------------------------------- */

static void acceptable(uv_poll_t *listener, int status, int events);

static void listen_again(struct http *http)
{
    if (http->accepting)
        for (size_t i = 0; i < http->listener_count; i++)
            uv_poll_start(&http->listeners[i], UV_READABLE, acceptable);
}

static void pause_over(uv_timer_t *timer)
{
    listen_again(timer->data);
}

/* Stops polling for a moment: out of descriptors, at the limit, or others are due. */
static void pause_accepting(struct http *http, uint64_t ms)
{
    for (size_t i = 0; i < http->listener_count; i++)
        uv_poll_stop(&http->listeners[i]);
    uv_timer_start(&http->accept_again, pause_over, ms, 0);
}

/* True when this worker holds far more connections than its siblings do on average. */
static bool above_share(const struct http *http)
{
    const struct worker_setup *setup = http->worker->setup;
    const struct worker_counters *row = setup->counters->workers[setup->generation_slot];
    uint64_t sum = 0, others = 0;
    for (unsigned i = 0; i < setup->count; i++) {
        if (i == setup->index || !row[i].accepting)
            continue;
        sum += row[i].connections;
        others++;
    }
    return others && http->connection_count > sum / others + SHARE_SLACK;
}

static void admit(struct http *http, int fd, struct sockaddr_storage *peer, socklen_t len)
{
    if (MHD_add_connection(http->daemon, fd, (struct sockaddr *)peer, len) != MHD_YES) {
        log_warn("libmicrohttpd refused a connection: %s", strerror(errno));
        return;
    }
    http->worker->counters->accepted++;
    http->dirty = true;
}

static void accept_one(struct http *http, int listener, bool *ret_more)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    memset(&peer, 0, sizeof peer);
    int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        admit(http, fd, &peer, len);
        return;
    }
    *ret_more = errno == EINTR || errno == ECONNABORTED;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_warn("can't accept: %s; trying again in %d ms", strerror(errno), ACCEPT_AGAIN_MS);
        pause_accepting(http, ACCEPT_AGAIN_MS);
    }
}

static void acceptable(uv_poll_t *listener, int status, int events)
{
    (void)events;
    struct http *http = listener->data;
    uv_os_fd_t fd;
    if (status < 0 || uv_fileno((uv_handle_t *)listener, &fd) < 0)
        return;
    size_t limit = (size_t)http->worker->gateway->settings.http.connections;
    if (above_share(http)) {
        pause_accepting(http, 1);
        return;
    }
    bool more = true;
    for (int i = 0; more && i < ACCEPTS_PER_TURN; i++) {
        if (http->connection_count >= limit) {
            pause_accepting(http, ACCEPT_AGAIN_MS);
            return;
        }
        accept_one(http, fd, &more);
    }
}

/* ---- A connection's life ------------------------------------------------------------------ */

static void started(struct http *http, struct MHD_Connection *mhd, void **socket_context)
{
    struct connection *connection = memory_new(struct connection);
    connection->http = http;
    connection->mhd = mhd;
    connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    socklen_t len = sizeof connection->peer;
    if (getpeername(connection->fd, (struct sockaddr *)&connection->peer, &len) < 0)
        connection->peer.ss_family = AF_UNSPEC;
    connection->idle_known = true;
    connection->next = http->connections;
    connection->from = &http->connections;
    if (connection->next)
        connection->next->from = &connection->next;
    http->connections = connection;
    http->worker->counters->connections = ++http->connection_count;
    *socket_context = connection;
}

static void ended(struct connection *connection)
{
    struct http *http = connection->http;
    *connection->from = connection->next;
    if (connection->next)
        connection->next->from = connection->from;
    http->worker->counters->connections = --http->connection_count;
    free(connection);
}

void connection_notice(void *http, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        started(http, mhd, socket_context);
    else
        ended(*socket_context);
}

/* ---- Deadlines ---------------------------------------------------------------------------- */

/* Between requests: has something begun to arrive? */
static void look_for_header(struct connection *connection, int64_t now)
{
    int64_t received = tcp_bytes_received(connection->fd);
    if (received < 0)
        return;
    if (!connection->idle_known) {
        connection->idle_bytes = received;
        connection->idle_known = true;
    } else if (received > connection->idle_bytes && connection->deadline == 0) {
        connection->deadline =
            now + connection->http->worker->gateway->settings.http.header_timeout;
    }
}

static void sweep(uv_timer_t *timer)
{
    struct http *http = timer->data;
    int64_t now = clock_monotonic_ms();
    for (struct connection *each = http->connections; each; each = each->next) {
        if (each->stage == STAGE_IDLE && each->deadline == 0)
            look_for_header(each, now);
        if (each->deadline && now >= each->deadline) {
            shutdown(each->fd, SHUT_RDWR); /* MHD sees the end and closes */
            each->deadline = 0;
            http->dirty = true;
        }
    }
}

/* ---- Starting and draining ---------------------------------------------------------------- */

void connections_start(struct http *http)
{
    const struct worker_setup *setup = http->worker->setup;
    uv_loop_t *loop = &http->worker->loop;
    uv_timer_init(loop, &http->sweep);
    uv_timer_init(loop, &http->accept_again);
    http->sweep.data = http->accept_again.data = http;
    uv_timer_start(&http->sweep, sweep, SWEEP_MS, SWEEP_MS);
    http->listener_count = setup->listener_count;
    http->listeners = memory_array(uv_poll_t, setup->listener_count);
    for (size_t i = 0; i < setup->listener_count; i++) {
        uv_poll_init(loop, &http->listeners[i], setup->listeners[i]);
        http->listeners[i].data = http;
    }
}

void http_start_accepting(struct http *http)
{
    http->accepting = true;
    http->worker->counters->accepting = 1;
    listen_again(http);
}

void http_stop_accepting(struct http *http)
{
    http->accepting = false;
    http->worker->counters->accepting = 0;
    uv_timer_stop(&http->accept_again);
    for (size_t i = 0; i < http->listener_count; i++)
        uv_close((uv_handle_t *)&http->listeners[i], NULL);
    http->listener_count = 0;
}

/* A connection that is not in a request hears that there will be none: closing it instead could
 * cut off a request that is already on its way. */
void http_shut_idle(struct http *http)
{
    for (struct connection *each = http->connections; each; each = each->next)
        if (each->stage == STAGE_IDLE)
            shutdown(each->fd, SHUT_RD);
    http->dirty = true;
}

void http_cut_waits(struct http *http)
{
    for (struct connection *each = http->connections; each; each = each->next)
        if (each->suspended || each->lingering)
            request_cut_short(each->request, 503, "shutting_down",
                              "the gateway is shutting down; try again");
}

void connections_close(struct http *http)
{
    http_stop_accepting(http);
    uv_close((uv_handle_t *)&http->sweep, NULL);
    uv_close((uv_handle_t *)&http->accept_again, NULL);
}
