/* HTTP on the worker's loop: libmicrohttpd in external epoll mode, connections accepted by us.
 *
 *   http.c         requests: libmicrohttpd's callbacks <-> the step driver
 *   connections.c  connections: accepting, deadlines, draining
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_HTTP_H
#define SLUICE_CORE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <microhttpd.h>
#include <uv.h>

struct worker;
struct http;
struct request;

/* Where libmicrohttpd is with a request: what its next call of the handler means. */
enum stage {
    STAGE_IDLE,  /* between requests; a call is a request's first */
    STAGE_WHOLE, /* no body is announced: the next call is the last, and everything is done there */
    STAGE_HEAD,  /* a body is announced: still in the first call, which a wait may repeat */
    STAGE_BODY,  /* pieces of the body, then the last call */
    STAGE_LAST,  /* in the last call, which a wait may repeat */
};

/* One accepted connection; lives from MHD's start notice to its end notice. */
struct connection {
    struct http *http;
    struct MHD_Connection *mhd;
    int fd;
    struct sockaddr_storage peer;
    struct request *request; /* under way, or NULL */
    enum stage stage;
    bool suspended;     /* its request waits, and libmicrohttpd has put it aside */
    bool lingering;     /* its request waits, and libmicrohttpd goes on asking us */
    bool discarding;    /* answered already: what comes of the body is dropped */
    size_t discarded;   /* bytes */
    bool idle_known;    /* `idle_bytes` was taken since the last request ended */
    int64_t idle_bytes; /* received when the connection was last seen idle */
    int64_t deadline;   /* monotonic ms: of a header or a body under way; 0: none */
    struct connection *next, **from;
};

struct http {
    struct worker *worker;
    struct MHD_Daemon *daemon;
    uv_poll_t epoll;  /* MHD's epoll descriptor, nested in the loop's */
    uv_timer_t timer; /* after MHD_get_timeout */
    uv_timer_t sweep;
    uv_poll_t *listeners;
    size_t listener_count;
    uv_timer_t accept_again;
    struct connection *connections;
    size_t connection_count;
    size_t lingering_count;
    bool progress; /* a handler has done something in this MHD_run: another one is due */
    bool dirty;    /* MHD_run is due */
    bool accepting;
};

/* Starts MHD. NULL after a failure that was logged. */
struct http *http_start(struct worker *worker);

/* Not before the worker is ready: until then its siblings and the generation before it serve. */
void http_start_accepting(struct http *http);

/* Runs MHD as long as something is due; part of every turn of the loop. */
void http_turn(struct http *http);
/* Keeps the loop from blocking: there is more to do at once. */
void http_turn_again(struct http *http);

/* Draining, in this order: no new connections; idle ones are told; all waits are cut short; end. */
void http_stop_accepting(struct http *http);
void http_shut_idle(struct http *http);
void http_cut_waits(struct http *http);
/* Only when nothing is suspended. Handles close in the loop's next turn; http_free after it. */
void http_close(struct http *http);
void http_free(struct http *http);

/* connections.c, for http.c. */
void connections_start(struct http *http);
void connections_close(struct http *http);
void connection_notice(void *http, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);

#endif
