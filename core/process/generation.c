/* A generation: reads a configuration, loads what it names, and serves it.
 *
 *   read -> home -> build (plugins from private copies) -> listen -> Redis -> places -> READY
 *
 * It has no loop and no thread, so that forking it is safe: what a plugin set up in configure is
 * there in every worker. A plugin that starts a thread before the fork would not be: it is refused.
 *
 * SPDX-License-Identifier: MIT */
#include "generation.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "admin_token.h"
#include "channel.h"
#include "child.h"
#include "crash.h"
#include "generation_internal.h"
#include "log.h"
#include "object_file.h"

/* ---- Asking the master -------------------------------------------------------------------- */

/* 0 with the answer, or -EINVAL after an error that was logged. No time limit: Redis may load its
 * files for minutes, the master answers in any case, and if it dies so does this process. */
static int ask(struct serving *serving, enum channel_kind kind, const char *text,
               struct channel_message *ret_answer)
{
    int error = channel_send(serving->setup->channel, kind, text, -1);
    *ret_answer = (struct channel_message){.kind = CHANNEL_ERROR, .fd = -1};
    if (error == 0)
        do
            error = channel_receive(serving->setup->channel, ret_answer, -1);
        while (error == -EAGAIN); /* a signal of a plugin's */
    if (error < 0) {
        log_error("the master does not answer: %s", strerror(-error));
        return -EINVAL;
    }
    if (ret_answer->kind == CHANNEL_OK)
        return 0;
    log_error("%s", ret_answer->text);
    return -EINVAL;
}

static int take_listeners(struct serving *serving)
{
    struct channel_message answer;
    sluice_texts addresses = serving->gateway.settings.listen;
    serving->listeners = arena_array(&serving->gateway.arena, int, addresses.count);
    for (uint64_t i = 0; i < addresses.count; i++) {
        if (ask(serving, CHANNEL_LISTEN, addresses.items[i], &answer) < 0)
            return -EINVAL;
        serving->listeners[i] = answer.fd;
    }
    serving->worker.listeners = serving->listeners;
    serving->worker.listener_count = addresses.count;
    return 0;
}

static int take_redis(struct serving *serving)
{
    struct channel_message answer;
    struct arena *arena = &serving->gateway.arena;
    const struct redis_settings *redis = &serving->gateway.settings.redis;
    const char *why = "";
    if (strcmp(redis->url, "embedded") != 0) {
        if (redis_target_parse(&serving->worker.redis, arena, redis->url, &why) == 0)
            return 0;
        log_error("redis.url: %s", why);
        return -EINVAL;
    }
    const char *wish = arena_printf(arena, "%s %s", redis_fsyncs[redis->fsync], redis->server);
    if (ask(serving, CHANNEL_REDIS, wish, &answer) < 0)
        return -EINVAL;
    serving->worker.redis = (struct redis_target){.path = arena_copy_text(arena, answer.text)};
    return 0;
}

static int take_token(struct serving *serving)
{
    const struct settings *settings = &serving->gateway.settings;
    const char *why = "";
    serving->worker.admin_token = settings->admin_token;
    if (!settings->admin_token)
        serving->worker.admin_token =
            admin_token_load(&serving->gateway.arena, settings->data_dir, &why);
    if (serving->worker.admin_token)
        return 0;
    log_error("admin token: %s", why);
    return -EINVAL;
}

/* ---- Loading ------------------------------------------------------------------------------ */

