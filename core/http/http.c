/* Requests over libmicrohttpd: its callbacks on one side, the step driver on the other.
 *
 *   opened -> [handled: head] -> [handled: body]* -> [handled: end] -> queue -> completed
 *
 * libmicrohttpd calls `handled` several times for one request and says little about why; the
 * request's own state tells the calls apart. Answering in the very first call would close the
 * connection and drop what was pipelined behind it, so a request without a body is only looked at
 * in its last call. A request with a body is judged in the first, before the body is read: a small
 * rest is then read and dropped so that the connection can be kept, a large one closes it.
 *
 * A request that waits suspends its connection; when it no longer does, resuming makes
 * libmicrohttpd call `handled` again in the same place. Suspending takes a descriptor out of
 * libmicrohttpd's epoll and resuming puts it back: two system calls, a tenth of what a short request
 * costs. A request that waits in its last call, and not for long, lingers instead: `handled` says
 * that it has no answer yet, and is asked again with every MHD_run. That is cheap for a few and
 * wasteful for many, so only LINGERING_MAX may. While any do, libmicrohttpd claims that something
 * is always due; then it is run when something has happened, and every LINGER_MS.
 *
 * SPDX-License-Identifier: MIT */
#include "http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "memory.h"
#include "request.h"
#include "worker_internal.h"

/* What a refused request may still send us before we rather close its connection. */
#define DISCARD_MAX (64 * 1024)
/* And what of a chunked body that went past its limit is dropped before its connection is cut. */
#define DROPPED_MAX (1024 * 1024)
/* How many connections may linger, and how often libmicrohttpd is run for their sake. */
#define LINGERING_MAX 1024
#define LINGER_MS 1
/* MHD_run calls per turn: more than this and others on the loop would starve. */
#define RUNS_PER_TURN 16

/* ---- The transport that requests see ------------------------------------------------------ */

static int descriptor(void *connection)
{
    return ((struct connection *)connection)->fd;
}

static void stop_lingering(struct connection *connection)
{
    if (!connection->lingering)
        return;
    connection->lingering = false;
    connection->http->lingering_count--;
}

static void resume(void *data)
{
    struct connection *connection = data;
    stop_lingering(connection);
    connection->http->dirty = true; /* MHD_run must follow every resume */
    if (!connection->suspended)
        return;
    connection->suspended = false;
    MHD_resume_connection(connection->mhd);
}

static const struct transport transport = {descriptor, resume};

static enum MHD_Result suspend(struct connection *connection)
{
    connection->suspended = true;
    MHD_suspend_connection(connection->mhd);
    return MHD_YES;
}

/* Only in a request's last call: in an earlier one libmicrohttpd would go on with the body. */
static enum MHD_Result linger_or_suspend(struct connection *connection)
{
    struct http *http = connection->http;
    if (connection->lingering)
        return MHD_YES;
    if (!connection->request->waits_shortly || http->lingering_count >= LINGERING_MAX)
        return suspend(connection);
    connection->lingering = true;
    http->lingering_count++;
    return MHD_YES;
}

/* ---- The head ----------------------------------------------------------------------------- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

/* The request line is there. MHD will cut `target` up in place, so the request copies it. */
static void *opened(void *data, const char *target, struct MHD_Connection *mhd)
{
    struct http *http = data;
    struct connection *connection = connection_of(mhd);
    struct request *req = request_begin(http->worker, target);
    req->transport = &transport;
    req->connection = connection;
    connection->request = req;
    return req;
}

struct collector {
    struct header *headers;
    size_t count;
};

static enum MHD_Result collect(void *data, enum MHD_ValueKind kind, const char *name,
                               size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct collector *collector = data;
    collector->headers[collector->count++] =
        (struct header){name, value ? value : "", name_len, value_len};
    return MHD_YES;
}

static void read_head(struct request *req, struct MHD_Connection *mhd, const char *method,
                      const char *version)
{
    int count = MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, NULL, NULL);
    struct collector collector = {
        arena_array(&req->arena, struct header, count > 0 ? (size_t)count : 1), 0};
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, collect, &collector);
    req->message.method = method;
    req->message.version = version;
    req->message.headers = collector.headers;
    req->message.header_count = collector.count;
}

