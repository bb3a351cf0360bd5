/* What plugins register in configure: routes, hooks, scripts, services, policies.
 *
 * Nothing fails towards the plugin: what can't be becomes a configuration error at the plugin's
 * place in config.yaml, together with all the others.
 *
 * SPDX-License-Identifier: MIT */
#include "registry.h"

#include <string.h>

#include "log.h"
#include "options.h"
#include "plugins.h"

static struct plugin *plugin_of(sluice_host *host)
{
    return (struct plugin *)(void *)host;
}

static void *self(sluice_host *host)
{
    return plugin_of(host)->self;
}

static void *alloc(sluice_host *host, uint64_t size, uint64_t align)
{
    return arena_alloc(plugin_of(host)->owner->arena, size, align);
}

/* ---- Routes ------------------------------------------------------------------------------- */

static void add_route(struct plugin *plugin, const sluice_route *row)
{
    struct plugins *owner = plugin->owner;
    struct route route = {
        .method = row->method,
        .pattern = row->path,
        .plugin = plugin,
        .handler = row->handler,
        .handler_name = row->handler_name,
        .auth = row->auth,
        .limit = row->limit,
        .body_max = row->body_max,
        .flags = row->flags,
    };
    const char *wrong = NULL;
    const char *error = NULL;
    if (!row->handler || !row->auth)
        diag_add(owner->diag, plugin->setting->mark, "%s: route %s %s lacks its handler or auth",
                 plugin->name, row->method, row->path);
    else if (needs_parse(&route.needs, owner->arena, row->auth, &wrong) < 0)
        diag_add(owner->diag, plugin->setting->mark,
                 "%s: route %s %s: \"%s\" is no auth requirement", plugin->name, row->method,
                 row->path, wrong);
    else if (!router_add(owner->router, &route, &error))
        diag_add(owner->diag, plugin->setting->mark, "%s: %s", plugin->name, error);
}

static void routes(sluice_host *host, const sluice_route *rows, uint32_t count, uint32_t stride)
{
    for (uint32_t i = 0; i < count; i++)
        add_route(plugin_of(host),
                  (const sluice_route *)(const void *)((const char *)rows + (size_t)stride * i));
}

/* ---- Hooks -------------------------------------------------------------------------------- */

static void append(struct arena *arena, struct hook_list *list, const struct hook *hook)
{
    if (list->count == list->size) {
        size_t size = list->size ? list->size * 2 : 8;
        struct hook *items = arena_array(arena, struct hook, size);
        if (list->count)
            memcpy(items, list->items, sizeof *items * list->count);
        list->items = items;
        list->size = size;
    }
    list->items[list->count++] = *hook;
}

static void hooks(sluice_host *host, const sluice_hook *rows, uint32_t count, uint32_t stride)
{
    struct plugin *plugin = plugin_of(host);
    struct plugins *owner = plugin->owner;
    for (uint32_t i = 0; i < count; i++) {
        const sluice_hook *row =
            (const sluice_hook *)(const void *)((const char *)rows + (size_t)stride * i);
        if (row->when >= HOOK_KINDS || !row->step) {
            diag_add(owner->diag, plugin->setting->mark, "%s: hook %s runs at no known time",
                     plugin->name, row->step_name ? row->step_name : "?");
            continue;
        }
        struct hook hook = {plugin, row->step, row->step_name, row->flags};
        append(owner->arena, &owner->hooks[row->when], &hook);
    }
}

/* ---- Scripts, services, identities, policies ---------------------------------------------- */

static const sluice_script *script(sluice_host *host, const char *name, const char *source,
                                   uint64_t len)
{
    struct plugin *plugin = plugin_of(host);
    struct plugins *owner = plugin->owner;
    struct sluice_script *made = arena_new(owner->arena, struct sluice_script);
    redis_script_init(made, arena_printf(owner->arena, "%s/%s", plugin->name, name), source, len);
    made->next = owner->scripts;
    owner->scripts = made;
    return made;
}

static void provide(sluice_host *host, uint32_t identity_kinds)
{
    plugin_of(host)->identities |= identity_kinds;
}

static void policy(sluice_host *host, const char *limit)
{
    struct plugins *owner = plugin_of(host)->owner;
    struct policy_name *made = arena_new(owner->arena, struct policy_name);
    made->name = arena_copy_text(owner->arena, limit);
    made->next = owner->policies;
    owner->policies = made;
}

