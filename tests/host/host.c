/* A test host's life and the world it shows to its plugin.
 *
 *   prepare: options -> configure -> [errors] -> start -> ... test ... -> free: stop, unasked?
 *
 * A failure ends the running test with a jump, past the plugin's frames and the host's own. The
 * host stays in a state in which test_host_free can free it: everything hangs from it.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>

#include "options.h"

static test_failure_handler *on_failure;

/* ---- Failing ------------------------------------------------------------------------------ */

void test_on_failure(test_failure_handler *handler)
{
    on_failure = handler;
}

_Noreturn void fail_at(const char *file, int line, const char *message)
{
    if (on_failure) {
        on_failure(file, line, message);
    } else {
        print_error("%s\n", message);
        _fail(file, line);
    }
    abort(); /* a handler that returns would go on with a broken test */
}

_Noreturn void host_fail(struct test_host *host, const char *format, ...)
{
    /* Static: the jump out of here would leak anything else. */
    static char message[4096];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    host->failed = true;
    fail_at(host->file, host->line, message);
}

struct test_host *test_here(struct test_host *host, const char *file, int line)
{
    host->file = file;
    host->line = line;
    return host;
}

struct test_answer *test_answer_here(struct test_answer *answer, const char *file, int line)
{
    (void)test_here(answered_request(answer)->host, file, line);
    return answer;
}

/* ---- Life --------------------------------------------------------------------------------- */

static struct test_host *host_new(const sluice_descriptor *plugin)
{
    struct test_host *host = calloc(1, sizeof *host);
    if (!host)
        out_of_memory(sizeof *host);
    host->abi.api = &test_host_api;
    host->worker.abi.api = &test_worker_api;
    host->worker.host = host;
    host->plugin = plugin;
    host->file = "test_host_new";
    host->router = router_new(&host->arena);
    host->address = "192.0.2.1";
    host->prefix = "";
    host->worker_count = 1;
    host->gateways = 1;
    host->redis_ready = true;
    host->random = 1;
    host->job_attempt = 1;
    host->now_ms = 1000000;
    host->realtime_shift = TEST_EPOCH_MS - host->now_ms;
    host->log_end = &host->log;
    host->expected_end = &host->expected_first;
    diag_init(&host->diag);
    return host;
}

/* As the gateway would refuse to load it. */
static bool acceptable(struct test_host *host)
{
    const sluice_descriptor *plugin = host->plugin;
    struct mark nowhere = {.file = "descriptor"};
    if (plugin->size < sizeof *plugin)
        diag_add(&host->diag, nowhere, "its size is %u, not %zu: set it to sizeof",
                 (unsigned)plugin->size, sizeof *plugin);
    else if (plugin->abi_major != SLUICE_ABI_MAJOR || plugin->abi_minor > SLUICE_ABI_MINOR)
        diag_add(&host->diag, nowhere,
                 "it was built for ABI %d.%d and this test host has %d.%d: build both with the "
                 "same SDK",
                 plugin->abi_major, plugin->abi_minor, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR);
    return host->diag.count == 0;
}

struct test_host *test_host_prepare(const sluice_descriptor *plugin, const char *options)
{
    struct test_host *host = host_new(plugin);
    struct mark top = {"options", 1, 1};
    if (!acceptable(host))
        return host;
    const char *text = arena_copy_text(&host->arena, options ? options : "");
    host->options = yaml_parse(&host->arena, "options", text, strlen(text), &host->diag);
    if (!host->options)
        return host;
    host->self = arena_alloc(&host->arena, plugin->self_size, _Alignof(max_align_t));
    options_apply(
        (struct option_table){plugin->options, plugin->option_count, plugin->option_stride},
        plugin->name, host->options, top, host->self, &host->arena, &host->diag);
    if (host->diag.count)
        return host;
    if (plugin->configure && plugin->configure(&host->abi, host->self) != 0 && !host->diag.count)
        diag_add(&host->diag, top, "configure failed and said nothing: call sluice_refuse first");
    return host;
}

const char *test_errors(const struct test_host *host)
{
    return host->diag.lines.data;
}

void test_start(struct test_host *host)
{
    if (host->diag.count)
        host_fail(host, "%s can't be configured:\n%s", host->plugin->name, test_errors(host));
    if (host->started)
        host_fail(host, "%s was started already", host->plugin->name);
    if (host->plugin->start && host->plugin->start(&host->worker.abi, host->self) != 0)
        host_fail(host, "%s: start failed", host->plugin->name);
    host->started = true;
    host_settle(host);
}

static void release(struct test_host *host)
{
    for (struct test_request *req = host->requests, *next; req; req = next) {
        next = req->next;
        arena_release(&req->woken_arena);
        arena_release(&req->arena);
        free(req);
    }
    script_release(host);
    diag_release(&host->diag);
    arena_release(&host->turn);
    arena_release(&host->arena);
    free(host);
}

