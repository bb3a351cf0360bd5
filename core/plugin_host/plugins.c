/* Loading plugins: from a name in config.yaml to a configured plugin.
 *
 *   find -> copy -> dlopen -> sluice_plugin() -> descriptor checked -> options -> configure
 *
 * Each object is loaded from a private copy: overwriting a mapped file in place would kill the
 * processes that run it, and the next generation would get the old code from the loader's cache.
 * RTLD_LOCAL keeps plugins out of each other's names; RTLD_NODELETE, and never dlclose, keeps
 * every pointer that was handed out valid.
 *
 * SPDX-License-Identifier: MIT */
#include "plugins.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "crash.h"
#include "installation.h"
#include "log.h"
#include "object_file.h"
#include "options.h"
#include "registry.h"

/* ---- Finding ------------------------------------------------------------------------------ */

static const char *nearest_plugin(struct arena *arena, const char *name)
{
    struct names names = folder_names(arena, installed(arena, SHIPPED_PLUGINS), ".so");
    return nearest_word(name, names.items, names.count, sizeof *names.items);
}

static void not_found(struct plugins *plugins, const struct plugin_setting *setting,
                      const char *file)
{
    const char *near = setting->name ? nearest_plugin(plugins->arena, setting->name) : NULL;
    if (near)
        diag_add(plugins->diag, setting->mark, "there is no plugin \"%s\"; did you mean \"%s\"?",
                 setting->name, near);
    else if (setting->name)
        diag_add(plugins->diag, setting->mark,
                 "there is no plugin \"%s\" (looked for %s); a plugin of your own is listed as "
                 "path: FILE.so",
                 setting->name, file);
    else
        diag_add(plugins->diag, setting->mark, "no plugin at %s", file);
}

/* ---- Loading ------------------------------------------------------------------------------ */

static const char *file_to_load(struct plugins *plugins, const struct plugin_setting *setting,
                                const char *file, const char *copies)
{
    if (!copies)
        return file;
    const char *base = strrchr(file, '/');
    const char *copy =
        arena_printf(plugins->arena, "%s/%zu-%s", copies, plugins->count, base ? base + 1 : file);
    int error = object_copy(file, copy);
    if (error == 0)
        return copy;
    diag_add(plugins->diag, setting->mark, "can't copy %s to %s: %s", file, copy, strerror(-error));
    return NULL;
}

static bool descriptor_fits(struct plugins *plugins, const struct plugin_setting *setting,
                            const sluice_descriptor *descriptor, const char *file)
{
    if (!descriptor || descriptor->size < offsetof(sluice_descriptor, summary)) {
        diag_add(plugins->diag, setting->mark, "%s: sluice_plugin() gives no descriptor", file);
        return false;
    }
    if (descriptor->abi_major == SLUICE_ABI_MAJOR && descriptor->abi_minor <= SLUICE_ABI_MINOR)
        return true;
    diag_add(plugins->diag, setting->mark,
             "%s was built for plugin ABI %u.%u and this gateway has %d.%d; rebuild the plugin "
             "with this gateway's headers, or use a gateway with ABI %u.%u or later of the same "
             "major",
             file, descriptor->abi_major, descriptor->abi_minor, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR,
             descriptor->abi_major, descriptor->abi_minor);
    return false;
}

static const sluice_descriptor *load(struct plugins *plugins, const struct plugin_setting *setting,
                                     const char *file, const char *copies)
{
    if (access(file, R_OK) != 0) {
        not_found(plugins, setting, file);
        return NULL;
    }
    const char *object = file_to_load(plugins, setting, file, copies);
    if (!object)
        return NULL;
    void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        diag_add(plugins->diag, setting->mark, "can't load %s: %s", file, dlerror());
        return NULL;
    }
    sluice_plugin_fn *entry;
    *(void **)&entry = dlsym(handle, SLUICE_PLUGIN_SYMBOL);
    if (!entry) {
        diag_add(plugins->diag, setting->mark,
                 "%s exports no symbol " SLUICE_PLUGIN_SYMBOL "; is it a Sluice plugin?", file);
        return NULL;
    }
    const sluice_descriptor *descriptor = entry();
    return descriptor_fits(plugins, setting, descriptor, file) ? descriptor : NULL;
}

const sluice_descriptor *plugins_open(struct arena *arena, const char *file, struct diag *diag)
{
    struct plugins plugins = {.arena = arena, .diag = diag};
    struct plugin_setting setting = {.path = file, .mark = {file, 0, 0}};
    return load(&plugins, &setting, file, NULL);
}

/* ---- Configuring -------------------------------------------------------------------------- */