/* MHD's own reading of the framing; the guard has not spoken yet. */
static bool announces_body(const struct request *req)
{
    if (message_header(&req->message, "Transfer-Encoding"))
        return true;
    const struct header *length = message_header(&req->message, "Content-Length");
    return length && strspn(length->value, "0") != length->value_len;
}

/* ---- The answer --------------------------------------------------------------------------- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        log_error("libmicrohttpd refused the header %s", name);
}

static enum MHD_Result send_answer(struct connection *connection, bool close)
{
    struct request *req = connection->request;
    struct answer *answer = &req->answer;
    /* The body lives in the request's arena, which outlives the response. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, answer->body.data, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    add_header(response, "X-Request-Id", req->id);
    for (uint32_t i = 0; i < answer->header_count; i++)
        add_header(response, answer->headers[i].name, answer->headers[i].value);
    if (close || worker_draining(connection->http->worker))
        add_header(response, "Connection", "close");
    enum MHD_Result queued = MHD_queue_response(connection->mhd, answer->status, response);
    MHD_destroy_response(response);
    if (queued != MHD_YES)
        log_error("libmicrohttpd refused an answer with status %u (request %s)", answer->status,
                  req->id);
    connection->deadline = 0;
    return queued;
}

/* ---- The phases --------------------------------------------------------------------------- */

/* An answer while a body is still to come. */
static enum MHD_Result answer_early(struct connection *connection)
{
    const struct request *req = connection->request;
    bool small = req->body_declared > 0 && req->body_declared <= DISCARD_MAX &&
                 !message_header(&req->message, "Expect");
    if (!small)
        return send_answer(connection, true);
    connection->discarding = true;
    connection->stage = STAGE_BODY;
    return MHD_YES;
}

static enum MHD_Result at_head(struct connection *connection)
{
    struct http *http = connection->http;
    switch (connection->request->state) {
    case REQUEST_WAITING:
        return suspend(connection);
    case REQUEST_BODY:
        connection->stage = STAGE_BODY;
        connection->deadline =
            clock_monotonic_ms() + http->worker->gateway->settings.http.body_timeout;
        return MHD_YES;
    case REQUEST_ANSWERED:
        return answer_early(connection);
    default:
        return MHD_NO;
    }
}

/* A chunked body went past its limit; a declared length was judged before. libmicrohttpd takes no
 * answer in the middle of a body, so the rest is dropped, up to a bound. */
static void refuse_late(struct connection *connection)
{
    struct request *req = connection->request;
    request_problem(req, 413, "body_too_large",
                    arena_printf(&req->arena, "the body may have at most %llu bytes here",
                                 (unsigned long long)req->match.route->body_max));
    req->state = REQUEST_ANSWERED;
    req->closing = true;
    connection->discarding = true;
}

static enum MHD_Result take_body(struct connection *connection, const char *data, size_t *size)
{
    struct request *req = connection->request;
    size_t len = *size;
    *size = 0;
    connection->http->progress = true;
    if (!connection->discarding && req->body.len + len > req->match.route->body_max)
        refuse_late(connection);
    if (connection->discarding) {
        connection->discarded += len;
        return connection->discarded > DROPPED_MAX ? MHD_NO : MHD_YES;
    }
    if (req->body.len == 0 && req->body_declared)
        text_room(&req->body, req->body_declared);
    text_add_bytes(&req->body, data, len);
    return MHD_YES;
}

static enum MHD_Result at_last(struct connection *connection)
{
    switch (connection->request->state) {
    case REQUEST_WAITING:
        return linger_or_suspend(connection);
    case REQUEST_ANSWERED:
        return send_answer(connection, connection->request->closing);
    default:
        return MHD_NO;
    }
}

static enum MHD_Result first_call(struct connection *connection, const char *method,
                                  const char *version)
{
    struct request *req = connection->request;
    connection->deadline = 0;
    read_head(req, connection->mhd, method, version);
    if (!announces_body(req)) {
        connection->stage = STAGE_WHOLE;
        return MHD_YES;
    }
    connection->stage = STAGE_HEAD;
    request_head(req, (struct sockaddr *)&connection->peer);
    return at_head(connection);
}

