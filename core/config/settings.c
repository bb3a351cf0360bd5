/* config.yaml into struct settings.
 *
 *   file -> ${NAME:-default} -> --set -> table -> checks that need more than one value -> settings
 *
 * Every step goes on after errors, so that one run tells all of them. The defaults here and the
 * values in the shipped config.yaml are the same.
 *
 * SPDX-License-Identifier: MIT */
#include "settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "counters.h"
#include "interpolate.h"
#include "options.h"
#include "overrides.h"
#include "settings_lists.h"

#define TOKEN_MIN 32u /* bytes: a guess must be hopeless, whatever the alphabet */

/* What the table fills: the settings, and what needs a second look first. */
struct raw {
    struct settings settings;
    const char *workers; /* "auto" or a number */
    const struct node *plugins, *routes;
};

/* ---- The table ---------------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct raw, settings.member)
#define IN(group, member) .offset = offsetof(struct group, member)
#define ROWS(table)                                                                                \
    .rows = (table), .row_count = sizeof(table) / sizeof *(table), .row_stride = sizeof *(table)
#define GROUP(table) .type = SLUICE_GROUP, ROWS(table)

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

/* Written where their values go: in struct settings itself, not in a struct of their own. */
static const sluice_option admin_rows[] = {
    {"token", SLUICE_TEXT, SLUICE_SECRET, AT(admin_token),
     .help = "what admins send as `Authorization: Bearer`; at least 32 bytes"},
};
static const sluice_option shutdown_rows[] = {
    {"grace", SLUICE_DURATION, 0, AT(grace), "30s", 0, 3600000,
     .help = "how long requests may take to end when the gateway stops or reloads"},
};
static const sluice_option log_rows[] = {
    {"level", SLUICE_CHOICE, 0, AT(log_level), "info", .choices = log_levels,
     .help = "the least that is logged"},
    {"access", SLUICE_BOOL, 0, AT(access_log), "true", .help = "a line for every request"},
};
static const sluice_option http_rows[] = {
    {"connections", SLUICE_INT, 0, IN(http_settings, connections), "10000", 1, 1000000,
     .help = "open connections, per worker"},
    {"header_timeout", SLUICE_DURATION, 0, IN(http_settings, header_timeout), "10s", 10, 3600000,
     .help = "from a request's first byte to its last header"},
    {"body_timeout", SLUICE_DURATION, 0, IN(http_settings, body_timeout), "30s", 10, 3600000,
     .help = "from the last header to the body's last byte"},
    {"idle_timeout", SLUICE_DURATION, 0, IN(http_settings, idle_timeout), "60s", 10, 86400000,
     .help = "how long a connection without a request is kept"},
    {"body_max", SLUICE_SIZE, 0, IN(http_settings, body_max), "1m", 0, 1 << 30,
     .help = "the most a request's body may have, where its route does not say otherwise"},
    {"memory", SLUICE_SIZE, 0, IN(http_settings, memory), "8k", 2048, 1 << 20,
     .help = "for the headers of a request, per connection"},
};
const char *const redis_fsyncs[] = {"everysec", "always", NULL};

static const sluice_option redis_rows[] = {
    {"url", SLUICE_TEXT, SLUICE_SECRET, IN(redis_settings, url), "embedded",
     .help = "embedded, redis://[user:password@]host:port/db, rediss://, unix:///path"},
    {"prefix", SLUICE_TEXT, 0, IN(redis_settings, prefix), "", 0, 128,
     .help = "put before every key"},
    {"timeout", SLUICE_DURATION, 0, IN(redis_settings, timeout), "250ms", 1, 60000,
     .help = "how long a command may take"},
    {"server", SLUICE_TEXT, 0, IN(redis_settings, server), "redis-server", 1, 4095,
     .help = "the program that is run for the embedded one"},
    {"fsync", SLUICE_CHOICE, 0, IN(redis_settings, fsync), "everysec", .choices = redis_fsyncs,
     .help =
         "of the embedded one: everysec can lose a second of what was answered, always nothing"},
};
static const sluice_option rows[] = {
    {"listen", SLUICE_TEXTS, 0, AT(listen), "127.0.0.1:3000", 1, 64,
     .help = "addresses: 127.0.0.1:3000, [::1]:3000, :3000 for all, unix:/path"},
    {"workers", SLUICE_TEXT, 0, offsetof(struct raw, workers), "auto",
     .help = "processes that serve: auto (one per core) or 1 to 128"},
    {"gateways", SLUICE_INT, 0, AT(gateways), "1", 1, 10000,
     .help = "how many gateways share the Redis"},
    {"data_dir", SLUICE_TEXT, 0, AT(data_dir), "data", 1, 4095,
     .help = "for the embedded Redis, admin.token, run/; relative to this file"},
    {"admin", GROUP(admin_rows), .help = "who may administer"},
    {"trusted_proxies", SLUICE_TEXTS, 0, AT(trusted_proxies), "[]",
     .help = "networks whose X-Forwarded-For is believed"},
    {"shutdown", GROUP(shutdown_rows), .help = "how it ends"},
    {"log", GROUP(log_rows), .help = "what is logged, on stderr"},
    {"http", AT(http), GROUP(http_rows), .help = "bounds for connections and requests"},
    {"redis", AT(redis), GROUP(redis_rows), .help = "where all state is"},
    {"plugins", OPTION_NODE, 0, offsetof(struct raw, plugins), ROWS(settings_plugin_rows),
     .help = "what the gateway does, in order of the `before` hooks"},
    {"routes", OPTION_NODE, 0, offsetof(struct raw, routes), ROWS(settings_route_rows),
     .help = "METHOD /path: {auth, limit, body}, instead of what the plugins say"},
};

