/* A worker's loop: what happens in each turn, when it is ready, and how it ends. A plugin's process
 * is a worker without http.
 *
 *   poll (sockets, Redis, timers) -> turn: woken requests, MHD_run, Redis's one write, log
 *
 *   SIGTERM -> stop accepting -> 2 s: tell idle connections -> grace over: cut waits short
 *           -> nothing open: stop plugins, MHD, Redis -> loop empty -> exit
 *
 * The draining rule is what makes a reload free of failed requests: a connection that looks idle
 * may have a request on its way, so it is never closed, only told that no more will be read.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "crash.h"
#include "hangup.h"
#include "http.h"
#include "links.h"
#include "log.h"
#include "memory.h"
#include "request_id.h"
#include "worker_internal.h"

#define READY_AFTER_MS 1000   /* without Redis the worker serves 503s rather than nothing */
#define RECONNECT_MAX_MS 1000 /* a Redis that is back is in use again within 2 s */
#define IDLE_NOTICE_MS 2000   /* after this, draining tells idle connections */
#define DRAIN_LOOK_MS 20
#define FLUSH_MS 2000 /* for the last answers, once the grace is over */

/* ---- The turn ----------------------------------------------------------------------------- */

static void turn(struct worker *worker)
{
    if (worker->http) {
        wait_run_woken(worker);
        http_turn(worker->http);
        if (worker->woken_first) /* woken by steps that MHD_run ran: in the next turn, at once */
            http_turn_again(worker->http);
    }
    redis_flush(worker->redis);
    log_flush();
}

static void before_poll(uv_prepare_t *prepare)
{
    turn(prepare->data);
}

static void after_poll(uv_check_t *check)
{
    turn(check->data);
}

/* ---- Ready -------------------------------------------------------------------------------- */

static void tell_ready(struct worker *worker)
{
    if (worker->ready_told)
        return;
    worker->ready_told = true;
    uv_timer_stop(&worker->ready_timer);
    if (worker->http && !worker_draining(worker))
        http_start_accepting(worker->http);
    if (worker->setup->ready_fd < 0)
        return;
    if (write(worker->setup->ready_fd, "r", 1) != 1)
        log_error("can't tell the generation that this worker is ready: %s", strerror(errno));
    close(worker->setup->ready_fd);
}

static void waited_for_redis(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    log_warn("serving without Redis: %s", redis_why_not(worker->redis));
    tell_ready(worker);
}

static void redis_changed(void *owner, bool ready)
{
    if (ready)
        tell_ready(owner);
}

/* ---- Draining ----------------------------------------------------------------------------- */

static void stop_process(struct worker *worker)
{
    const struct process *process = worker->setup->process;
    redis_close(worker->blocking);
    if (process->row.stop)
        process->row.stop(&worker_handle_of(worker, process->plugin)->abi, process->plugin->self);
    links_close(worker->links);
}

static void stop_plugins(struct worker *worker)
{
    const struct plugins *plugins = &worker->gateway->plugins;
    for (size_t i = plugins->count; i-- > 0;) {
        const struct plugin *plugin = plugins->items[i];
        if (plugin->descriptor->stop)
            plugin->descriptor->stop(&worker->handles[i].abi, plugin->self);
    }
}

/* Nothing is open any more: everything with a handle on the loop closes, and the loop ends. */
static void end(struct worker *worker)
{
    worker->ending = true;
    /* Redis first: what is still asked is answered with trouble while plugins can bear it. */
    subscriber_close(worker->subscriber);
    redis_close(worker->redis);
    if (worker->http) {
        stop_plugins(worker);
        http_close(worker->http);
    } else {
        stop_process(worker);
    }
    hangup_close(worker->hangup);
    worker_timers_close(worker);
    request_pool_close(worker);
    uv_close((uv_handle_t *)&worker->prepare, NULL);
    uv_close((uv_handle_t *)&worker->check, NULL);
    uv_close((uv_handle_t *)&worker->terminate, NULL);
    uv_close((uv_handle_t *)&worker->ready_timer, NULL);
    uv_close((uv_handle_t *)&worker->drain_timer, NULL);
}

static void look_at_process(struct worker *worker, int64_t age)
{
    if (!worker->drained && age < worker->gateway->settings.grace)
        return;
    if (!worker->drained)
        log_warn("%s did not drain within the grace and is cut", worker->setup->process->row.name);
    end(worker);
}

static void look_at_http(struct worker *worker, int64_t age)
{
    const struct settings *settings = &worker->gateway->settings;
    if (worker->http->connection_count == 0) {
        end(worker);
        return;
    }
    if (age >= IDLE_NOTICE_MS || age >= settings->grace)
        http_shut_idle(worker->http);
    if (age >= settings->grace)
        http_cut_waits(worker->http);
    if (age >= settings->grace + FLUSH_MS) {
        log_warn("%zu connections did not end within the grace and are cut",
                 worker->http->connection_count);
        end(worker);
    }
}

static void look_at_drain(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    int64_t age = clock_monotonic_ms() - worker->drain_started;
    if (worker->http)
        look_at_http(worker, age);
    else
        look_at_process(worker, age);
}

static void start_drain(struct worker *worker)
{
    const struct process *process = worker->setup->process;
    if (process) {
        log_info("draining");
        process->row.drain(&worker_handle_of(worker, process->plugin)->abi, process->plugin->self,
                           worker->gateway->settings.grace);
    } else {
        log_info("draining %zu connections", worker->http->connection_count);
        http_stop_accepting(worker->http);
    }
}

static void drain(struct worker *worker)
{
    if (worker_draining(worker))
        return;
    worker->drain_started = clock_monotonic_ms();
    start_drain(worker);
    uv_timer_start(&worker->drain_timer, look_at_drain, 0, DRAIN_LOOK_MS);
}

