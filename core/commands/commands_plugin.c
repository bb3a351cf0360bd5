/* The commands for who writes plugins: a new one, its check, the reference of its options, the editor
 * schema.
 *
 * SPDX-License-Identifier: MIT */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "gateway.h"
#include "installation.h"
#include "option_docs.h"
#include "scaffold.h"
#include "schema.h"

/* ---- sluice plugin new -------------------------------------------------------------------- */

static int complain(const char *why)
{
    fprintf(stderr, "sluice: %s\n", why);
    return 1;
}

static void print_next(const char *name, const char *folder)
{
    printf("%s is in %s. It builds, and its tests pass:\n\n"
           "  cd %s\n"
           "  cmake -B build && cmake --build build && ctest --test-dir build\n"
           "  sluice run -c config.yaml\n\n"
           "README.md in it says what it does, and sluice/plugin.h what a plugin can.\n",
           name, folder, folder);
}

int command_plugin_new(const struct call *call)
{
    struct arena arena = ARENA_INIT;
    const char *name = call->operands[0];
    const char *folder = call->operand_count > 1 ? call->operands[1] : name;
    const char *why = scaffold_refuses(&arena, name);
    if (!why)
        (void)scaffold_write(&arena, installed(&arena, SHIPPED_TEMPLATE), name, folder, &why);
    int failed = why ? complain(why) : 0;
    if (!failed)
        print_next(name, folder);
    arena_release(&arena);
    return failed;
}

/* ---- sluice plugin check ------------------------------------------------------------------ */

/* A program of its own: it has the test host, which no gateway needs. */
int command_plugin_check(const struct call *call)
{
    struct arena arena = ARENA_INIT;
    const char *program = installed(&arena, SHIPPED_CHECK);
    (void)execl(program, program, call->operands[0],
                call->operand_count > 1 ? call->operands[1] : (char *)NULL, (char *)NULL);
    fprintf(stderr, "sluice: can't run %s: %s; it is built with the tests (SLUICE_TESTS=ON)\n",
            program, strerror(errno));
    arena_release(&arena);
    return 1;
}

/* ---- Options ------------------------------------------------------------------------------ */

/* Everything or nothing on standard output: it often goes to a file. */
static int print(const struct text *text, const struct diag *diag)
{
    if (diag->count) {
        fputs(diag->lines.data, stderr);
        return 1;
    }
    fwrite(text->data, 1, text->len, stdout);
    return fflush(stdout) == 0 ? 0 : complain("can't write to standard output");
}

typedef void add_all_fn(struct text *text, struct arena *arena, const struct catalogue *catalogue);

/* What `add` makes of all plugins. */
static int print_all(const struct call *call, add_all_fn *add)
{
    struct gateway gateway;
    int failed = call_build(call, &gateway);
    if (!failed) {
        struct catalogue catalogue;
        struct diag diag;
        struct text text;
        diag_init(&diag);
        text_init(&text, &gateway.arena);
        catalogue_read(&catalogue, &gateway, &gateway.arena, &diag);
        add(&text, &gateway.arena, &catalogue);
        failed = print(&text, &diag);
        diag_release(&diag);
    }
    gateway_release(&gateway);
    return failed;
}

static int print_one(const char *file)
{
    struct arena arena = ARENA_INIT;
    struct diag diag;
    struct text text;
    diag_init(&diag);
    text_init(&text, &arena);
    const sluice_descriptor *descriptor = plugins_open(&arena, file, &diag);
    if (descriptor)
        docs_add_plugin(&text, &arena, descriptor);
    int failed = print(&text, &diag);
    diag_release(&diag);
    arena_release(&arena);
    return failed;
}

int command_plugin_docs(const struct call *call)
{
    return call->operand_count ? print_one(call->operands[0]) : print_all(call, docs_add_all);
}

int command_schema(const struct call *call)
{
    return print_all(call, schema_add);
}