struct option_table settings_options(void)
{
    return (struct option_table){rows, sizeof rows / sizeof *rows, sizeof *rows};
}

/* ---- The file ----------------------------------------------------------------------------- */

/* The whole file, or one byte more than is ever parsed. 0 or a negative errno. */
static int read_file(const char *path, struct text *ret_text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int rc = 0;
    while (ret_text->len <= YAML_SIZE_MAX) {
        size_t most = YAML_SIZE_MAX + 1 - ret_text->len;
        most = most < 65536 ? most : 65536;
        ssize_t got = read(fd, text_room(ret_text, most), most);
        if (got > 0)
            text_added(ret_text, (size_t)got);
        else if (got == 0 || errno != EINTR)
            rc = got == 0 ? 0 : -errno;
        if (got == 0 || rc)
            break;
    }
    (void)close(fd); /* only read */
    return rc;
}

/* Not realpath: a link's own folder counts, not that of what it leads to. */
static const char *absolute(struct arena *arena, const char *path)
{
    char here[4096];
    if (*path == '/' || !getcwd(here, sizeof here))
        return path;
    return arena_printf(arena, "%s/%s", here, path);
}

static const char *folder_of(struct arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? arena_copy(arena, file, (size_t)(slash - file)) : ".";
}

static struct node *read_tree(struct arena *arena, const char *path, struct diag *diag)
{
    struct text text;
    text_init(&text, NULL);
    struct node *root = NULL;
    int rc = read_file(path, &text);
    if (rc)
        diag_add(diag, (struct mark){path, 0, 0},
                 "can't be read: %s; expected the configuration, name another one with -c FILE",
                 strerror(-rc));
    else
        root = yaml_parse(arena, path, text.data, text.len, diag);
    text_release(&text);
    if (!root || root->kind == NODE_MAPPING)
        return root;
    diag_add(diag, root->mark, "no mapping; expected options, for example listen: 127.0.0.1:3000");
    return NULL;
}

/* ---- Checks ------------------------------------------------------------------------------- */

/* What the checks need. */
struct check {
    struct settings *settings;
    const struct node *root;
    struct mark file;
    struct arena *arena;
    struct diag *diag;
};

static struct mark place(const struct check *check, const char *path)
{
    return options_place(check->root, path, check->file);
}

/* Cores this process may use. */
static int64_t cores(void)
{
    cpu_set_t allowed;
    long count = sched_getaffinity(0, sizeof allowed, &allowed) == 0
                     ? CPU_COUNT(&allowed)
                     : sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1)
        return 1;
    return count < COUNTERS_WORKERS ? count : COUNTERS_WORKERS;
}

static void check_workers(const struct check *check, const char *text)
{
    int64_t workers = 0;
    if (strcmp(text, "auto") == 0)
        workers = cores();
    else if (parse_int(text, &workers) || workers < 1 || workers > COUNTERS_WORKERS)
        diag_add(check->diag, place(check, "workers"),
                 "workers is %s; expected auto, or a whole number from 1 to %d, for example 4",
                 diag_quote(check->arena, text), COUNTERS_WORKERS);
    check->settings->workers = workers;
}

/* "host:port" with a numeric host: what address_listen takes. */
static bool is_listenable(struct arena *arena, const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    struct in6_addr address;
    if (strncmp(text, "unix:", 5) == 0)
        return text[5] != '\0';
    if (!colon || parse_int(colon + 1, &port) || port < 0 || port > 65535)
        return false;
    size_t len = (size_t)(colon - text);
    if (len > 1 && text[0] == '[' && colon[-1] == ']')
        return inet_pton(AF_INET6, arena_copy(arena, text + 1, len - 2), &address) == 1;
    return len == 0 || inet_pton(AF_INET, arena_copy(arena, text, len), &address) == 1;
}