static void offer(sluice_host *host, const char *name, uint32_t version, const void *table)
{
    struct plugin *plugin = plugin_of(host);
    struct plugins *owner = plugin->owner;
    const struct service *other = plugins_service(owner, name, 0);
    if (other) {
        diag_add(owner->diag, plugin->setting->mark, "%s: the service %s is offered by %s already",
                 plugin->name, name, other->plugin->name);
        return;
    }
    struct service *made = arena_new(owner->arena, struct service);
    *made = (struct service){name, version, table, plugin, owner->services};
    owner->services = made;
}

/* ---- Processes and jobs ---------------------------------------------------------------------- */

static void process(sluice_host *host, const sluice_process *row)
{
    struct plugin *plugin = plugin_of(host);
    struct plugins *owner = plugin->owner;
    if (!row->name || !row->start || !row->drain ||
        (row->executors && (!row->execute || !row->started || !row->received || !row->ended))) {
        diag_add(owner->diag, plugin->setting->mark,
                 "%s: its process %s lacks a function that it needs", plugin->name,
                 row->name ? row->name : "?");
        return;
    }
    if (owner->process_count == owner->process_size) {
        size_t size = owner->process_size ? owner->process_size * 2 : 4;
        struct process *items = arena_array(owner->arena, struct process, size);
        if (owner->process_count)
            memcpy(items, owner->processes, sizeof *items * owner->process_count);
        owner->processes = items;
        owner->process_size = size;
    }
    struct process *made = &owner->processes[owner->process_count++];
    made->plugin = plugin;
    memcpy(&made->row, row, row->size < sizeof made->row ? row->size : sizeof made->row);
}

static const char *queue_of(const sluice_job_handler *row)
{
    return row->queue ? row->queue : "jobs";
}

static void check_job_handler(struct plugin *plugin, const sluice_job_handler *row)
{
    struct plugins *owner = plugin->owner;
    const struct plugin *other;
    const sluice_job_handler *each;
    if (!row->type || !row->type[0] || !row->run) {
        diag_add(owner->diag, plugin->setting->mark, "%s: a job handler lacks its type or function",
                 plugin->name);
        return;
    }
    for (uint32_t i = 0; (each = plugins_job_handler(owner, i, &other)) != NULL; i++)
        if (each != row && strcmp(each->type, row->type) == 0 &&
            strcmp(queue_of(each), queue_of(row)) == 0)
            diag_add(owner->diag, plugin->setting->mark,
                     "%s: jobs of type \"%s\" in queue \"%s\" have a handler already, of %s",
                     plugin->name, row->type, queue_of(row), other->name);
}

static void job_handlers(sluice_host *host, const sluice_job_handler *rows, uint32_t count,
                         uint32_t stride)
{
    struct plugin *plugin = plugin_of(host);
    struct plugins *owner = plugin->owner;
    for (uint32_t i = 0; i < count; i++)
        check_job_handler(plugin, (const void *)((const char *)rows + (size_t)stride * i));
    struct job_handlers *made = arena_new(owner->arena, struct job_handlers);
    *made = (struct job_handlers){plugin, rows, count, stride, owner->job_handlers};
    owner->job_handlers = made;
}

static void runs_jobs(sluice_host *host)
{
    struct plugin *plugin = plugin_of(host);
    struct plugins *owner = plugin->owner;
    if (owner->runs_jobs)
        diag_add(owner->diag, plugin->setting->mark, "%s: %s runs jobs already", plugin->name,
                 owner->runs_jobs->name);
    owner->runs_jobs = plugin;
}

/* ---- Errors and log ----------------------------------------------------------------------- */

static void refuse(sluice_host *host, const char *option, const char *message)
{
    struct plugin *plugin = plugin_of(host);
    struct mark mark = options_place(plugin->setting->config, option, plugin->setting->mark);
    diag_add(plugin->owner->diag, mark, "%s%s%s: %s", plugin->name, option[0] ? ": " : "", option,
             message);
}

static void log_for(sluice_host *host, uint32_t level, const char *message)
{
    enum log_level known = level > LOG_ERROR ? LOG_ERROR : (enum log_level)level;
    log_message(known, "%s: %s", plugin_of(host)->name, message);
}

const sluice_host_api host_api = {
    .size = sizeof host_api,
    .self = self,
    .alloc = alloc,
    .routes = routes,
    .hooks = hooks,
    .script = script,
    .provide = provide,
    .policy = policy,
    .offer = offer,
    .refuse = refuse,
    .log = log_for,
    .process = process,
    .job_handlers = job_handlers,
    .runs_jobs = runs_jobs,
};
