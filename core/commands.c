/* The commands of `sluice`: run, check, routes, reload, version.
 *
 * SPDX-License-Identifier: MIT */
#include "commands.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <uv.h>
#include <yaml.h>

#include <sluice/abi.h>

#include "gateway.h"
#include "master.h"
#include "reload.h"
#include "version.h"

#define SETS_MAX 64

struct call {
    const char *config;
    const char *sets[SETS_MAX];
    size_t set_count;
};

static struct gateway_source source_of(const struct call *call)
{
    return (struct gateway_source){
        .config = call->config, .sets = call->sets, .set_count = call->set_count};
}

static int run(const struct call *call)
{
    struct gateway_source source = source_of(call);
    return master_main(&source);
}

/* ---- Looking at a configuration ----------------------------------------------------------- */

/* Reads as far as it can, so that one call tells every error. 0, or 1 after telling them. */
static int build(const struct call *call, struct gateway *gateway)
{
    struct gateway_source source = source_of(call);
    struct diag diag;
    diag_init(&diag);
    (void)gateway_read(gateway, &source, &diag);
    (void)gateway_build(gateway, &source, &diag);
    int failed = diag.count > 0;
    if (failed)
        fprintf(stderr, "%s%s: %u error%s\n", diag.lines.data, call->config, diag.count,
                diag.count == 1 ? "" : "s");
    diag_release(&diag);
    return failed;
}

static int check(const struct call *call)
{
    struct gateway gateway;
    size_t routes = 0;
    int failed = build(call, &gateway);
    if (!failed) {
        (void)router_routes(gateway.router, &routes);
        printf("%s: ok (%zu plugins, %zu routes)\n", call->config, gateway.plugins.count, routes);
    }
    gateway_release(&gateway);
    return failed;
}

static void print_route(const struct route *route)
{
    const char *limit = route->limit ? route->limit : "default";
    printf("%-7s %-36s %-12s %-32s %-8s %llu\n", route->method, route->pattern,
           route->plugin ? route->plugin->name : "core", route->auth, limit,
           (unsigned long long)route->body_max);
}

static int routes(const struct call *call)
{
    struct gateway gateway;
    int failed = build(call, &gateway);
    if (!failed) {
        size_t count;
        struct route *const *all = router_routes(gateway.router, &count);
        printf("%-7s %-36s %-12s %-32s %-8s %s\n", "METHOD", "PATH", "PLUGIN", "AUTH", "LIMIT",
               "BODY");
        for (size_t i = 0; i < count; i++)
            print_route(all[i]);
    }
    gateway_release(&gateway);
    return failed;
}

/* A configuration with errors is told here and now, and the gateway is left alone. */
static int reload(const struct call *call)
{
    struct gateway gateway;
    int failed = build(call, &gateway);
    if (!failed)
        failed = reload_main(gateway.settings.data_dir);
    gateway_release(&gateway);
    return failed;
}

static int version(const struct call *call)
{
    int major, minor, patch;
    (void)call;
    yaml_get_version(&major, &minor, &patch);
    printf("sluice %s (plugin ABI %d.%d)\n", SLUICE_VERSION, SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR);
    printf("libmicrohttpd %s\n", MHD_get_version());
    printf("hiredis %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    printf("libuv %s\n", uv_version_string());
    printf("OpenSSL %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    printf("libyaml %d.%d.%d\n", major, minor, patch);
    return 0;
}

/* ---- The call ----------------------------------------------------------------------------- */

static const struct command {
    const char *name;
    int (*run)(const struct call *call);
    const char *help;
} commands[] = {
    {"run", run, "serve until SIGTERM; SIGHUP reloads"},
    {"check", check, "validate the configuration and every plugin it names; print every error"},
    {"routes", routes, "list the routes with their plugin, auth, limit and largest body"},
    {"reload", reload, "have the running gateway read its configuration again; say how it went"},
    {"version", version, "this version and those of its libraries"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void usage(FILE *to)
{
    fputs("usage: sluice COMMAND [-c config.yaml] [--set key=value]...\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].help);
    fputs("\n  -c, --config FILE   the configuration, config.yaml unless named\n"
          "  --set key=value     overrides one of its values: --set listen=127.0.0.1:8080\n"
          "  -h, --help          this text\n",
          to);
}

/* 0, or 2 after saying what is wrong. *ret_help: only the usage is wanted. */
static int parse(int argc, char **argv, struct call *call, bool *ret_help)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        if (option == 'c') {
            call->config = optarg;
        } else if (option == 'h') {
            *ret_help = true;
            return 0;
        } else if (option == 's' && call->set_count < SETS_MAX) {
            call->sets[call->set_count++] = optarg;
        } else if (option == 's') {
            fprintf(stderr, "sluice: more than %d --set\n", SETS_MAX);
            return 2;
        } else {
            return 2; /* getopt has said why */
        }
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "sluice: unexpected \"%s\"\n", argv[optind]);
    return 2;
}

int commands_main(int argc, char **argv)
{
    struct call call = {.config = "config.yaml"};
    const char *name = argc > 1 ? argv[1] : "";
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    const struct command *command = find(name);
    int wrong = command ? parse(argc - 1, argv + 1, &call, &help) : 0;
    if (help) {
        usage(stdout);
        return 0;
    }
    if (command)
        return wrong ? wrong : command->run(&call);
    if (*name)
        fprintf(stderr, "sluice: there is no command \"%s\"\n\n", name);
    usage(stderr);
    return 2;
}
