/* The commands of `sluice`: the call and its options, and those that are about a configuration.
 *
 *   argv -> the longest command that it names -> options, operands -> that command
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

int call_build(const struct call *call, struct gateway *gateway)
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
    int failed = call_build(call, &gateway);
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
    int failed = call_build(call, &gateway);
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
    int failed = call_build(call, &gateway);
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
    const char *name;     /* one word or two */
    const char *operands; /* as in the usage */
    int least, most;      /* operands */
    int (*run)(const struct call *call);
    const char *help;
} commands[] = {
    {"run", "", 0, 0, run, "serve until SIGTERM; SIGHUP reloads"},
    {"check", "", 0, 0, check, "validate the configuration and every plugin it names"},
    {"routes", "", 0, 0, routes, "list the routes with their plugin, auth, limit, largest body"},
    {"reload", "", 0, 0, reload, "have the running gateway read its configuration again"},
    {"schema", "", 0, 0, command_schema, "a JSON Schema of the configuration, for editors"},
    {"plugin new", "NAME [FOLDER]", 1, 2, command_plugin_new, "write a plugin to start from"},
    {"plugin check", "FILE.so [OPTIONS.yaml]", 1, 2, command_plugin_check,
     "runs a plugin's whole life with everything going wrong"},
    {"plugin docs", "[FILE.so]", 0, 1, command_plugin_docs, "the reference of all options"},
    {"version", "", 0, 0, version, "this version and those of its libraries"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

/* How many words of argv are the command's name; 0: it is another one. */
static int names(const struct command *command, int argc, char **argv)
{
    const char *second = strchr(command->name, ' ');
    if (!second)
        return argc > 1 && strcmp(argv[1], command->name) == 0 ? 1 : 0;
    size_t len = (size_t)(second - command->name);
    return argc > 2 && strlen(argv[1]) == len && strncmp(argv[1], command->name, len) == 0 &&
                   strcmp(argv[2], second + 1) == 0
               ? 2
               : 0;
}

static const struct command *find(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        int words = names(&commands[i], argc, argv);
        if (!words)
            continue;
        *ret_words = words;
        return &commands[i];
    }
    return NULL;
}

static void usage(FILE *to)
{
    char form[64];
    fputs("usage: sluice COMMAND [-c config.yaml] [--set key=value]...\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)snprintf(form, sizeof form, "%s %s", commands[i].name, commands[i].operands);
        fprintf(to, "  %-25s %s\n", form, commands[i].help);
    }
    fputs("\n  -c, --config FILE   the configuration, config.yaml unless named\n"
          "  --set key=value     overrides one of its values: --set listen=127.0.0.1:8080\n"
          "  -h, --help          this text\n",
          to);
}

static int take_operands(int argc, char **argv, const struct command *command, struct call *call)
{
    for (int i = optind; i < argc; i++) {
        if (call->operand_count == command->most) {
            fprintf(stderr, "sluice: unexpected \"%s\"\n", argv[i]);
            return 2;
        }
        call->operands[call->operand_count++] = argv[i];
    }
    if (call->operand_count >= command->least)
        return 0;
    fprintf(stderr, "sluice: expected sluice %s %s\n", command->name, command->operands);
    return 2;
}

/* 0, or 2 after saying what is wrong. *ret_help: only the usage is wanted. */
static int parse(int argc, char **argv, const struct command *command, struct call *call,
                 bool *ret_help)
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
    return take_operands(argc, argv, command, call);
}

int commands_main(int argc, char **argv)
{
    struct call call = {.config = "config.yaml"};
    const char *name = argc > 1 ? argv[1] : "";
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    int words = 0;
    const struct command *command = find(argc, argv, &words);
    int wrong = command ? parse(argc - words, argv + words, command, &call, &help) : 0;
    if (help) {
        usage(stdout);
        return 0;
    }
    if (command)
        return wrong ? wrong : command->run(&call);
    if (*name)
        fprintf(stderr, "sluice: there is no command \"%s%s%s\"\n\n", name, argc > 2 ? " " : "",
                argc > 2 ? argv[2] : "");
    usage(stderr);
    return 2;
}
