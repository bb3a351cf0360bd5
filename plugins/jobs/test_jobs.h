/* Gateways with jobs and the handlers of examples/errands: for the end-to-end suites of jobs.
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_TEST_JOBS_H
#define JOBS_TEST_JOBS_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <client.h>
#include <hiredis/hiredis.h>

#define CONFIG_ERRANDS "  - path: " ERRANDS_PLUGIN "\n"

/* `jobs` are its options, as a flow mapping. */
#define CONFIG_JOBS(store, jobs)                                                                   \
    CONFIG_HEAD "workers: 1\n" store "plugins:\n  - apikey\n  - jobs: " jobs "\n" CONFIG_ERRANDS

/* A client and the header with its key. */
static inline const char *make_client(struct world *world, const char *id)
{
    char body[256];
    (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"%s\"}", id, id);
    struct answer *made = http(world, "POST", "/clients/createClient", as_admin(world), body);
    assert_status(made, 200);
    return with_key(world, text_of(made, "apiKey"));
}

static inline struct answer *post(struct world *world, const char *path, const char *headers,
                                  const char *body)
{
    return http(world, "POST", path, headers, body);
}

/* Enqueues, and gives the id. */
static inline const char *enqueue(struct world *world, const char *key, const char *body)
{
    struct answer *made = post(world, "/v1/jobs", key, body);
    assert_status(made, 201);
    return text_of(made, "id");
}

static inline struct answer *job(struct world *world, const char *key, const char *id)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/jobs/%s", id);
    struct answer *answer = get(world, path, key);
    assert_status(answer, 200);
    return answer;
}

static inline bool is_in_state(struct world *world, const char *key, const char *id,
                               const char *state)
{
    return strcmp(text_of(job(world, key, id), "state"), state) == 0;
}

/* Waits until the job is so, and gives it. */
static inline struct answer *until(struct world *world, const char *key, const char *id,
                                   const char *state)
{
    wait_until(world, is_in_state(world, key, id, state));
    return job(world, key, id);
}

static inline long long queue_number(struct world *world, const char *queue, const char *member)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/queues/%s", queue);
    struct answer *answer = get(world, path, as_admin(world));
    assert_status(answer, 200);
    return number_of(answer, member);
}

/* Does something with a queue: "jobs/pause", "jobs/dead/requeue". */
static inline struct answer *manage(struct world *world, const char *what, const char *body)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/queues/%s", what);
    struct answer *answer = post(world, path, as_admin(world), body);
    assert_status(answer, 200);
    return answer;
}

/* A job's i-th failure. */
static inline json_t *failure_of(const struct answer *job, size_t i)
{
    json_t *failure = json_array_get(json_object_get(job->json, "failures"), i);
    assert_non_null(failure);
    return failure;
}

static inline const char *text_in(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    assert_non_null(text);
    return text;
}

/* Executors lead process groups of their own; nobody else below the generation does. */
static inline bool is_executor(pid_t pid)
{
    return getpgid(pid) == pid;
}

#endif