static struct mark item_place(const struct check *check, const char *list, uint64_t i)
{
    const struct node *node = node_find(check->root, list);
    return node && node->kind == NODE_SEQUENCE && i < node->count ? node->items[i]->mark
                                                                  : place(check, list);
}

static void check_listen(const struct check *check)
{
    sluice_texts listen = check->settings->listen;
    for (uint64_t i = 0; i < listen.count; i++)
        if (!is_listenable(check->arena, listen.items[i]))
            diag_add(check->diag, item_place(check, "listen", i),
                     "listen has %s; expected a numeric address and a port or a socket, for "
                     "example 127.0.0.1:3000, [::1]:3000, :3000 or unix:/run/sluice.sock",
                     diag_quote(check->arena, listen.items[i]));
}

static void check_proxies(const struct check *check)
{
    sluice_texts proxies = check->settings->trusted_proxies;
    struct network network;
    for (uint64_t i = 0; i < proxies.count; i++)
        if (network_parse(proxies.items[i], &network))
            diag_add(check->diag, item_place(check, "trusted_proxies", i),
                     "trusted_proxies has %s; expected a network, for example 10.0.0.0/8",
                     diag_quote(check->arena, proxies.items[i]));
}

/* An empty token, as ${SLUICE_ADMIN_TOKEN:-} gives, is none. */
static void check_token(const struct check *check)
{
    const char *token = check->settings->admin_token;
    if (!token)
        return;
    size_t len = strlen(token);
    if (len == 0)
        check->settings->admin_token = NULL;
    else if (len < TOKEN_MIN)
        diag_add(check->diag, place(check, "admin.token"),
                 "admin.token is %zu bytes long; expected at least %u, for example what `openssl "
                 "rand -hex 32` prints",
                 len, TOKEN_MIN);
    for (; *token; token++)
        if (*token <= ' ' || *token > '~') {
            diag_add(check->diag, place(check, "admin.token"),
                     "admin.token has characters that can't be sent in a header; expected "
                     "letters, digits and signs without spaces");
            return;
        }
}

/* Gateways that share a Redis must agree on the token, so it can't be made up. */
static void check_redis(const struct check *check)
{
    static const char *const schemes[] = {"redis://", "rediss://", "unix://"};
    struct settings *settings = check->settings;
    if (!*settings->redis.url)
        settings->redis.url = "embedded";
    if (strcmp(settings->redis.url, "embedded") == 0)
        return;
    size_t i = 0;
    while (i < 3 && strncmp(settings->redis.url, schemes[i], strlen(schemes[i])) != 0)
        i++;
    if (i == 3)
        diag_add(check->diag, place(check, "redis.url"),
                 "redis.url is none that is known; expected embedded, or an address such as "
                 "redis://127.0.0.1:6379, rediss://host:6380 or unix:///run/redis.sock");
    else if (!settings->admin_token)
        diag_add(check->diag, place(check, "redis.url"),
                 "redis.url leads to a Redis that other gateways may share, and admin.token is "
                 "missing; set admin.token (or the environment variable SLUICE_ADMIN_TOKEN) to the "
                 "same secret of at least %u bytes on all of them, for example what `openssl rand "
                 "-hex 32` prints",
                 TOKEN_MIN);
}

/* ---- All of it ---------------------------------------------------------------------------- */

static void fill(struct settings *settings, const struct node *root, struct arena *arena,
                 struct diag *diag)
{
    struct raw raw = {.settings = {.file = settings->file}};
    struct mark file = {root->mark.file, 0, 0};
    options_apply(settings_options(), "", root, file, &raw, arena, diag);
    *settings = raw.settings;

    const char *folder = folder_of(arena, settings->file);
    settings->data_dir =
        settings->data_dir ? settings_path(arena, folder, settings->data_dir) : folder;
    settings_read_plugins(settings, raw.plugins, folder, arena, diag);
    settings_read_routes(settings, raw.routes, arena, diag);

    struct check check = {settings, root, file, arena, diag};
    if (raw.workers)
        check_workers(&check, raw.workers);
    check_listen(&check);
    check_proxies(&check);
    check_token(&check);
    if (settings->redis.url)
        check_redis(&check);
}

void settings_load(struct settings *settings, struct arena *arena, const char *path,
                   const char *const *sets, size_t set_count, struct diag *diag)
{
    memset(settings, 0, sizeof *settings);
    settings->file = absolute(arena, path);
    struct node *root = read_tree(arena, arena_copy_text(arena, path), diag);
    if (!root)
        return;
    interpolate(root, arena, diag);
    overrides_apply(root, sets, set_count, arena, diag);
    fill(settings, root, arena, diag);
}
