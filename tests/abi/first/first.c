/* A plugin as it was written for the first ABI. It is compiled against the headers of that time, which
 * are kept beside it, and must go on loading and working: nothing here is ever brought up to date.
 *
 * SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include <sluice/job.h>
#include <sluice/json.h>
#include <sluice/plugin.h>

struct first {
    const char *greeting;
    int64_t most;
    const sluice_script *add;
    int64_t ticks;
};

static sluice_step see, greet, counted, added, leave;
static sluice_worker_step tick;

/* ---- Hooks ---------------------------------------------------------------------------------- */

static sluice_verdict see(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_keep(req, (void *)sluice_printf(req, "%s %s", sluice_method(req), sluice_target(req)));
    return SLUICE_NEXT;
}

static sluice_verdict leave(sluice_request *req, void *self, const sluice_reply *none)
{
    const char *kept = sluice_kept(req);
    (void)self, (void)none;
    if (kept)
        sluice_set_header(req, "X-First", kept);
    return SLUICE_NEXT;
}

/* ---- Routes --------------------------------------------------------------------------------- */

static sluice_verdict greet(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_ask_all(
        req, counted, self,
        SLUICE_COMMAND("INCR", sluice_key(req, "first:", sluice_path(req, "name"))),
        SLUICE_COMMAND("GET", sluice_key(req, "first:nothing")));
}

static sluice_verdict counted(sluice_request *req, void *self, const sluice_reply *both)
{
    const struct first *first = self;
    bool ticked = first->ticks > 0, is_nil = sluice_is_nil(sluice_at(both, 1));
    return sluice_json(req, 200, "greeting", first->greeting, "times",
                       sluice_int(sluice_at(both, 0)), "nil", is_nil, "ticked", ticked);
}

static sluice_verdict add(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct first *first = self;
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    int64_t by = sluice_take_int(&in, "by", 1, first->most);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_run(req, added, self, first->add, 1, sluice_key(req, "first:sum"), by);
}

static sluice_verdict added(sluice_request *req, void *self, const sluice_reply *sum)
{
    (void)self;
    sluice_list *list = sluice_list_new(req);
    sluice_push(req, list, sluice_int(sum));
    return sluice_json(req, 201, "sums", list);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static void tick(sluice_worker *worker, void *state, const sluice_reply *none)
{
    struct first *first = state;
    (void)worker, (void)none;
    first->ticks++;
}

static int32_t start(sluice_worker *worker, void *self)
{
    sluice_timer(worker, 1, tick, self);
    return 0;
}

static const sluice_route routes[] = {
    {"GET", "/first/{name}", SLUICE_STEP(greet), "none", NULL, 0, 0, 0},
    {"POST", "/first", SLUICE_STEP(add), "none", NULL, 0, 0, 0},
};

static const sluice_hook hooks[] = {
    {SLUICE_BEFORE, 0, SLUICE_STEP(see)},
    {SLUICE_AFTER, 0, SLUICE_STEP(leave)},
};

static int32_t configure(sluice_host *host, void *self)
{
    struct first *first = self;
    if (strcmp(first->greeting, "nothing") == 0) {
        sluice_refuse(host, "greeting", "must say something");
        return -1;
    }
    first->add = sluice_add_script(host, "add", "return redis.call('INCRBY', KEYS[1], ARGV[1])");
    sluice_routes(host, routes);
    sluice_hooks(host, hooks);
    return 0;
}

static const sluice_option options[] = {
    {.name = "greeting",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct first, greeting),
     .fallback = "hello",
     .help = "what is said"},
    {.name = "most",
     .type = SLUICE_INT,
     .offset = offsetof(struct first, most),
     .fallback = "10",
     .min = 1,
     .max = 100,
     .help = "the most that can be added at a time"},
};

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "first",
        .version = "1.0.0",
        .summary = "as it was written for the first ABI",
        .self_size = sizeof(struct first),
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .option_stride = sizeof options[0],
        .configure = configure,
        .start = start,
    };
    return &descriptor;
}
