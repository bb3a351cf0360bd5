/* A proxy in front of the test's Redis that is a bad network for one kind of connection.
 *
 *   gateway -> store.sock.proxy -> store.sock
 *                  |- those that have sent SUBSCRIBE, while swallowing: into nowhere
 *                  `- the others, while holding: answers stay here
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_TEST_PROXY_H
#define APIKEY_TEST_PROXY_H

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/un.h>

#include "test_gateways.h"

#define PROXY_PAIRS 64
#define HOLD_LOOK_MS 5
#define CONFIG_PROXIED CONFIG_AT("unix://${E2E_STORE}.proxy")
/* With time for an answer that is held. */
#define CONFIG_PATIENT                                                                             \
    CONFIG_HEAD                                                                                    \
    "workers: 1\nredis: { url: \"unix://${E2E_STORE}.proxy\", timeout: 5s }\n" CONFIG_REST

struct pair {
    struct pollfd *ends; /* of the gateway, of Redis; -1 when closed */
    bool subscribed;
};

static struct proxy {
    bool swallowing, holding;
    unsigned told; /* how often Redis said something to those who subscribed */
} * proxy;         /* shared with its process */

static int unix_socket(const char *path, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = listening ? bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64)
                           : connect(fd, (struct sockaddr *)&address, sizeof address);
    return failed ? -1 : fd;
}

static void pair_close(struct pair *pair)
{
    (void)close(pair->ends[0].fd);
    (void)close(pair->ends[1].fd);
    pair->ends[0].fd = pair->ends[1].fd = -1;
    pair->subscribed = false;
}

/* Moves what one end has to the other. */
static void pair_move(struct pair *pair, int from)
{
    char bytes[65536];
    ssize_t got = recv(pair->ends[from].fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) {
        pair_close(pair);
        return;
    }
    if (from == 0 && memmem(bytes, (size_t)got, "SUBSCRIBE", 9))
        pair->subscribed = true;
    if (pair->subscribed && __atomic_load_n(&proxy->swallowing, __ATOMIC_SEQ_CST))
        return;
    if (send(pair->ends[!from].fd, bytes, (size_t)got, MSG_NOSIGNAL) != got)
        pair_close(pair);
    if (from == 1 && pair->subscribed)
        __atomic_add_fetch(&proxy->told, 1, __ATOMIC_SEQ_CST);
}

static void pair_open(struct pair *pairs, int listener, const char *store)
{
    int gateway = accept(listener, NULL, NULL), redis = unix_socket(store, false);
    for (int i = 0; i < PROXY_PAIRS && gateway >= 0 && redis >= 0; i++)
        if (pairs[i].ends[0].fd < 0) {
            pairs[i].ends[0].fd = gateway;
            pairs[i].ends[1].fd = redis;
            return;
        }
    (void)close(gateway);
    (void)close(redis);
}

static void serve_proxy(int listener, const char *store)
{
    struct pollfd polls[1 + 2 * PROXY_PAIRS] = {{.fd = listener, .events = POLLIN}};
    struct pair pairs[PROXY_PAIRS];
    for (int i = 0; i < PROXY_PAIRS; i++) {
        pairs[i] = (struct pair){.ends = &polls[1 + 2 * i]};
        pairs[i].ends[0] = pairs[i].ends[1] = (struct pollfd){.fd = -1, .events = POLLIN};
    }
    while (poll(polls, sizeof polls / sizeof polls[0], HOLD_LOOK_MS) >= 0) {
        bool holding = __atomic_load_n(&proxy->holding, __ATOMIC_SEQ_CST);
        if (polls[0].revents)
            pair_open(pairs, listener, store);
        for (int i = 0; i < 2 * PROXY_PAIRS; i++)
            if (polls[1 + i].fd >= 0 && polls[1 + i].revents)
                pair_move(&pairs[i / 2], i % 2);
        for (int i = 0; i < PROXY_PAIRS; i++)
            pairs[i].ends[1].events = holding && !pairs[i].subscribed ? 0 : POLLIN;
    }
}

/* Ends with its test, as all of the test's processes do. */
static void proxy_start(const struct world *world)
{
    char store[108], path[128];
    (void)snprintf(store, sizeof store, "%s/store.sock", world->folder);
    (void)snprintf(path, sizeof path, "%s.proxy", store);
    proxy = mmap(NULL, sizeof *proxy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(proxy != MAP_FAILED);
    int listener = unix_socket(path, true);
    assert_true(listener >= 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve_proxy(listener, store);
        _exit(1);
    }
    (void)close(listener);
}

static void proxy_swallow(bool on)
{
    __atomic_store_n(&proxy->swallowing, on, __ATOMIC_SEQ_CST);
}

/* It takes HOLD_LOOK_MS to begin. */
static void proxy_hold(bool on)
{
    __atomic_store_n(&proxy->holding, on, __ATOMIC_SEQ_CST);
    (void)poll(NULL, 0, 2 * HOLD_LOOK_MS);
}

static unsigned proxy_told(void)
{
    return __atomic_load_n(&proxy->told, __ATOMIC_SEQ_CST);
}

#endif