static void told_to_end(uv_signal_t *signal, int number)
{
    (void)number;
    drain(signal->data);
}

/* ---- Starting ----------------------------------------------------------------------------- */

static int trust_proxies(struct worker *worker)
{
    sluice_texts texts = worker->gateway->settings.trusted_proxies;
    worker->trusted = memory_array(struct network, texts.count ? texts.count : 1);
    worker->trusted_count = texts.count;
    for (uint64_t i = 0; i < texts.count; i++)
        if (network_parse(texts.items[i], &worker->trusted[i]) < 0)
            return -EINVAL;
    return 0;
}

static void make_handles(struct worker *worker)
{
    const struct plugins *plugins = &worker->gateway->plugins;
    worker->handles = memory_array(struct worker_handle, plugins->count + 1);
    for (size_t i = 0; i <= plugins->count; i++)
        worker->handles[i] = (struct worker_handle){
            {&worker_api}, worker, i < plugins->count ? plugins->items[i] : NULL};
}

static void start_redis(struct worker *worker)
{
    const struct worker_setup *setup = worker->setup;
    struct redis_config config = {
        .target = setup->redis,
        .scripts = worker->gateway->plugins.scripts,
        .timeout_ms = worker->gateway->settings.redis.timeout,
        .reconnect_max_ms = RECONNECT_MAX_MS,
        .ready = redis_changed,
        .owner = worker,
    };
    worker->redis = redis_new(&worker->loop, &config);
    worker->subscriber = subscriber_new(&worker->loop, &config);
}

static int start_plugins(struct worker *worker)
{
    const struct plugins *plugins = &worker->gateway->plugins;
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *plugin = plugins->items[i];
        if (plugin->descriptor->start &&
            plugin->descriptor->start(&worker->handles[i].abi, plugin->self) != 0) {
            log_error("%s: start failed in worker %u", plugin->name, worker->setup->index);
            return -EINVAL;
        }
    }
    return 0;
}

static void start_turns(struct worker *worker)
{
    uv_prepare_init(&worker->loop, &worker->prepare);
    uv_check_init(&worker->loop, &worker->check);
    uv_signal_init(&worker->loop, &worker->terminate);
    uv_timer_init(&worker->loop, &worker->ready_timer);
    uv_timer_init(&worker->loop, &worker->drain_timer);
    worker->prepare.data = worker->check.data = worker->terminate.data = worker;
    worker->ready_timer.data = worker->drain_timer.data = worker;
    uv_prepare_start(&worker->prepare, before_poll);
    uv_check_start(&worker->check, after_poll);
    uv_signal_start(&worker->terminate, told_to_end, SIGTERM);
    uv_timer_start(&worker->ready_timer, waited_for_redis, READY_AFTER_MS, 0);
}

static int start_process(struct worker *worker)
{
    const struct process *process = worker->setup->process;
    struct worker_handle *handle = worker_handle_of(worker, process->plugin);
    struct redis_config config = {
        .target = worker->setup->redis,
        .timeout_ms = worker->gateway->settings.redis.timeout,
        .reconnect_max_ms = RECONNECT_MAX_MS,
    };
    worker->blocking = redis_new(&worker->loop, &config);
    worker->links = links_open(&worker->loop, handle, process, worker->setup->channel);
    if (worker->links && process->row.start(&handle->abi, process->plugin->self) == 0)
        return 0;
    log_error("%s: its process %s did not start", process->plugin->name, process->row.name);
    return -EINVAL;
}

static int start_http(struct worker *worker)
{
    if (start_plugins(worker) < 0)
        return -EINVAL;
    worker->http = http_start(worker);
    return worker->http ? 0 : -EINVAL;
}

/* A worker that fails to start exits at once: the generation sees it and says what follows. */
static int start(struct worker *worker)
{
    if (trust_proxies(worker) < 0)
        return -EINVAL;
    start_redis(worker);
    make_handles(worker);
    worker->hangup = hangup_new(&worker->loop, wait_hung_up, worker);
    if (!worker->hangup)
        return -EINVAL;
    start_turns(worker);
    return worker->setup->process ? start_process(worker) : start_http(worker);
}

static void release(struct worker *worker)
{
    if (worker->http)
        http_free(worker->http);
    request_pool_release(worker);
    while (worker->free_asks) {
        struct ask *ask = worker->free_asks;
        worker->free_asks = ask->next;
        free(ask);
    }
    free(worker->handles);
    free(worker->trusted);
    arena_release(&worker->arena);
}

/* Each connection is a descriptor: as many as this host allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warn("can't raise the limit of open files: %s", strerror(errno));
}

static void take_over_process(const struct worker_setup *setup)
{
    char role[32];
    if (setup->process)
        (void)snprintf(role, sizeof role, "process %s", setup->process->row.name);
    else
        (void)snprintf(role, sizeof role, "worker %u", setup->index);
    log_role(role);
    request_id_reset();
    crash_watch();
    raise_descriptor_limit();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* a terminal's ^C goes to the master, which drains everybody */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int worker_main(const struct worker_setup *setup)
{
    take_over_process(setup);
    struct worker worker = {
        .setup = setup,
        .gateway = setup->gateway,
    };
    if (!setup->process) {
        worker.counters = &setup->counters->workers[setup->generation_slot][setup->index];
        worker.counters->connections = worker.counters->parked = 0;
    }
    int error = uv_loop_init(&worker.loop);
    if (error < 0) {
        log_error("no loop: %s", uv_strerror(error));
        return 1;
    }
    if (start(&worker) < 0)
        return 1;
    uv_run(&worker.loop, UV_RUN_DEFAULT);
    uv_loop_close(&worker.loop);
    release(&worker);
    log_info("drained");
    log_flush();
    return 0;
}
