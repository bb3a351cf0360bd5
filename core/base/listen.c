/* Listening: an address in the configuration -> a bound socket.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
};

static socklen_t parse_path(const char *path, union any_address *ret_address)
{
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof ret_address->path.sun_path)
        return 0;
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->path.sun_family = AF_UNIX;
    memcpy(ret_address->path.sun_path, path, len + 1);
    return sizeof ret_address->path;
}

/* "127.0.0.1", "[::1]" or "" (all addresses). */
static socklen_t parse_host(const char *host, uint16_t port, union any_address *ret_address)
{
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, host, &ret_address->v4.sin_addr) == 1) {
        ret_address->v4.sin_family = AF_INET;
        ret_address->v4.sin_port = htons(port);
        return sizeof ret_address->v4;
    }
    if (!*host)
        ret_address->v6.sin6_addr = in6addr_any;
    else if (inet_pton(AF_INET6, host, &ret_address->v6.sin6_addr) != 1)
        return 0;
    ret_address->v6.sin6_family = AF_INET6;
    ret_address->v6.sin6_port = htons(port);
    return sizeof ret_address->v6;
}

/* The length of the address, or 0. */
static socklen_t parse_address(const char *text, union any_address *ret_address)
{
    char host[ADDRESS_TEXT_SIZE];
    unsigned long port;
    if (strncmp(text, "unix:", 5) == 0)
        return parse_path(text + 5, ret_address);
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host ||
        address_number(colon + 1, UINT16_MAX, &port) < 0)
        return 0;
    size_t len = (size_t)(colon - text);
    bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    memcpy(host, text + brackets, len - 2 * (size_t)brackets);
    host[len - 2 * (size_t)brackets] = '\0';
    return parse_host(host, (uint16_t)port, ret_address);
}

/* A socket that a killed gateway left behind answers nobody: it may be replaced. */
static void remove_stale(const union any_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, &address->any, sizeof address->path) < 0 && errno == ECONNREFUSED)
        unlink(address->path.sun_path);
    close(fd);
}

static int open_socket(const union any_address *address, socklen_t len)
{
    int on = 1;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (address->any.sa_family == AF_UNIX)
        remove_stale(address);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, &address->any, len) < 0 || listen(fd, SOMAXCONN) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static const char *why_not(struct arena *arena, const char *text, int error)
{
    switch (error) {
    case -EADDRINUSE:
        return arena_printf(
            arena, "can't listen on %s: another process does; stop it, or change listen:", text);
    case -EACCES:
        return arena_printf(arena,
                            "can't listen on %s: not permitted; ports below 1024 need the "
                            "capability CAP_NET_BIND_SERVICE",
                            text);
    case -EADDRNOTAVAIL:
        return arena_printf(arena, "can't listen on %s: this host does not have that address",
                            text);
    default:
        return arena_printf(arena, "can't listen on %s: %s", text, strerror(-error));
    }
}

int address_listen(const char *text, struct arena *arena, const char **ret_why)
{
    union any_address address;
    socklen_t len = parse_address(text, &address);
    if (!len) {
        *ret_why = arena_printf(arena,
                                "\"%s\" is no address to listen on; expected 127.0.0.1:3000, "
                                "[::1]:3000, :3000 (all addresses) or unix:/path",
                                text);
        return -EINVAL;
    }
    int fd = open_socket(&address, len);
    if (fd < 0)
        *ret_why = why_not(arena, text, fd);
    return fd;
}

static void add_port(char *text, uint16_t port)
{
    char digits[6];
    size_t len = 0, count = 0;
    do
        digits[count++] = (char)('0' + port % 10);
    while (port /= 10);
    text[len++] = ':';
    while (count)
        text[len++] = digits[--count];
    text[len] = '\0';
}

int address_bound(int fd, char ret_text[ADDRESS_TEXT_SIZE + 8])
{
    union any_address address;
    socklen_t len = sizeof address;
    char host[ADDRESS_TEXT_SIZE];
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.any, &len) < 0)
        return -errno;
    if (address.any.sa_family == AF_UNIX) {
        memcpy(ret_text, "unix", sizeof "unix");
        return 0;
    }
    size_t v6 = address.any.sa_family == AF_INET6; /* so many brackets on each side */
    address_text(&address.any, host);
    size_t host_len = strlen(host);
    memcpy(ret_text, "[", v6);
    memcpy(ret_text + v6, host, host_len);
    memcpy(ret_text + v6 + host_len, "]", v6);
    add_port(ret_text + host_len + 2 * v6, ntohs(v6 ? address.v6.sin6_port : address.v4.sin_port));
    return 0;
}