struct test_host *test_host_new(const sluice_descriptor *plugin, const char *options)
{
    static char message[2048];
    struct test_host *host = test_host_prepare(plugin, options);
    if (host->diag.count) {
        (void)snprintf(message, sizeof message, "%s can't be configured:\n%s", plugin->name,
                       test_errors(host));
        release(host);
        fail_at("test_host_new", 0, message);
    }
    test_start(host);
    return host;
}

void test_host_free(struct test_host *host)
{
    if (!host)
        return;
    static char message[1024];
    const struct expectation *unasked = host->failed ? NULL : script_unasked(host);
    const char *file = unasked ? unasked->file : NULL;
    int line = unasked ? unasked->line : 0;
    if (unasked) {
        struct text text;
        text_init(&text, &host->arena);
        question_describe(&unasked->question, &text);
        (void)snprintf(message, sizeof message, "expected and never asked: %s", text.data);
    }
    if (!host->failed) {
        test_drain(host);
        if (host->started && host->plugin->stop)
            host->plugin->stop(&host->worker.abi, host->self);
    }
    release(host);
    if (file)
        fail_at(file, line, message);
}

void *test_self(struct test_host *host)
{
    return host->self;
}

sluice_worker *test_worker(struct test_host *host)
{
    return &host->worker.abi;
}

/* ---- The world ---------------------------------------------------------------------------- */

static void merge_text(struct arena *arena, const char **to, const char *from)
{
    if (from)
        *to = arena_copy_text(arena, from);
}

void identity_merge(struct arena *arena, sluice_identity *to, const sluice_identity *from)
{
    sluice_identity given = {0};
    memcpy(&given, from, from->size < sizeof given ? from->size : sizeof given);
    to->size = sizeof *to;
    to->kinds |= given.kinds;
    merge_text(arena, &to->client, given.client);
    merge_text(arena, &to->space, given.space);
    merge_text(arena, &to->scopes, given.scopes);
    merge_text(arena, &to->key, given.key);
    merge_text(arena, &to->user, given.user);
    merge_text(arena, &to->session, given.session);
    merge_text(arena, &to->policy, given.policy);
    if (!to->scopes)
        to->scopes = "";
}

void test_identity(struct test_host *host, const sluice_identity *who)
{
    test_nobody(host);
    identity_merge(&host->arena, &host->who, who);
    host->known = true;
}

void test_client(struct test_host *host, const char *client, const char *space, const char *scopes)
{
    const sluice_identity who = {.size = sizeof who,
                                 .kinds = SLUICE_IDENTITY_CLIENT,
                                 .client = client,
                                 .space = space,
                                 .scopes = scopes};
    test_identity(host, &who);
}

void test_session(struct test_host *host, const char *space, const char *user, const char *session)
{
    const sluice_identity who = {.size = sizeof who,
                                 .kinds = SLUICE_IDENTITY_SESSION,
                                 .space = space,
                                 .user = user,
                                 .session = session};
    test_identity(host, &who);
}

void test_admin(struct test_host *host)
{
    const sluice_identity who = {.size = sizeof who, .kinds = SLUICE_IDENTITY_ADMIN};
    test_identity(host, &who);
}

void test_nobody(struct test_host *host)
{
    host->known = false;
    memset(&host->who, 0, sizeof host->who);
}

void test_address(struct test_host *host, const char *address)
{
    host->address = arena_copy_text(&host->arena, address);
}

void test_header(struct test_host *host, const char *name, const char *value)
{
    struct request_header **end = &host->headers;
    while (*end)
        end = &(*end)->next;
    *end = arena_new(&host->arena, struct request_header);
    (*end)->name = arena_copy_text(&host->arena, name);
    (*end)->value = arena_copy_text(&host->arena, value);
}

void test_prefix(struct test_host *host, const char *prefix)
{
    host->prefix = arena_copy_text(&host->arena, prefix);
}

void test_workers(struct test_host *host, uint32_t index, uint32_t count)
{
    host->worker_index = index;
    host->worker_count = count;
}

void test_gateways(struct test_host *host, uint32_t count)
{
    host->gateways = count;
}

void test_redis_ready(struct test_host *host, bool ready)
{
    host->redis_ready = ready;
}

void test_seed(struct test_host *host, uint64_t seed)
{
    host->random = seed;
}

void host_log(struct test_host *host, uint32_t level, const char *message)
{
    struct log_entry *entry = arena_new(&host->arena, struct log_entry);
    entry->level = level;
    entry->message = arena_copy_text(&host->arena, message);
    *host->log_end = entry;
    host->log_end = &entry->next;
}
