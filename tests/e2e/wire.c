/* Bytes on a socket: for requests that no proper client would send, or not like this.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#define HEAD_MAX 16384

int wire_open(const struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)world->port)};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int wire = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(wire >= 0);
    assert_int_equal(setsockopt(wire, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(wire, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(wire, (struct sockaddr *)&address, sizeof address), 0);
    return wire;
}

void wire_close(int wire)
{
    close(wire);
}

bool wire_try_send(int wire, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(wire, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

void wire_send(int wire, const char *bytes)
{
    assert_true(wire_try_send(wire, bytes, strlen(bytes)));
}

/* Byte by byte, so as not to take what follows. */
static bool read_head(int wire, char *head)
{
    size_t len = 0;
    while (len < HEAD_MAX - 1) {
        if (recv(wire, head + len, 1, 0) != 1)
            return false;
        head[++len] = '\0';
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

struct answer *wire_answer(struct world *world, int wire)
{
    struct answer *answer = answer_new(world);
    answer->head = calloc(1, HEAD_MAX);
    assert_non_null(answer->head);
    if (!read_head(wire, answer->head))
        return NULL;
    answer->status = strtol(answer->head + strlen("HTTP/1.1 "), NULL, 10);
    const char *length = header_of(answer, "content-length");
    size_t len = length ? strtoul(length, NULL, 10) : 0;
    answer->body = calloc(1, len + 1);
    assert_non_null(answer->body);
    if (len && recv(wire, answer->body, len, MSG_WAITALL) != (ssize_t)len)
        return NULL;
    answer->body_len = len;
    answer->json = json_loads(answer->body, JSON_REJECT_DUPLICATES, NULL);
    return answer;
}

struct answer *wire_ask(struct world *world, const char *request)
{
    int wire = wire_open(world);
    wire_send(wire, request);
    struct answer *answer = wire_answer(world, wire);
    wire_close(wire);
    assert_non_null(answer);
    return answer;
}

bool wire_ends(int wire)
{
    char bytes[4096];
    ssize_t got;
    while ((got = recv(wire, bytes, sizeof bytes, 0)) > 0)
        ;
    return got == 0 || errno == ECONNRESET;
}
