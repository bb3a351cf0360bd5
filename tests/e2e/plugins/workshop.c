/* A plugin with a process and two executors, for tests of what the gateway does with them.
 *
 *   POST /workshop/{slot}/{what} -> LPUSH workshop:do -> process -> executor -> RPUSH workshop:said
 *   GET  /workshop               <- LRANGE workshop:said
 *
 * What an executor does: echo, big, store, abort, litter (abort, with a child in a session of its own
 * left behind), exit, hang (also on SIGTERM). "signal-<n>" is the process's to do.
 *
 * SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/process.h>

#define EXECUTORS 2u
#define BIG (1024u * 1024u)

struct workshop {
    bool draining;
};

static sluice_step order, ordered, list, listed;
static sluice_worker_step look, found, push, pushed;

/* ---- HTTP --------------------------------------------------------------------------------- */

static sluice_verdict order(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_ask(req, ordered, NULL, "RPUSH", sluice_key(req, "workshop:do"),
                      sluice_concat(req, sluice_path(req, "slot"), " ", sluice_path(req, "what")));
}

static sluice_verdict ordered(sluice_request *req, void *state, const sluice_reply *length)
{
    (void)state, (void)length;
    return sluice_respond_empty(req, 204);
}

static sluice_verdict list(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_ask(req, listed, NULL, "LRANGE", sluice_key(req, "workshop:said"), 0, -1);
}

static sluice_verdict listed(sluice_request *req, void *state, const sluice_reply *lines)
{
    sluice_list *all = sluice_list_new(req);
    (void)state;
    for (uint64_t i = 0; i < sluice_length(lines); i++)
        sluice_push(req, all, sluice_at(lines, i));
    return sluice_json(req, 200, "said", all);
}

/* ---- The process -------------------------------------------------------------------------- */

/* Again until Redis takes it: the process may be up before its connection. */
static void push(sluice_worker *worker, void *line, const sluice_reply *none)
{
    (void)none;
    sluice_worker_ask(worker, pushed, line, "RPUSH", "workshop:said", (const char *)line);
}

static void pushed(sluice_worker *worker, void *line, const sluice_reply *reply)
{
    if (sluice_is_trouble(reply))
        sluice_timer(worker, 20, push, line);
    else
        free(line);
}

static void say(sluice_worker *worker, const char *line)
{
    push(worker, strdup(line), NULL);
}

static void look(sluice_worker *worker, void *state, const sluice_reply *none)
{
    const struct workshop *workshop = sluice_worker_self(worker);
    (void)state, (void)none;
    if (!workshop->draining)
        sluice_block(worker, 3000, found, NULL, "BLPOP", "workshop:do", 1);
}

static void found(sluice_worker *worker, void *state, const sluice_reply *order)
{
    unsigned slot;
    int number;
    char what[32];
    (void)state;
    if (sluice_is_trouble(order)) {
        sluice_timer(worker, 50, look, NULL);
        return;
    }
    if (sscanf(sluice_text(sluice_at(order, 1)), "%u %31s", &slot, what) == 2) {
        if (sscanf(what, "signal-%d", &number) == 1)
            sluice_executor_signal(worker, slot, number);
        else
            sluice_executor_send(worker, slot, what, strlen(what));
    }
    look(worker, NULL, NULL);
}

static int32_t start(sluice_worker *worker, void *self)
{
    (void)self;
    for (uint32_t slot = 0; slot < EXECUTORS; slot++)
        sluice_executor_start(worker, slot);
    look(worker, NULL, NULL);
    return 0;
}

static void drain(sluice_worker *worker, void *self, int64_t grace_ms)
{
    struct workshop *workshop = self;
    (void)grace_ms;
    workshop->draining = true;
    sluice_drained(worker);
}

static void started(sluice_worker *worker, void *self, uint32_t slot, int64_t pid)
{
    char line[64];
    (void)self;
    (void)snprintf(line, sizeof line, "%u started %lld", slot, (long long)pid);
    say(worker, line);
}

static void received(sluice_worker *worker, void *self, uint32_t slot, sluice_bytes message)
{
    char line[128];
    (void)self;
    if (message.len == BIG)
        (void)snprintf(line, sizeof line, "%u big", slot);
    else
        (void)snprintf(line, sizeof line, "%u %.*s", slot, (int)message.len,
                       (const char *)message.data);
    say(worker, line);
}

static void ended(sluice_worker *worker, void *self, uint32_t slot, const sluice_exit *how)
{
    const struct workshop *workshop = self;
    char line[64];
    (void)snprintf(line, sizeof line, "%u ended %d %d", slot, how->signal, how->status);
    say(worker, line);
    if (!workshop->draining)
        sluice_executor_start(worker, slot);
}

/* ---- The executor ------------------------------------------------------------------------- */

static void send(sluice_executor *executor, const char *text)
{
    (void)executor->api->send(executor, text, strlen(text));
}

static void ask_store(sluice_executor *executor)
{
    const sluice_reply *reply = sluice_executor_ask(executor, 1000, "SET", "workshop:kept", 42);
    if (!sluice_is_trouble(reply))
        reply = sluice_executor_ask(executor, 1000, "GET", "workshop:kept");
    send(executor, sluice_text(reply));
}

static void litter(void)
{
    if (fork() == 0) {
        setsid();
        for (;;)
            pause();
    }
    abort();
}

static void hang(sluice_executor *executor)
{
    signal(SIGTERM, SIG_IGN);
    send(executor, "hangs");
    for (;;)
        pause();
}

static int32_t execute(sluice_executor *executor, void *self, uint32_t slot)
{
    static char big[BIG];
    sluice_bytes message;
    (void)self, (void)slot;
    while (executor->api->receive(executor, -1, &message) > 0) {
        char what[32];
        (void)snprintf(what, sizeof what, "%.*s", (int)message.len, (const char *)message.data);
        if (strcmp(what, "echo") == 0)
            send(executor, "echo");
        else if (strcmp(what, "big") == 0)
            (void)executor->api->send(executor, big, sizeof big);
        else if (strcmp(what, "store") == 0)
            ask_store(executor);
        else if (strcmp(what, "last-words") == 0)
            send(executor, "last words"), abort();
        else if (strcmp(what, "abort") == 0)
            abort();
        else if (strcmp(what, "litter") == 0)
            litter();
        else if (strcmp(what, "hang") == 0)
            hang(executor);
        else if (strcmp(what, "exit") == 0)
            return 7;
    }
    return 0;
}

/* ---- Registration ------------------------------------------------------------------------- */

static const sluice_route routes[] = {
    {"POST", "/workshop/{slot}/{what}", SLUICE_STEP(order), "none", NULL, 0, 0, 0},
    {"GET", "/workshop", SLUICE_STEP(list), "none", NULL, 0, 0, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    const sluice_process process = {
        .size = sizeof process,
        .name = "workshop",
        .executors = EXECUTORS,
        .start = start,
        .drain = drain,
        .execute = execute,
        .started = started,
        .received = received,
        .ended = ended,
    };
    sluice_add_process(host, &process);
    sluice_routes(host, routes);
    return 0;
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "workshop",
        .version = "0.1.0",
        .summary = "a process and its executors, for tests",
        .self_size = sizeof(struct workshop),
        .configure = configure,
    };
    return &descriptor;
}
