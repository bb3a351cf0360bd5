/* What the unit tests of the jobs' HTTP paths share: the plugin with a handler, and refusals.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_JOBS_HTTP_H
#define TEST_JOBS_HTTP_H

#include <sluice_test.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/job.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SCRIPT_KEYS 8u
#define COMMON_ARGS 11u /* the keys, and what every script is told of the queue */
#define ARGS_MAX 1500u
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- The plugin, with a handler ----------------------------------------------------------- */

static inline sluice_outcome resize(sluice_job *job, void *self)
{
    (void)self;
    return sluice_job_done(job, sluice_bytes_of("", 0));
}

static inline int32_t configure(sluice_host *host, void *self)
{
    static const sluice_job_handler handlers[] = {
        {.type = "resize",
         .queue = "images",
         SLUICE_RUN(resize),
         .timeout_ms = 60000,
         .retries = 7},
        {.type = "crop", .queue = "images", SLUICE_RUN(resize), .retries = SLUICE_NO_RETRIES},
    };
    sluice_job_handlers(host, handlers);
    return sluice_plugin()->configure(host, self);
}

static inline struct test_host *start_with(const char *options, const char *policy)
{
    static sluice_descriptor plugin;
    plugin = *sluice_plugin();
    plugin.configure = configure;
    struct test_host *host = test_host_prepare(&plugin, options);
    assert_string_equal(test_errors(host), "");
    expect_ask(host, "CONFIG", "GET", "maxmemory-policy");
    reply_array(host, "maxmemory-policy", policy);
    test_start(host);
    test_client(host, "acme", "acme-space", "jobs:work");
    return host;
}

static inline int set_up(void **state)
{
    *state = start_with("payload_max: 100\nresult_max: 100\n", "noeviction");
    return 0;
}

static inline int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static inline struct test_answer *send_json(struct test_host *host, const char *method,
                                            const char *path, const char *body)
{
    if (body)
        test_header(host, "Content-Type", "application/json");
    return request(host, method, path, body);
}

/* A script is asked, with any arguments; the reply to it comes next. */
static inline void expect_script(struct test_host *host, const char *name, uint32_t argc)
{
    sluice_arg args[ARGS_MAX];
    assert_true(argc <= ARGS_MAX);
    for (uint32_t i = 0; i < argc; i++)
        args[i] = test_any();
    test_expect_run(host, name, SCRIPT_KEYS, args, argc, sizeof args[0]);
}

/* enqueue.lua, with so many jobs. */
static inline void expect_enqueue(struct test_host *host, uint32_t jobs)
{
    expect_script(TEST_HERE(host), "enqueue", COMMON_ARGS + 1 + jobs * 14);
}

static inline void assert_asked(struct test_host *host, uint32_t what, const char *expected)
{
    const char *asked = test_asked(host, what);
    assert_non_null(asked);
    assert_string_equal(asked, expected);
}

struct refusal {
    const char *body, *pointer;
};

static inline void assert_refused(struct test_answer *answer, const char *body, const char *error,
                                  const char *member, const char *pointer)
{
    const char *found = test_json(answer, member);
    if (!found || strcmp(found, pointer) != 0)
        fail_msg("%s\nexpected an error at %s, got %s", body, pointer, answer->body);
    assert_status(answer, 422);
    assert_json(answer, "error", error);
    assert_no_json(answer, "/errors/1");
}

static inline void refuses_each(struct test_host *host, const char *method, const char *path,
                                const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(send_json(host, method, path, refusals[i].body), refusals[i].body,
                       "invalid_body", "/errors/0/pointer", refusals[i].pointer);
}

static inline void refuses_parameter(struct test_host *host, const char *method, const char *path,
                                     const char *parameter)
{
    const char *body = strcmp(method, "GET") == 0 ? NULL : "{}";
    assert_refused(send_json(host, method, path, body), path, "invalid_parameter",
                   "/errors/0/parameter", parameter);
}

/* {"member": "xxx..."} */
static inline const char *with_text(const char *before, size_t len, const char *behind)
{
    static char text[4096];
    assert_true(strlen(before) + len + strlen(behind) < sizeof text);
    char *at = stpcpy(text, before);
    memset(at, 'x', len);
    (void)strcpy(at + len, behind);
    return text;
}

#endif
