/* The plugin host: loads shared objects, configures them, and keeps what they registered.
 *
 *   plugins_load -> sluice_plugin() -> options -> configure -> routes, hooks, scripts, services
 *
 * The host owns every registration, tagged with its plugin. Nothing is ever unloaded: a process
 * that has loaded a plugin keeps its code until it ends.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_PLUGINS_H
#define SLUICE_CORE_PLUGINS_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/abi.h>

#include "arena.h"
#include "diag.h"
#include "redis.h"
#include "router.h"
#include "settings.h"

struct plugin {
    sluice_host host; /* first: the handle its configure gets */
    const sluice_descriptor *descriptor;
    void *self;
    const char *name;
    const char *file;  /* the original, not its copy */
    char build_id[41]; /* of the object that was loaded, hex; "" where it has none */
    const struct plugin_setting *setting;
    struct plugins *owner;
    uint32_t identities; /* what its authenticator can set */
    size_t index;
};

struct hook {
    const struct plugin *plugin;
    sluice_step *step;
    const char *name;
    uint32_t flags;
};

struct hook_list {
    struct hook *items;
    size_t count, size;
};

struct service {
    const char *name;
    uint32_t version;
    const void *table;
    const struct plugin *plugin;
    struct service *next;
};

struct policy_name {
    const char *name;
    struct policy_name *next;
};

struct process {
    const struct plugin *plugin;
    sluice_process row;
};

/* Rows that one plugin registered together. */
struct job_handlers {
    const struct plugin *plugin;
    const sluice_job_handler *rows;
    uint32_t count, stride;
    struct job_handlers *next;
};

#define HOOK_KINDS 5u /* SLUICE_AUTHENTICATE to SLUICE_BODY, the index of `hooks` */

struct plugins {
    struct arena *arena;
    struct diag *diag; /* while configuring; NULL afterwards */
    struct router *router;
    const struct settings *settings;
    struct plugin **items; /* in config order */
    size_t count;
    struct hook_list hooks[HOOK_KINDS]; /* in the order in which they run */
    struct sluice_script *scripts;
    struct service *services;
    struct policy_name *policies;
    struct process *processes;
    size_t process_count, process_size;
    struct job_handlers *job_handlers;
    const struct plugin *runs_jobs; /* NULL: none does */
};

/* Loads and configures every plugin of the settings; errors go to `diag`. `copies` as in
 * gateway.h. */
void plugins_load(struct plugins *plugins, struct arena *arena, const struct settings *settings,
                  struct router *router, const char *copies, struct diag *diag);

/* Loads an object in place, for its descriptor alone: nothing is configured. NULL after telling why
 * in `diag`. */
const sluice_descriptor *plugins_open(struct arena *arena, const char *file, struct diag *diag);

/* Which identities some authenticator can set; the admin token always works. */
uint32_t plugins_identities(const struct plugins *plugins);

const struct service *plugins_service(const struct plugins *plugins, const char *name,
                                      uint32_t version);
/* The i-th job handler of all, with its plugin in *ret_plugin; NULL beyond the last. */
const sluice_job_handler *plugins_job_handler(const struct plugins *plugins, uint32_t i,
                                              const struct plugin **ret_plugin);
int plugins_have_policy(const struct plugins *plugins, const char *limit);

#endif
