/* Which requests, and which replies to each of their questions.
 *
 *   every route x who may -> with no body, and one that it takes -> every choice at every question
 *
 * Choices are explored as a tree: a run that met n questions is followed by those that choose
 * otherwise at one of them. The tree of one request is bounded, and walked breadth first.
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 3000 /* of one request */
#define ROUTES_MAX 200
#define TARGET_SIZE 512

/* ---- The tree of choices ---------------------------------------------------------------------- */

struct todo {
    struct course items[RUNS_MAX];
    unsigned first, count;
};

static void follow(struct todo *todo, const struct course *course)
{
    for (unsigned at = course->chosen; at < course->questions; at++)
        for (unsigned choice = 1; choice < course->could[at] && todo->count < RUNS_MAX; choice++) {
            struct course *next = &todo->items[todo->count++];
            *next = *course;
            for (unsigned i = course->chosen; i < at; i++)
                next->choices[i] = 0;
            next->choices[at] = choice;
            next->chosen = at + 1;
        }
}

/* False when nothing was asked of Redis. */
static bool explore_request(struct check *check, const struct wish *wish)
{
    struct todo *todo = calloc(1, sizeof *todo);
    bool asked = false;
    if (!todo)
        return false;
    todo->count = 1;
    while (todo->first < todo->count) {
        struct course course = todo->items[todo->first++];
        (void)run(check, wish, &course, NULL);
        asked |= course.questions > 0;
        follow(todo, &course);
    }
    check->shared->cut += todo->count == RUNS_MAX;
    free(todo);
    return asked;
}

/* ---- Requests --------------------------------------------------------------------------------- */

/* The pattern with this in the place of its parameters. */
static void fill(const char *pattern, const char *value, char ret_target[TARGET_SIZE])
{
    size_t len = 0;
    for (const char *at = pattern; *at && len < TARGET_SIZE - 1; at++) {
        if (*at != '{') {
            ret_target[len++] = *at;
            continue;
        }
        int added = snprintf(ret_target + len, TARGET_SIZE - len, "%s", value);
        len = len + (size_t)added < TARGET_SIZE ? len + (size_t)added : TARGET_SIZE - 1;
        at = strchr(at, '}');
    }
    ret_target[len] = '\0';
}

static bool takes_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

/* Those that the route lets in are explored. False when it asked nothing of Redis. */
static bool explore_target(struct check *check, const char *method, const char *target)
{
    bool asked = false;
    for (enum who who = WHO_CLIENT; who < WHO_COUNT; who++) {
        struct wish wish = {method, target, NULL, who};
        struct course course = {.chosen = 0};
        uint32_t status = run(check, &wish, &course, NULL);
        if (status == 401 || status == 403)
            continue;
        asked |= explore_request(check, &wish);
        if (!takes_body(method))
            continue;
        wish.body = body_learn(check, &wish);
        asked |= explore_request(check, &wish);
        free(wish.body);
    }
    return asked;
}

/* A name first; ids of other kinds where no name will do. */
static void explore_route(struct check *check, const char *method, const char *pattern)
{
    static const char *const values[] = {
        "a1", "01ARZ3NDEKTSV4RRFFQ69G5FAV.jobs",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV.jobs.1.c0ffee00c0ffee00c0ffee00c0ffee00"};
    size_t count = strchr(pattern, '{') ? sizeof values / sizeof values[0] : 1;
    for (size_t i = 0; i < count; i++) {
        char target[TARGET_SIZE];
        fill(pattern, values[i], target);
        if (explore_target(check, method, target))
            return;
    }
}

/* Routes are known when the plugin is configured; what is not known, hooks see as well. */
void explore(struct check *check)
{
    char *methods[ROUTES_MAX] = {"GET", "OPTIONS", "POST"};
    char *patterns[ROUTES_MAX] = {"/there/is/no/such/route", "/there/is/no/such/route",
                                  "/there/is/no/such/route"};
    uint32_t count = 3;
    const sluice_route *route;
    struct test_host *host = make_host(check);
    for (uint32_t i = 0; (route = test_route(host, i)) != NULL && count < ROUTES_MAX; i++) {
        methods[count] = strdup(route->method);
        patterns[count++] = strdup(route->path);
    }
    test_host_free(host);
    for (uint32_t i = 0; i < count; i++)
        explore_route(check, methods[i], patterns[i]);
}
