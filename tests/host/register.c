/* What a plugin registers in configure, kept by the test host by the gateway's rules.
 *
 * Nothing fails towards the plugin: what can't be becomes a configuration error.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include "needs.h"
#include "options.h"

#define BODY_MAX ((uint64_t)1 << 20) /* the gateway's default */

static const struct mark top = {"options", 1, 1};

static struct test_host *host_of(sluice_host *abi)
{
    return (struct test_host *)(void *)abi;
}

static void *self(sluice_host *abi)
{
    return host_of(abi)->self;
}

static void *alloc(sluice_host *abi, uint64_t size, uint64_t align)
{
    return arena_alloc(&host_of(abi)->arena, size, align);
}

static void add_route(struct test_host *host, const sluice_route *row)
{
    struct route route = {
        .method = row->method,
        .pattern = row->path,
        .handler = row->handler,
        .handler_name = row->handler_name,
        .auth = row->auth,
        .limit = row->limit,
        .body_max = row->body_max ? row->body_max : BODY_MAX,
        .flags = row->flags,
    };
    const char *wrong = NULL;
    const char *error = NULL;
    if (!row->handler || !row->auth)
        diag_add(&host->diag, top, "route %s %s lacks its handler or auth", row->method, row->path);
    else if (needs_parse(&route.needs, &host->arena, row->auth, &wrong) < 0)
        diag_add(&host->diag, top, "route %s %s: \"%s\" is no auth requirement", row->method,
                 row->path, wrong);
    else if (!router_add(host->router, &route, &error))
        diag_add(&host->diag, top, "%s", error);
    struct test_route *made = arena_new(&host->arena, struct test_route);
    *made = (struct test_route){host->routes, row};
    host->routes = made;
}

const sluice_route *test_route(struct test_host *host, uint32_t i)
{
    const struct test_route *route = host->routes;
    while (route && i--)
        route = route->next;
    return route ? route->row : NULL;
}

static void routes(sluice_host *abi, const sluice_route *rows, uint32_t count, uint32_t stride)
{
    for (uint32_t i = 0; i < count; i++)
        add_route(host_of(abi),
                  (const sluice_route *)(const void *)((const char *)rows + (size_t)stride * i));
}

/* After and log hooks run in the reverse of the order in which they came. */
static void add_hook(struct test_host *host, const sluice_hook *row)
{
    if (row->when > SLUICE_BODY || !row->step) {
        diag_add(&host->diag, top, "hook %s runs at no known time",
                 row->step_name ? row->step_name : "?");
        return;
    }
    struct test_hook *hook = arena_new(&host->arena, struct test_hook);
    hook->step = row->step;
    hook->name = row->step_name;
    hook->flags = row->flags;
    struct test_hook **at = &host->hooks[row->when];
    while (row->when != SLUICE_AFTER && row->when != SLUICE_LOG && *at)
        at = &(*at)->next;
    hook->next = *at;
    *at = hook;
}

static void hooks(sluice_host *abi, const sluice_hook *rows, uint32_t count, uint32_t stride)
{
    for (uint32_t i = 0; i < count; i++)
        add_hook(host_of(abi),
                 (const sluice_hook *)(const void *)((const char *)rows + (size_t)stride * i));
}

static const sluice_script *script(sluice_host *abi, const char *name, const char *source,
                                   uint64_t len)
{
    struct test_host *host = host_of(abi);
    if (!source || !len)
        diag_add(&host->diag, top, "script %s is empty", name);
    struct sluice_script *made = arena_new(&host->arena, struct sluice_script);
    made->name = arena_copy_text(&host->arena, name);
    made->source = arena_copy(&host->arena, source ? source : "", len);
    return made;
}

static void provide(sluice_host *abi, uint32_t identity_kinds)
{
    host_of(abi)->provides |= identity_kinds;
}

static void policy(sluice_host *abi, const char *limit)
{
    struct test_host *host = host_of(abi);
    struct test_policy *made = arena_new(&host->arena, struct test_policy);
    made->name = arena_copy_text(&host->arena, limit);
    made->next = host->policies;
    host->policies = made;
}

static void add_service(struct test_host *host, struct test_service **list, const char *name,
                        uint32_t version, const void *table)
{
    struct test_service *made = arena_new(&host->arena, struct test_service);
    *made = (struct test_service){*list, arena_copy_text(&host->arena, name), version, table};
    *list = made;
}

static void offer(sluice_host *abi, const char *name, uint32_t version, const void *table)
{
    struct test_host *host = host_of(abi);
    add_service(host, &host->offered, name, version, table);
}

void test_service(struct test_host *host, const char *name, uint32_t version, const void *table)
{
    add_service(host, &host->services, name, version, table);
}

const void *test_offered(struct test_host *host, const char *name, uint32_t version)
{
    for (const struct test_service *each = host->offered; each; each = each->next)
        if (each->version >= version && strcmp(each->name, name) == 0)
            return each->table;
    return NULL;
}

uint32_t test_provides(struct test_host *host)
{
    return host->provides;
}

bool test_has_policy(struct test_host *host, const char *name)
{
    for (const struct test_policy *each = host->policies; each; each = each->next)
        if (strcmp(each->name, name) == 0)
            return true;
    return false;
}

static void refuse(sluice_host *abi, const char *option, const char *message)
{
    struct test_host *host = host_of(abi);
    struct mark mark = options_place(host->options, option, top);
    diag_add(&host->diag, mark, "%s%s%s: %s", host->plugin->name, option[0] ? ": " : "", option,
             message);
}

static void log_for(sluice_host *abi, uint32_t level, const char *message)
{
    host_log(host_of(abi), level, message);
}

/* What a process does is for end-to-end tests: it needs a loop and children. */
static void process(sluice_host *abi, const sluice_process *row)
{
    if (!row->name || !row->start || !row->drain)
        diag_add(&host_of(abi)->diag, top, "its process %s lacks a function that it needs",
                 row->name ? row->name : "?");
}

static void runs_jobs(sluice_host *abi)
{
    (void)abi;
}

const sluice_host_api test_host_api = {
    .size = sizeof test_host_api,
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
    .job_handlers = host_job_handlers,
    .runs_jobs = runs_jobs,
};