static enum MHD_Result body_or_last_call(struct connection *connection, const char *data,
                                         size_t *size)
{
    if (*size)
        return take_body(connection, data, size);
    connection->stage = STAGE_LAST;
    connection->deadline = 0;
    if (!connection->discarding)
        request_handle(connection->request);
    return at_last(connection);
}

static enum MHD_Result handled(void *data, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context)
{
    (void)data, (void)mhd, (void)url;
    struct request *req = *context;
    struct connection *connection = req->connection;
    switch (connection->stage) {
    case STAGE_IDLE:
        return first_call(connection, method, version);
    case STAGE_WHOLE:
        connection->stage = STAGE_LAST;
        request_head(req, (struct sockaddr *)&connection->peer);
        return at_last(connection);
    case STAGE_HEAD:
        return at_head(connection);
    case STAGE_BODY:
        return body_or_last_call(connection, upload, upload_size);
    case STAGE_LAST:
        return at_last(connection);
    }
    return MHD_NO;
}

static void completed(void *data, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode code)
{
    (void)data, (void)mhd;
    struct request *req = *context;
    if (!req)
        return;
    struct connection *connection = req->connection;
    stop_lingering(connection);
    connection->request = NULL;
    connection->stage = STAGE_IDLE;
    connection->discarding = false;
    connection->discarded = 0;
    connection->idle_known = false;
    connection->deadline = 0;
    request_end(req, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    *context = NULL;
}

/* ---- The daemon --------------------------------------------------------------------------- */

/* We decode paths and queries ourselves, once, where broken escapes can be refused. */
static size_t leave_escaped(void *data, struct MHD_Connection *mhd, char *text)
{
    (void)data, (void)mhd;
    return strlen(text);
}

static void log_mhd(void *data, const char *format, va_list args)
{
    (void)data;
    char line[512];
    int len = vsnprintf(line, sizeof line, format, args);
    while (len > 0 && len < (int)sizeof line && line[len - 1] == '\n')
        line[--len] = '\0';
    log_debug("libmicrohttpd: %s", line);
}

static struct MHD_Daemon *start_daemon(struct http *http)
{
    const struct http_settings *settings = &http->worker->gateway->settings.http;
    unsigned timeout = (unsigned)((settings->idle_timeout + 999) / 1000);
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_mhd, http},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->connections, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->memory, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)timeout, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_notice, http},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, http},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)opened, http},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, http},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, handled, http, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static void epoll_ready(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    ((struct http *)poll->data)->dirty = true;
}

static void timer_rang(uv_timer_t *timer)
{
    ((struct http *)timer->data)->dirty = true;
}

static void arm_timer(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (http->dirty)
        uv_timer_start(&http->timer, timer_rang, 0, 0);
    else if (MHD_get_timeout(http->daemon, &ms) == MHD_YES)
        uv_timer_start(&http->timer, timer_rang, !ms && http->lingering_count ? LINGER_MS : ms, 0);
    else
        uv_timer_stop(&http->timer);
}

void http_turn(struct http *http)
{
    if (!http->dirty)
        return;
    for (int runs = 0; http->dirty && runs < RUNS_PER_TURN; runs++) {
        http->dirty = http->progress = false;
        MHD_run(http->daemon);
        http->dirty = http->dirty || http->progress;
    }
    arm_timer(http);
}

void http_turn_again(struct http *http)
{
    http->dirty = true;
    arm_timer(http);
}

struct http *http_start(struct worker *worker)
{
    struct http *http = memory_new(struct http);
    http->worker = worker;
    http->daemon = start_daemon(http);
    if (!http->daemon) {
        log_error("libmicrohttpd did not start: %s", strerror(errno));
        free(http);
        return NULL;
    }
    int fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    uv_timer_init(&worker->loop, &http->timer);
    uv_poll_init(&worker->loop, &http->epoll, fd);
    http->timer.data = http->epoll.data = http;
    uv_poll_start(&http->epoll, UV_READABLE, epoll_ready);
    connections_start(http);
    http->dirty = true;
    return http;
}

void http_close(struct http *http)
{
    connections_close(http);
    uv_close((uv_handle_t *)&http->timer, NULL);
    uv_close((uv_handle_t *)&http->epoll, NULL);
    MHD_stop_daemon(http->daemon);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    free(http->listeners);
    free(http);
}
