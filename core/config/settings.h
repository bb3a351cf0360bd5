/* config.yaml as the core sees it. docs/operations.md is its reference, config.yaml its tour.
 *
 *   file -> ${NAME:-default} -> YAML tree -> --set -> option tables -> struct settings
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_SETTINGS_H
#define SLUICE_CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/abi.h>

#include "arena.h"
#include "diag.h"
#include "options.h"
#include "yaml_tree.h"

/* One entry of `plugins:`. */
struct plugin_setting {
    const char *name;          /* of a shipped plugin, or NULL */
    const char *path;          /* of a third party's, or NULL; relative to the file */
    const struct node *config; /* its options, or NULL */
    struct mark mark;
};

/* One entry of `routes:`, "GET /leaderboard/top": {auth, limit, body}. */
struct route_setting {
    const char *method, *path;
    const char *auth, *limit; /* NULL: as the plugin says */
    int64_t body_max;         /* -1: as the plugin says */
    struct mark mark;         /* of the key */
    struct mark auth_mark, limit_mark;
};

struct http_settings {
    int64_t connections;    /* per worker */
    int64_t header_timeout; /* ms, absolute: from the first byte to the last header */
    int64_t body_timeout;   /* ms, absolute */
    int64_t idle_timeout;   /* ms, of a kept-alive connection without a request */
    int64_t body_max;       /* bytes */
    int64_t memory;         /* bytes of libmicrohttpd's pool per connection */
};

enum redis_fsync { FSYNC_EVERYSEC, FSYNC_ALWAYS };
extern const char *const redis_fsyncs[]; /* their names, as Redis has them */

struct redis_settings {
    const char *url; /* "embedded", redis://, rediss://, unix:// */
    const char *prefix;
    int64_t timeout;    /* ms, per command */
    const char *server; /* path of redis-server for the embedded one */
    int64_t fsync;      /* of the embedded one's append-only file: enum redis_fsync */
};

struct settings {
    const char *file;             /* absolute path of config.yaml */
    sluice_texts listen;          /* "127.0.0.1:3000", "[::1]:3000", "unix:/path" */
    int64_t workers;              /* resolved: never 0 */
    int64_t gateways;             /* how many share the Redis, for local fallbacks */
    const char *data_dir;         /* absolute */
    const char *admin_token;      /* NULL: made at first start */
    sluice_texts trusted_proxies; /* CIDR */
    int64_t grace;                /* ms: shutdown.grace */
    int64_t log_level;            /* enum log_level */
    bool access_log;
    struct http_settings http;
    struct redis_settings redis;
    struct plugin_setting *plugins;
    size_t plugin_count;
    struct route_setting *routes;
    size_t route_count;
};

/* Reads `path` and applies `sets` ("workers=1", "plugins.ratelimit.policies.default.capacity=5").
 * Everything lives in `arena`. Every error is in `diag`; settings are usable only without. */
void settings_load(struct settings *settings, struct arena *arena, const char *path,
                   const char *const *sets, size_t set_count, struct diag *diag);

/* The options of the file itself, for docs and schema. */
struct option_table settings_options(void);

#endif