static void configure(struct plugins *plugins, struct plugin *plugin)
{
    const sluice_descriptor *descriptor = plugin->descriptor;
    unsigned before = plugins->diag->count;
    struct option_table table = {descriptor->options, descriptor->option_count,
                                 descriptor->option_stride};
    plugin->self = arena_alloc(plugins->arena, descriptor->self_size + 1, sizeof(void *) * 2);
    options_apply(table, plugin->name, plugin->setting->config, plugin->setting->mark, plugin->self,
                  plugins->arena, plugins->diag);
    if (plugins->diag->count != before)
        return;
    if (!descriptor->configure)
        return;
    crash_note(plugin->name, "configure");
    int32_t refused = descriptor->configure(&plugin->host, plugin->self);
    crash_note(NULL, NULL);
    if (refused && plugins->diag->count == before)
        diag_add(plugins->diag, plugin->setting->mark,
                 "%s refused its configuration without saying why", plugin->name);
}

static bool taken(const struct plugins *plugins, const char *name)
{
    for (size_t i = 0; i < plugins->count; i++)
        if (strcmp(plugins->items[i]->name, name) == 0)
            return true;
    return false;
}

static void add(struct plugins *plugins, const struct plugin_setting *setting, const char *copies)
{
    const char *file =
        setting->path ? setting->path
                      : arena_printf(plugins->arena, "%s/%s.so",
                                     installed(plugins->arena, SHIPPED_PLUGINS), setting->name);
    const sluice_descriptor *descriptor = load(plugins, setting, file, copies);
    if (!descriptor)
        return;
    if (taken(plugins, descriptor->name)) {
        diag_add(plugins->diag, setting->mark, "a plugin named \"%s\" is loaded already",
                 descriptor->name);
        return;
    }
    struct plugin *plugin = arena_new(plugins->arena, struct plugin);
    plugin->host.api = &host_api;
    plugin->descriptor = descriptor;
    plugin->name = descriptor->name;
    plugin->file = file;
    plugin->setting = setting;
    plugin->owner = plugins;
    plugin->index = plugins->count;
    object_build_id(file, plugin->build_id);
    plugins->items[plugins->count++] = plugin;
    configure(plugins, plugin);
    if (copies)
        log_info("plugin %s %s from %s (build id %s)", plugin->name, descriptor->version, file,
                 plugin->build_id[0] ? plugin->build_id : "none");
}

/* Hooks are registered in config order; those that look at answers run the other way round. */
static void reverse(struct hook_list *list)
{
    for (size_t i = 0; i < list->count / 2; i++) {
        struct hook other = list->items[i];
        list->items[i] = list->items[list->count - 1 - i];
        list->items[list->count - 1 - i] = other;
    }
}

/* Who registers handlers relies on their being run. */
static void check_jobs(const struct plugins *plugins)
{
    const struct job_handlers *handlers = plugins->job_handlers;
    if (handlers && !plugins->runs_jobs)
        diag_add(plugins->diag, handlers->plugin->setting->mark,
                 "%s has a handler for jobs of type \"%s\", and no plugin runs jobs: list jobs "
                 "among the plugins",
                 handlers->plugin->name, handlers->rows[0].type);
}

void plugins_load(struct plugins *plugins, struct arena *arena, const struct settings *settings,
                  struct router *router, const char *copies, struct diag *diag)
{
    memset(plugins, 0, sizeof *plugins);
    plugins->arena = arena;
    plugins->diag = diag;
    plugins->router = router;
    plugins->settings = settings;
    plugins->items = arena_array(arena, struct plugin *, settings->plugin_count + 1);
    for (size_t i = 0; i < settings->plugin_count; i++)
        add(plugins, &settings->plugins[i], copies);
    reverse(&plugins->hooks[SLUICE_AFTER]);
    reverse(&plugins->hooks[SLUICE_LOG]);
    check_jobs(plugins);
    plugins->diag = NULL;
}

uint32_t plugins_identities(const struct plugins *plugins)
{
    uint32_t kinds = SLUICE_IDENTITY_ADMIN;
    for (size_t i = 0; i < plugins->count; i++)
        kinds |= plugins->items[i]->identities;
    return kinds;
}

const struct service *plugins_service(const struct plugins *plugins, const char *name,
                                      uint32_t version)
{
    for (const struct service *each = plugins->services; each; each = each->next)
        if (each->version >= version && strcmp(each->name, name) == 0)
            return each;
    return NULL;
}

const sluice_job_handler *plugins_job_handler(const struct plugins *plugins, uint32_t i,
                                              const struct plugin **ret_plugin)
{
    for (const struct job_handlers *each = plugins->job_handlers; each; each = each->next) {
        if (i < each->count) {
            *ret_plugin = each->plugin;
            return (const void *)((const char *)each->rows + (size_t)each->stride * i);
        }
        i -= each->count;
    }
    return NULL;
}

int plugins_have_policy(const struct plugins *plugins, const char *limit)
{
    for (const struct policy_name *each = plugins->policies; each; each = each->next)
        if (strcmp(each->name, limit) == 0)
            return 1;
    return 0;
}
