/* The floor: libmicrohttpd 0.9.75 alone, with epoll, answering a constant.
 *
 *   bare PORT
 *
 * What a request costs before a gateway does anything for it: parsing, one response, one write. We
 * wait, as Sluice does: libmicrohttpd's own thread asks epoll for 128 events, and when it gets them all
 * waits for more before it looks at them; with 256 connections it answers hundreds a second.
 *
 * SPDX-License-Identifier: MIT */
#include <microhttpd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum MHD_Result answer(void *none, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **seen)
{
    static char body[] = "{\"success\":true,\"UserRank\":1}";
    (void)none, (void)url, (void)method, (void)version, (void)upload;
    if (!*seen) {
        *seen = connection; /* answering in the first call would close the connection */
        return MHD_YES;
    }
    *upload_size = 0;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof body - 1, body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result queued = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return queued;
}

int main(int argc, char **argv)
{
    long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (port < 1 || port > UINT16_MAX) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL, (uint16_t)port, NULL, NULL, answer, NULL,
                         MHD_OPTION_CONNECTION_LIMIT, 20000u, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)8192, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "%s: can't listen on port %ld\n", argv[0], port);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    struct pollfd ready = {.fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                           .events = POLLIN};
    for (;;) { /* until a signal ends us */
        MHD_UNSIGNED_LONG_LONG left;
        bool timed = MHD_get_timeout(daemon, &left) == MHD_YES;
        if (poll(&ready, 1, timed && left < 1000 ? (int)left : 1000) < 0 || !MHD_run(daemon))
            return 1;
    }
}