static unsigned count_threads(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    if (!dir)
        return 1;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int say(const struct diag *diag)
{
    fputs(diag->lines.data, stderr);
    log_error("the configuration has %u error%s", diag->count, diag->count == 1 ? "" : "s");
    return GENERATION_REFUSED;
}

static int build(struct serving *serving, struct diag *diag)
{
    struct channel_message answer;
    unsigned threads = count_threads();
    const char *data_dir = serving->gateway.settings.data_dir;
    if (ask(serving, CHANNEL_HOME, data_dir, &answer) < 0)
        return 1;
    serving->source.copies =
        arena_printf(&serving->gateway.arena, "%s/run/%u", data_dir, serving->setup->number);
    if (gateway_build(&serving->gateway, &serving->source, diag) < 0)
        return say(diag);
    if (count_threads() == threads)
        return 0;
    log_error("a plugin started a thread while it was loaded or configured; threads do not survive "
              "the fork of the workers: start them in the plugin's start instead");
    return GENERATION_REFUSED;
}

/* 0, or the exit status. */
static int load(struct serving *serving)
{
    struct diag diag;
    int status;
    diag_init(&diag);
    if (gateway_read(&serving->gateway, &serving->source, &diag) < 0) {
        /* Built all the same, without copies, so that one start tells every error. */
        (void)gateway_build(&serving->gateway, &serving->source, &diag);
        status = say(&diag);
    } else {
        log_threshold((enum log_level)serving->gateway.settings.log_level);
        status = build(serving, &diag);
    }
    diag_release(&diag);
    return status;
}

/* ---- Serving ----------------------------------------------------------------------------- */

/* Where a socket is reached: its real port, or the path that the configuration names. */
static const char *url(struct serving *serving, size_t index)
{
    const struct settings *settings = &serving->gateway.settings;
    char bound[ADDRESS_TEXT_SIZE + 8] = "?";
    (void)address_bound(serving->listeners[index], bound);
    if (strcmp(bound, "unix") == 0)
        return settings->listen.items[index];
    return arena_printf(&serving->gateway.arena, "http://%s", bound);
}

static const char *banner(struct serving *serving)
{
    const struct settings *settings = &serving->gateway.settings;
    struct arena *arena = &serving->gateway.arena;
    const char *first = url(serving, 0), *all = first;
    for (size_t i = 1; i < serving->worker.listener_count; i++)
        all = arena_printf(arena, "%s, %s", all, url(serving, i));
    if (strncmp(first, "unix:", 5) == 0)
        first = arena_printf(arena, "--unix-socket %s http://localhost", first + 5);
    const char *file = arena_printf(arena, "%s/admin.token", settings->data_dir);
    const char *token =
        settings->admin_token ? "$ADMIN_TOKEN" : arena_printf(arena, "$(cat %s)", file);
    return arena_printf(arena,
                        "Sluice is serving on %s\n"
                        "The admin token is %s\n"
                        "Create a client:\n"
                        "  curl -s -XPOST %s/clients/createClient \\\n"
                        "       -H \"authorization: Bearer %s\" \\\n"
                        "       -H 'content-type: application/json' -d '{\"id\":\"acme\","
                        "\"name\":\"Acme\"}'\n",
                        all, settings->admin_token ? "the one in the configuration" : file, first,
                        token);
}

static void tell_ready(struct serving *serving)
{
    int error = channel_send(serving->setup->channel, CHANNEL_READY, banner(serving), -1);
    if (error == 0)
        return;
    log_error("can't tell the master that everything is ready: %s", strerror(-error));
    serving->failed = true;
}

static int prepare(struct serving *serving)
{
    static const int signals[] = {SIGTERM, 0};
    int status = load(serving);
    if (status)
        return status;
    if (take_listeners(serving) < 0 || take_redis(serving) < 0 || take_token(serving) < 0)
        return 1;
    serving->worker.gateway = &serving->gateway;
    serving->worker.generation_slot = serving->setup->slot;
    serving->worker.counters = counters_map(serving->setup->counters);
    serving->signals = child_signals(signals);
    if (serving->worker.counters && serving->signals >= 0)
        return 0;
    log_error("can't map the counters or make a signalfd: %s", strerror(errno));
    return 1;
}

int generation_main(const struct generation_setup *setup)
{
    char role[32];
    struct serving serving = {.setup = setup, .source = *setup->source};
    (void)snprintf(role, sizeof role, "generation %u", setup->number);
    log_role(role);
    signal(SIGINT, SIG_IGN); /* a terminal's ^C: the master decides */
    signal(SIGHUP, SIG_IGN);
    crash_watch();
    int status = prepare(&serving);
    if (status == 0) {
        places_serve(&serving, tell_ready);
        status = serving.failed;
    }
    if (serving.source.copies)
        folder_remove(serving.source.copies);
    gateway_release(&serving.gateway);
    return status;
}
