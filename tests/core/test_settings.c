/* config.yaml as a whole: the shipped one, every mistake at once, --set, and what must never crash.
 *
 * SPDX-License-Identifier: MIT */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "settings.h"

#ifndef SHIPPED_CONFIG
#define SHIPPED_CONFIG "config.yaml" /* the tests run at the top of the tree */
#endif

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct arena arena;
static struct diag diag;
static struct settings settings;
static char folder[64];
static char file[96];

static int begin(void **state)
{
    static const char *const names[] = {
        "SLUICE_LISTEN",
        "SLUICE_ADMIN_TOKEN",
        "REDIS_URL",
        "PORT",
        "REDIS_HOST",
        "REDIS_PORT",
        "API_KEY_RETENTION",
        "API_KEY_GRACE_PERIOD_SECONDS",
        "RATE_LIMIT_WINDOW_SIZE",
        "RATE_LIMIT_MAX_REQUEST",
        "TOKEN_BUCKET_CAPACITY",
        "TOKEN_BUCKET_REFILL_RATE",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (unsetenv(names[i]))
            return -1;
    (void)snprintf(folder, sizeof folder, "/tmp/sluice-test-settings-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(file, sizeof file, "%s/c.yaml", folder);
    arena = (struct arena)ARENA_INIT;
    diag_init(&diag);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(file);
    diag_release(&diag);
    arena_release(&arena);
    return rmdir(folder);
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static void write_file(const char *text, size_t len)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

/* Loads `yaml` with at most one --set. */
static void load_set(const char *yaml, const char *one)
{
    write_file(yaml, strlen(yaml));
    settings_load(&settings, &arena, file, &one, one ? 1 : 0, &diag);
}

static void load_well(const char *yaml, const char *one)
{
    load_set(yaml, one);
    assert_string_equal(diag.lines.data, "");
}

/* Exactly one error, at `place` (line:column) with `message` in it. */
static void assert_refused(const char *yaml, const char *place, const char *message)
{
    load_set(yaml, NULL);
    char prefix[160];
    (void)snprintf(prefix, sizeof prefix, "%s:%s: ", file, place);
    if (diag.count != 1 || strncmp(diag.lines.data, prefix, strlen(prefix)) != 0 ||
        !strstr(diag.lines.data, message))
        fail_msg("expected one error at %s with \"%s\", not:\n%s", place, message, diag.lines.data);
    diag_release(&diag);
    diag_init(&diag);
}

/* The text of a plugin's option in config.yaml, before the plugin's own table reads it. */
static const char *option(size_t plugin, const char *policy, const char *name)
{
    const struct node *config = settings.plugins[plugin].config;
    if (policy)
        config = node_find(node_find(config, "policies"), policy);
    const struct node *value = node_find(config, name);
    assert_non_null(value);
    return value->text;
}

static void load_shipped(void)
{
    settings_load(&settings, &arena, SHIPPED_CONFIG, NULL, 0, &diag);
    assert_string_equal(diag.lines.data, "");
}

/* ---- The shipped file --------------------------------------------------------------------- */

static void the_shipped_configuration_loads_without_errors(void **state)
{
    (void)state;
    load_shipped();
    assert_int_equal(settings.plugin_count, 7);
    assert_string_equal(settings.plugins[0].name, "apikey");
    assert_string_equal(settings.plugins[1].name, "ratelimit");
    assert_string_equal(settings.plugins[2].name, "idempotency");
    assert_string_equal(settings.plugins[3].name, "leaderboard");
    assert_string_equal(settings.plugins[4].name, "lock");
    assert_string_equal(settings.plugins[5].name, "jobs");
    assert_string_equal(settings.plugins[6].name, "session");
    assert_string_equal(option(0, NULL, "grace"), "604800s");
    assert_string_equal(option(1, "default", "refill"), "1/s");
}

static void defaults_are_what_the_shipped_configuration_says(void **state)
{
    (void)state;
    load_shipped();
    struct settings shipped = settings;
    load_well("", NULL);
    assert_int_equal(settings.listen.count, 1);
    assert_string_equal(settings.listen.items[0], shipped.listen.items[0]);
    assert_int_equal(settings.workers, shipped.workers);
    assert_int_equal(settings.gateways, shipped.gateways);
    assert_string_equal(strrchr(settings.data_dir, '/'), strrchr(shipped.data_dir, '/'));
    assert_null(settings.admin_token);
    assert_null(shipped.admin_token);
    assert_int_equal(settings.trusted_proxies.count, shipped.trusted_proxies.count);
    assert_int_equal(settings.grace, shipped.grace);
    assert_int_equal(settings.log_level, shipped.log_level);
    assert_int_equal(settings.access_log, shipped.access_log);
    assert_memory_equal(&settings.http, &shipped.http, sizeof shipped.http);
    assert_string_equal(settings.redis.url, shipped.redis.url);
    assert_string_equal(settings.redis.prefix, shipped.redis.prefix);
    assert_int_equal(settings.redis.timeout, shipped.redis.timeout);
    assert_string_equal(settings.redis.server, shipped.redis.server);
    assert_int_equal(settings.route_count, shipped.route_count);
}

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    load_well("", NULL);
    assert_string_equal(settings.listen.items[0], "127.0.0.1:3000");
    assert_int_equal(settings.grace, 30000);
    assert_int_equal(settings.log_level, LOG_INFO);
    assert_int_equal(settings.http.connections, 10000);
    assert_int_equal(settings.http.header_timeout, 10000);
    assert_int_equal(settings.http.body_timeout, 30000);
    assert_int_equal(settings.http.idle_timeout, 60000);
    assert_int_equal(settings.http.body_max, 1048576);
    assert_int_equal(settings.http.memory, 8192);
    assert_string_equal(settings.redis.url, "embedded");
    assert_int_equal(settings.redis.timeout, 250);
}

static void the_classic_server_s_variables_work(void **state)
{
    (void)state;
    set("PORT", "8080");
    set("REDIS_HOST", "db.example");
    set("SLUICE_ADMIN_TOKEN", TOKEN);
    set("API_KEY_RETENTION", "5");
    set("API_KEY_GRACE_PERIOD_SECONDS", "60");
    set("TOKEN_BUCKET_CAPACITY", "7");
    set("TOKEN_BUCKET_REFILL_RATE", "3");
    set("RATE_LIMIT_MAX_REQUEST", "9");
    set("RATE_LIMIT_WINDOW_SIZE", "11");
    load_shipped();
    assert_string_equal(settings.listen.items[0], "127.0.0.1:8080");
    assert_string_equal(settings.redis.url, "redis://db.example:6379");
    assert_string_equal(settings.admin_token, TOKEN);
    assert_string_equal(option(0, NULL, "retention"), "5");
    assert_string_equal(option(0, NULL, "grace"), "60s");
    assert_string_equal(option(1, "default", "capacity"), "7");
    assert_string_equal(option(1, "default", "refill"), "3/s");
    assert_string_equal(option(1, "window", "window"), "11s");
    set("REDIS_PORT", "7000");
    load_shipped();
    assert_string_equal(settings.redis.url, "redis://db.example:7000");
}

/* ---- Mistakes ----------------------------------------------------------------------------- */

static void five_mistakes_at_once_are_all_told_with_their_places(void **state)
{
    (void)state;
    load_set("lisen: 127.0.0.1:80\n"
             "workers: many\n"
             "http:\n"
             "  memory: 1k\n"
             "log: {level: info, level: warn}\n"
             "plugins:\n"
             "  - apikey: {grace: \"${NO_SUCH_VARIABLE}\"}\n"
             "  - [apikey]\n", /* the sixth */
             NULL);
    static const char *const expected[] = {
        ":1:1: unknown option \"lisen\"; did you mean \"listen\"?",
        ":2:10: workers is \"many\"; expected auto, or a whole number from 1 to 128, for example 4",
        ":4:11: http.memory is \"1k\"; expected a size from 2k to 1m, for example 8k",
        ":5:20: \"level\" is here twice, the other one at line 5",
        ":7:21: the environment variable NO_SUCH_VARIABLE is not set",
        ":8:5: an entry of plugins is a list; expected `- NAME`",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(diag.lines.data, expected[i]))
            fail_msg("\"%s\" is not in:\n%s", expected[i], diag.lines.data);
    assert_int_equal(diag.count, sizeof expected / sizeof *expected);
}

static void a_missing_file_says_so(void **state)
{
    (void)state;
    settings_load(&settings, &arena, "/nowhere/config.yaml", NULL, 0, &diag);
    assert_int_equal(diag.count, 1);
    assert_non_null(strstr(diag.lines.data, "/nowhere/config.yaml: can't be read: No such file"));
    settings_load(&settings, &arena, folder, NULL, 0, &diag);
    assert_non_null(strstr(diag.lines.data, "can't be read: Is a directory"));
}

static void a_file_that_is_no_mapping_is_refused(void **state)
{
    (void)state;
    assert_refused("- a\n", "1:1", "no mapping");
    assert_refused("text\n", "1:1", "no mapping");
}

static void a_file_over_a_megabyte_is_refused(void **state)
{
    (void)state;
    char *text = malloc(YAML_SIZE_MAX + 2);
    assert_non_null(text);
    memset(text, '#', YAML_SIZE_MAX + 1);
    text[YAML_SIZE_MAX + 1] = '\0';
    assert_refused(text, "1:1", "larger than 1 MiB");
    free(text);
}

static void numbers_are_held_to_their_ranges(void **state)
{
    (void)state;
    assert_refused("gateways: 0", "1:11", "from 1 to 10000");
    assert_refused("workers: 129", "1:10", "from 1 to 128");
    assert_refused("workers: 0", "1:10", "from 1 to 128");
    assert_refused("shutdown: {grace: 2h}", "1:19", "a duration from 0 to 1h, for example 30s");
    assert_refused("redis: {timeout: 0}", "1:18", "a duration from 1ms to 1m, for example 250ms");
}

static void addresses_to_listen_on_are_checked(void **state)
{
    (void)state;
    load_well("listen: [\":80\", \"[::1]:3000\", 10.0.0.1:0, unix:/run/s.sock]", NULL);
    assert_int_equal(settings.listen.count, 4);
    assert_refused("listen: 3000", "1:9", "listen has \"3000\"; expected a numeric address");
    assert_refused("listen: [127.0.0.1:1, localhost:3000]", "1:23", "\"localhost:3000\"");
    assert_refused("listen: 127.0.0.1:65536", "1:9", "127.0.0.1:65536");
    assert_refused("listen: \"[::1]\"", "1:9", "[::1]");
    assert_refused("listen: \"unix:\"", "1:9", "unix:");
    assert_refused("listen: []", "1:9", "from 1 to 64");
}

static void networks_of_proxies_are_checked(void **state)
{
    (void)state;
    load_well("trusted_proxies: [10.0.0.0/8, \"fd00::/8\"]", NULL);
    assert_int_equal(settings.trusted_proxies.count, 2);
    assert_refused("trusted_proxies: [10.0.0.0/8, proxy]", "1:31", "\"proxy\"; expected a network");
}

/* ---- Single settings ---------------------------------------------------------------------- */

static void automatic_workers_are_the_cores_this_process_may_use(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    load_well("workers: auto", NULL);
    assert_int_equal(settings.workers, CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    load_well("workers: auto", NULL);
    assert_int_equal(settings.workers, 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    load_well("workers: 7", NULL);
    assert_int_equal(settings.workers, 7);
}

static void paths_are_relative_to_the_file(void **state)
{
    (void)state;
    char expected[128];
    load_well("data_dir: var/data\nplugins: [{path: lib/a.so}, {path: /opt/b.so}]", NULL);
    (void)snprintf(expected, sizeof expected, "%s/var/data", folder);
    assert_string_equal(settings.data_dir, expected);
    (void)snprintf(expected, sizeof expected, "%s/lib/a.so", folder);
    assert_string_equal(settings.plugins[0].path, expected);
    assert_string_equal(settings.plugins[1].path, "/opt/b.so");
    load_well("data_dir: /var/lib/sluice", NULL);
    assert_string_equal(settings.data_dir, "/var/lib/sluice");
}

static void the_file_itself_becomes_absolute(void **state)
{
    (void)state;
    char here[4096], expected[4200];
    assert_non_null(getcwd(here, sizeof here));
    write_file("", 0);
    assert_int_equal(chdir(folder), 0);
    settings_load(&settings, &arena, "c.yaml", NULL, 0, &diag);
    assert_int_equal(chdir(here), 0);
    assert_string_equal(diag.lines.data, "");
    assert_string_equal(settings.file, file);
    (void)snprintf(expected, sizeof expected, "%s/data", folder);
    assert_string_equal(settings.data_dir, expected);
}

static void a_short_admin_token_is_refused_and_an_empty_one_is_none(void **state)
{
    (void)state;
    load_well("admin: {token: \"\"}", NULL);
    assert_null(settings.admin_token);
    load_well("admin: {token: }", NULL);
    assert_null(settings.admin_token);
    load_well("admin: {token: " TOKEN "}", NULL);
    assert_string_equal(settings.admin_token, TOKEN);
    assert_refused("admin: {token: 0123456789abcdef0123456789abcde}", "1:16",
                   "admin.token is 31 bytes long; expected at least 32");
    assert_refused("admin: {token: " TOKEN " x}", "1:16", "can't be sent in a header");
}

static void an_outside_redis_needs_an_admin_token(void **state)
{
    (void)state;
    assert_refused("redis: {url: \"redis://h:6379\"}", "1:14", "admin.token is missing");
    load_well("redis: {url: \"redis://h:6379\"}\nadmin: {token: " TOKEN "}", NULL);
    assert_string_equal(settings.redis.url, "redis://h:6379");
    load_well("redis: {url: embedded}", NULL);
    load_well("redis: {url: \"\"}", NULL);
    assert_string_equal(settings.redis.url, "embedded");
    assert_refused("redis: {url: \"http://h\"}", "1:14", "expected embedded, or an address");
}

static void secrets_never_reach_a_message(void **state)
{
    (void)state;
    set("SECRET", "hunter2");
    load_set("admin:\n  token: ${SECRET}\nredis:\n  url: redis//:${SECRET}@h\n", NULL);
    assert_int_equal(diag.count, 2);
    load_set("admin: ${SECRET}\nredis: ${SECRET}\nhttp: ${SECRET}\n", NULL);
    assert_int_equal(diag.count, 5);
    assert_null(strstr(diag.lines.data, "hunter2"));
    load_set("", "admin.token=hunter2");
    assert_null(strstr(diag.lines.data, "hunter2"));
}

/* ---- Plugins ------------------------------------------------------------------------------ */

static void plugins_have_three_spellings(void **state)
{
    (void)state;
    load_well("plugins:\n"
              "  - one\n"
              "  - two: {x: 1}\n"
              "  - path: three.so\n"
              "    config: {y: 2}\n"
              "  - four:\n",
              NULL);
    assert_int_equal(settings.plugin_count, 4);
    assert_string_equal(settings.plugins[0].name, "one");
    assert_null(settings.plugins[0].config);
    assert_string_equal(settings.plugins[1].name, "two");
    assert_string_equal(option(1, NULL, "x"), "1");
    assert_null(settings.plugins[2].name);
    assert_non_null(settings.plugins[2].path);
    assert_string_equal(option(2, NULL, "y"), "2");
    assert_int_equal(settings.plugins[2].mark.line, 4);
    assert_null(settings.plugins[3].config);
}

static void no_plugins_are_fine(void **state)
{
    (void)state;
    load_well("plugins:\n", NULL);
    assert_int_equal(settings.plugin_count, 0);
    load_well("plugins: []\n", NULL);
    assert_int_equal(settings.plugin_count, 0);
}

static void wrong_entries_of_plugins_are_told(void **state)
{
    (void)state;
    assert_refused("plugins: apikey", "1:10", "plugins is a text; expected a list");
    assert_refused("plugins: {apikey: {}}", "1:10", "plugins is a mapping; expected a list");
    assert_refused("plugins: [{}]", "1:11", "is an empty mapping; expected `- NAME`");
    assert_refused("plugins: [~]", "1:11", "is empty");
    assert_refused("plugins: [a: 5]", "1:14", "a is followed by a text; expected its options");
    assert_refused("plugins: [lib/a.so]", "1:11", "`- path: FILE.so`");
    assert_refused("plugins:\n  - apikey:\n    grace: 7d\n", "3:5",
                   "\"grace\" stands beside the plugin apikey; indent it");
    assert_refused("plugins: [{path: a.so, confg: {}}]", "1:24", "did you mean \"config\"?");
    assert_refused("plugins: [{config: {}}]", "1:11", "plugins.path is missing");
    assert_refused("plugins: [{path: a.so, config: 5}]", "1:32", "config is followed by a text");
}

static void a_plugin_is_listed_once(void **state)
{
    (void)state;
    assert_refused("plugins:\n  - a\n  - b\n  - a: {}\n", "4:5",
                   "the plugin a is listed twice, first at line 2");
    assert_refused("plugins: [{path: x.so}, {path: x.so}]", "1:25", "x.so is listed twice");
}

/* ---- Routes ------------------------------------------------------------------------------- */

static void routes_override_what_they_name(void **state)
{
    (void)state;
    load_well("routes:\n"
              "  GET /a/{id}: {auth: none}\n"
              "  POST  /b:\n"
              "    limit: slow\n"
              "    body: 4k\n"
              "  PUT /c: {}\n",
              NULL);
    assert_int_equal(settings.route_count, 3);
    const struct route_setting *routes = settings.routes;
    assert_string_equal(routes[0].method, "GET");
    assert_string_equal(routes[0].path, "/a/{id}");
    assert_string_equal(routes[0].auth, "none");
    assert_int_equal(routes[0].auth_mark.column, 23);
    assert_null(routes[0].limit);
    assert_int_equal(routes[0].body_max, -1);
    assert_string_equal(routes[1].path, "/b");
    assert_string_equal(routes[1].limit, "slow");
    assert_int_equal(routes[1].limit_mark.line, 4);
    assert_int_equal(routes[1].body_max, 4096);
    assert_int_equal(routes[2].mark.line, 6);
}

static void wrong_routes_are_told(void **state)
{
    (void)state;
    assert_refused("routes: []", "1:9", "routes is a list; expected a mapping");
    assert_refused("routes: {/a: {}}", "1:10", "\"/a\" is no route; expected a method and a path");
    assert_refused("routes: {get /a: {}}", "1:10", "is no route");
    assert_refused("routes: {GET a: {}}", "1:10", "is no route");
    assert_refused("routes: {GET /a: {aut: none}}", "1:19", "did you mean \"auth\"?");
    assert_refused("routes: {GET /a: none}", "1:18", "GET /a is a text; expected a mapping");
    assert_refused("routes: {GET /a: {body: -1}}", "1:25",
                   "GET /a.body is \"-1\"; expected a size");
}

/* ---- --set -------------------------------------------------------------------------------- */

static void a_set_replaces_or_adds_a_value(void **state)
{
    (void)state;
    load_well("workers: 3", "workers=5");
    assert_int_equal(settings.workers, 5);
    load_well("", "http.memory=16k");
    assert_int_equal(settings.http.memory, 16384);
    load_well("http: {connections: 5}", "http.memory=16k");
    assert_int_equal(settings.http.memory, 16384);
    assert_int_equal(settings.http.connections, 5);
    load_well("listen: 127.0.0.1:1", "listen=[127.0.0.1:2, 127.0.0.1:3]");
    assert_int_equal(settings.listen.count, 2);
    load_well("redis: {prefix: x}", "redis.prefix=");
    assert_string_equal(settings.redis.prefix, "");
    load_well("redis: {prefix: x}", "redis.prefix=a=b");
    assert_string_equal(settings.redis.prefix, "a=b");
}

static void a_set_is_taken_as_it_is(void **state)
{
    (void)state;
    set("SET", "value");
    load_well("redis: {prefix: \"${SET}\"}", NULL);
    assert_string_equal(settings.redis.prefix, "value");
    load_well("", "redis.prefix=${SET}$$");
    assert_string_equal(settings.redis.prefix, "${SET}$$");
}

static void a_set_reaches_into_a_plugin_s_options(void **state)
{
    (void)state;
    static const char yaml[] =
        "plugins:\n  - a\n  - ratelimit: {policies: {default: {capacity: 1, refill: 1/s}}}\n";
    load_well(yaml, "plugins.ratelimit.policies.default.capacity=5");
    assert_int_equal(settings.plugin_count, 2);
    assert_string_equal(option(1, "default", "capacity"), "5");
    assert_string_equal(option(1, "default", "refill"), "1/s");
    load_well(yaml, "plugins.a.x=y");
    assert_int_equal(settings.plugin_count, 2);
    assert_string_equal(settings.plugins[0].name, "a");
    assert_string_equal(option(0, NULL, "x"), "y");
    load_well(yaml, "plugins.ratelimit={policies: {p: {capacity: 9}}}");
    assert_string_equal(option(1, "p", "capacity"), "9");
}

static void a_set_adds_a_plugin_that_is_not_there(void **state)
{
    (void)state;
    load_well("", "plugins.jobs.executors=2");
    assert_int_equal(settings.plugin_count, 1);
    assert_string_equal(settings.plugins[0].name, "jobs");
    assert_string_equal(option(0, NULL, "executors"), "2");
    load_well("plugins: [a]", "plugins.lock=");
    assert_int_equal(settings.plugin_count, 2);
    assert_string_equal(settings.plugins[1].name, "lock");
    assert_null(settings.plugins[1].config);
}

static void a_set_reaches_into_a_route(void **state)
{
    (void)state;
    load_well("", "routes.GET /top.auth=none");
    assert_int_equal(settings.route_count, 1);
    assert_string_equal(settings.routes[0].path, "/top");
    assert_string_equal(settings.routes[0].auth, "none");
}

static void a_set_leaves_what_an_alias_shares_alone(void **state)
{
    (void)state;
    load_well("plugins:\n  - a: &x {p: {v: 1}}\n  - b: *x\n", "plugins.b.p.v=2");
    assert_string_equal(node_find(node_find(settings.plugins[0].config, "p"), "v")->text, "1");
    assert_string_equal(node_find(node_find(settings.plugins[1].config, "p"), "v")->text, "2");
}

static void wrong_sets_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *set, *message;
    } wrong[] = {
        {"workers", "expected key=value"},
        {"=1", "expected key=value"},
        {"http..memory=1", "expected key=value"},
        {"http.memory.=1", "expected key=value"},
        {"http.memory=1k", "--set http.memory:1:1: http.memory is \"1k\"; expected a size"},
        {"http.memroy=4k", "--set http.memroy:1:1: unknown option \"memroy\" of http; did you mean "
                           "\"memory\"?"},
        {"workers.x=1", "--set workers.x:1:1: what is before .x is a text at line 1"},
        {"listen=[a", "--set listen:2:1: not YAML"},
        {"plugins.a/b.c=1", "--set plugins.a/b.c:1:1: \"a/b\" is no plugin's name"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        load_set("workers: 3", wrong[i].set);
        if (diag.count != 1 || !strstr(diag.lines.data, wrong[i].message))
            fail_msg("%s gives:\n%s", wrong[i].set, diag.lines.data);
        diag_release(&diag);
        diag_init(&diag);
    }
}

/* ---- Robustness --------------------------------------------------------------------------- */

/* The shipped file cut anywhere, or with any byte wrong: settings or errors, never a crash. */
static void a_broken_configuration_is_refused_not_fatal(void **state)
{
    (void)state;
    static char shipped[16384];
    FILE *in = fopen(SHIPPED_CONFIG, "r");
    assert_non_null(in);
    size_t len = fread(shipped, 1, sizeof shipped - 1, in);
    assert_int_equal(fclose(in), 0);
    assert_in_range(len, 1000, sizeof shipped - 2);
    static const char bytes[] = "\0\n\t:-[]{}&*!|'\"#$\xff";
    uint32_t seed = 42;
    for (size_t at = 0; at < len; at += 1 + at % 3) {
        seed = seed * 1664525u + 1013904223u;
        char kept = shipped[at];
        shipped[at] = bytes[(seed >> 8) % sizeof bytes];
        write_file(shipped, seed & 1 ? at + 1 : len);
        settings_load(&settings, &arena, file, NULL, 0, &diag);
        assert_true(diag.count > 0 || settings.workers > 0);
        shipped[at] = kept;
        diag_release(&diag);
        diag_init(&diag);
        arena_clear(&arena);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_shipped_configuration_loads_without_errors),
        TEST(defaults_are_what_the_shipped_configuration_says),
        TEST(defaults_are_the_documented_ones),
        TEST(the_classic_server_s_variables_work),
        TEST(five_mistakes_at_once_are_all_told_with_their_places),
        TEST(a_missing_file_says_so),
        TEST(a_file_that_is_no_mapping_is_refused),
        TEST(a_file_over_a_megabyte_is_refused),
        TEST(numbers_are_held_to_their_ranges),
        TEST(addresses_to_listen_on_are_checked),
        TEST(networks_of_proxies_are_checked),
        TEST(automatic_workers_are_the_cores_this_process_may_use),
        TEST(paths_are_relative_to_the_file),
        TEST(the_file_itself_becomes_absolute),
        TEST(a_short_admin_token_is_refused_and_an_empty_one_is_none),
        TEST(an_outside_redis_needs_an_admin_token),
        TEST(secrets_never_reach_a_message),
        TEST(plugins_have_three_spellings),
        TEST(no_plugins_are_fine),
        TEST(wrong_entries_of_plugins_are_told),
        TEST(a_plugin_is_listed_once),
        TEST(routes_override_what_they_name),
        TEST(wrong_routes_are_told),
        TEST(a_set_replaces_or_adds_a_value),
        TEST(a_set_is_taken_as_it_is),
        TEST(a_set_reaches_into_a_plugin_s_options),
        TEST(a_set_adds_a_plugin_that_is_not_there),
        TEST(a_set_reaches_into_a_route),
        TEST(a_set_leaves_what_an_alias_shares_alone),
        TEST(wrong_sets_are_told),
        TEST(a_broken_configuration_is_refused_not_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
