/* myplugin: greets, and counts how often.
 *
 *   every request           --turn_away--> 403 for who is turned away, else on to its route
 *   POST /myplugin/{who}    greet --count.lua--> greeted
 *   GET  /myplugin/{who}    look --GET--> looked
 *
 * Redis: myplugin:<who> is a count, and expires `keep` after the last greeting.
 *
 * Each of these functions is a step: it answers, or it asks Redis, names the step that runs when
 * the reply is there, and returns at once. None may block. When Redis is away the gateway answers
 * 503 itself; the next step does not run.
 *
 * <sluice/plugin.h> is the manual of everything that is called here. */
#include <stddef.h>
#include <string.h>

#include <sluice/input.h>
#include <sluice/plugin.h>

#include "count.lua.h"

/* Filled from the options below; each process of the gateway has its own. */
struct myplugin {
    const char *greeting;
    int64_t keep; /* ms */
    sluice_texts turned_away;
    const sluice_script *count;
};

static sluice_step turn_away, greet, greeted, look, looked;

/* ---- Middleware --------------------------------------------------------------------------- */

static sluice_verdict turn_away(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct myplugin *plugin = self;
    const char *agent = sluice_header(req, "User-Agent");
    (void)none;
    for (uint64_t i = 0; agent && i < plugin->turned_away.count; i++)
        if (strstr(agent, plugin->turned_away.items[i]))
            return sluice_problem(req, 403, "turned_away", "this user agent is not served here");
    return SLUICE_NEXT;
}

/* ---- Routes ------------------------------------------------------------------------------- */

/* Key names are built in one place. Names have no colon, so two names never make one key. */
static const char *key_of(sluice_request *req, const char *who)
{
    return sluice_key(req, "myplugin:", who);
}

static sluice_verdict greet(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct myplugin *plugin = self;
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *who = sluice_take_path_name(&in, "who");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_run(req, greeted, self, plugin->count, 1, key_of(req, who), plugin->keep);
}

static sluice_verdict greeted(sluice_request *req, void *self, const sluice_reply *times)
{
    const struct myplugin *plugin = self;
    const char *text = sluice_concat(req, plugin->greeting, ", ", sluice_path(req, "who"));
    return sluice_json(req, 200, "greeting", text, "times", sluice_int(times));
}

static sluice_verdict look(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *who = sluice_take_path_name(&in, "who");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, looked, self, "GET", key_of(req, who));
}

static sluice_verdict looked(sluice_request *req, void *self, const sluice_reply *times)
{
    (void)self;
    if (sluice_is_nil(times))
        return sluice_problem(req, 404, "not_greeted", "nobody has greeted this name yet");
    return sluice_json(req, 200, "times", sluice_int(times));
}

/* ---- What the gateway is told ------------------------------------------------------------- */

static const sluice_option options[] = {
    {.name = "greeting",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct myplugin, greeting),
     .fallback = "hello",
     .min = 1,
     .max = 100,
     .help = "what stands before the name"},
    {.name = "keep",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct myplugin, keep),
     .fallback = "24h",
     .min = 1000,
     .max = 31 * INT64_C(86400000),
     .help = "how long a count lasts after the last greeting"},
    {.name = "turned_away",
     .type = SLUICE_TEXTS,
     .offset = offsetof(struct myplugin, turned_away),
     .max = 100,
     .help = "parts of a User-Agent that are answered 403"},
};

static const sluice_hook hooks[] = {
    {SLUICE_BEFORE, 0, SLUICE_STEP(turn_away)},
};

/* `none`: for everybody. `client` needs the plugin apikey, which then says who asks. */
static const sluice_route routes[] = {
    {.method = "POST",
     .path = "/myplugin/{who}",
     .handler = greet,
     .handler_name = "greet",
     .auth = "none"},
    {.method = "GET",
     .path = "/myplugin/{who}",
     .handler = look,
     .handler_name = "look",
     .auth = "none"},
};

/* Once per configuration, before any request, and in `sluice check`: registers, and does nothing
 * else. */
static int32_t configure(sluice_host *host, void *self)
{
    struct myplugin *plugin = self;
    plugin->count = sluice_add_script(host, "count", count_lua);
    sluice_hooks(host, hooks);
    sluice_routes(host, routes);
    return 0;
}

static const sluice_descriptor descriptor = {
    .size = sizeof descriptor,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "myplugin",
    .version = "0.1.0",
    .summary = "greets, and counts how often",
    .self_size = sizeof(struct myplugin),
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_stride = sizeof options[0],
    .configure = configure,
};

const sluice_descriptor *sluice_plugin(void)
{
    return &descriptor;
}
