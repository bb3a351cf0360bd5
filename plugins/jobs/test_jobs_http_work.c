/* What requests of workers, and about queues, dead letters and single jobs may say, and who may.
 *
 *   request -> 4xx and nothing was asked, or one call whose arguments are looked at
 *
 * SPDX-License-Identifier: MIT */
#include "test_jobs_http.h"

#define ULID "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define JOB ULID ".mail"
#define LEASE "/v1/leases/" JOB ".1.c0ffee"
#define QUEUE "/v1/queues/mail"

/* ---- Leasing ------------------------------------------------------------------------------ */

/* Where scripts of one job find what, counted from their first key; reserve.lua beside it. */
enum { ARG_ID = 11, ARG_EPOCH, ARG_SPACE = 12, ARG_FIRST = 13, RESERVE_MOST = 11, RESERVE_LEASE };

static void each_rule_of_leasing_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{\"max\":0}", "/max"},
        {"{\"max\":101}", "/max"},
        {"{\"max\":\"1\"}", "/max"},
        {"{\"waitMs\":-1}", "/waitMs"},
        {"{\"waitMs\":30001}", "/waitMs"},
        {"{\"leaseMs\":999}", "/leaseMs"},
        {"{\"leaseMs\":3600001}", "/leaseMs"},
        {"{\"queue\":\"mail\"}", "/queue"},
    };
    refuses_each(*state, "POST", QUEUE "/lease", refusals, COUNT(refusals));
    refuses_parameter(*state, "POST", "/v1/queues/dead/lease", "q");
}

static void a_lease_is_id_epoch_and_a_secret_that_the_script_was_told(void **state)
{
    struct test_host *host = *state;
    char lease[128];
    expect_script(host, "reserve", COMMON_ARGS + 6);
    reply_array(host, 1000, -1, -1, 0, 0,
                test_array(host, test_array(host, JOB, 3, "send", "{\"a\":1}", "s", "c", 2, "", 1,
                                            1, 1, test_nil())),
                test_empty_array(host));
    struct test_answer *answer =
        send_json(host, "POST", QUEUE "/lease", "{\"max\":5,\"leaseMs\":2000}");
    assert_status(answer, 200);
    assert_asked(host, RESERVE_MOST, "5");
    assert_asked(host, RESERVE_LEASE, "2000");
    assert_int_equal(strlen(test_asked(host, RESERVE_LEASE + 2)), 32);
    (void)snprintf(lease, sizeof lease, JOB ".3.%s", test_asked(host, RESERVE_LEASE + 2));
    assert_json(answer, "/jobs/0/lease", (const char *)lease);
    assert_json(answer, "/jobs/0/id", JOB);
    assert_json(answer, "/jobs/0/attempt", 2);
    assert_json(answer, "/jobs/0/payload/a", 1);
    assert_json(answer, "/jobs/0/deadline", "1970-01-01T00:00:03.000Z");
}

static void a_queue_may_name_its_workers(void **state)
{
    expect_script(*state, "reserve", COMMON_ARGS + 6);
    reply_text(*state, "forbidden");
    struct test_answer *answer = send_json(*state, "POST", QUEUE "/lease", "{}");
    assert_status(answer, 403);
    assert_json(answer, "error", "not_a_worker");
}

/* ---- Who may work ------------------------------------------------------------------------- */

static void working_needs_a_scope(void **state)
{
    static const char *const scopes[] = {"", "jobs:work:other", "jobs:manage", "jobs:wor",
                                         "jobs:work:mail2"};
    static const char *const paths[] = {QUEUE "/lease", LEASE "/ack", LEASE "/fail",
                                        LEASE "/heartbeat", LEASE "/log"};
    struct test_host *host = *state;
    for (size_t i = 0; i < COUNT(scopes) * COUNT(paths); i++) {
        test_client(host, "acme", "acme-space", scopes[i / COUNT(paths)]);
        struct test_answer *answer = send_json(host, "POST", paths[i % COUNT(paths)], "{}");
        assert_status(answer, 403);
        assert_json(answer, "error", "forbidden");
    }
}

static void a_scope_for_the_queue_is_enough(void **state)
{
    static const char *const scopes[] = {"jobs:work", "x jobs:work:mail", "admin:jobs"};
    struct test_host *host = *state;
    for (size_t i = 0; i < COUNT(scopes); i++) {
        test_client(host, "acme", "acme-space", scopes[i]);
        expect_script(host, "ack", COMMON_ARGS + 5);
        reply_array(host, 1);
        assert_status(request(host, "POST", LEASE "/ack", NULL), 204);
    }
    test_admin(host);
    expect_script(host, "ack", COMMON_ARGS + 5);
    reply_array(host, 1);
    assert_status(request(host, "POST", LEASE "/ack", NULL), 204);
}

static void what_is_no_lease_is_a_404(void **state)
{
    static const char *const leases[] = {
        "x",
        JOB,
        JOB ".1",
        JOB ".x.c0ffee",
        JOB "..c0ffee",
        JOB ".1.C0FFEE",
        ULID ".dead.1.c0ffee",
        ULID ".1.c0ffee",
        "01ARZ3NDEKTSV4RRFFQ69G5FA.mail.1.c0ffee",
        JOB ".-1.c0ffee",
        "01ARZ3NDEKTSV4RRFFQ69G5FAu.mail.1.c0ffee",
    };
    static const char *const verbs[] = {"ack", "fail", "heartbeat", "log"};
    for (size_t i = 0; i < COUNT(leases) * COUNT(verbs); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/v1/leases/%s/%s", leases[i / COUNT(verbs)],
                       verbs[i % COUNT(verbs)]);
        struct test_answer *answer = send_json(*state, "POST", path, "{}");
        if (answer->status != 404)
            fail_msg("%s: %u %s", path, answer->status, answer->body);
        assert_json(answer, "error", "lease_not_found");
    }
}

static void an_ended_lease_is_a_409(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answers[4];
    expect_script(host, "ack", COMMON_ARGS + 5);
    reply_array(host, 0);
    answers[0] = send_json(host, "POST", LEASE "/ack", "{}");
    expect_ask(host, "HMGET", "job:" JOB, "backoff", "attempt");
    reply_array(host, "fixed 5s", 1);
    expect_script(host, "fail", COMMON_ARGS + 6);
    reply_text(host, "lost");
    answers[1] = send_json(host, "POST", LEASE "/fail", "{\"error\":\"no\"}");
    expect_script(host, "heartbeat", COMMON_ARGS + 4);
    reply_array(host, JOB, "1:c0ffee", "lost");
    answers[2] = send_json(host, "POST", LEASE "/heartbeat", NULL);
    expect_script(host, "log", COMMON_ARGS + 3);
    reply_int(host, 0);
    answers[3] = send_json(host, "POST", LEASE "/log", "{\"lines\":[\"a\"]}");
    for (size_t i = 0; i < COUNT(answers); i++) {
        assert_status(answers[i], 409);
        assert_json(answers[i], "error", "lease_lost");
    }
}

/* ---- With a lease ------------------------------------------------------------------------- */

static void a_result_is_any_json_up_to_its_limit(void **state)
{
    struct test_host *host = *state;
    expect_script(host, "ack", COMMON_ARGS + 5);
    reply_array(host, 1);
    assert_status(send_json(host, "POST", LEASE "/ack", "{\"result\":[1, \"a\"]}"), 204);
    assert_asked(host, ARG_ID, JOB);
    assert_asked(host, ARG_EPOCH, "1:c0ffee");
    assert_asked(host, ARG_FIRST, "[1,\"a\"]");
    struct test_answer *answer =
        send_json(host, "POST", LEASE "/ack", with_text("{\"result\":\"", 99, "\"}"));
    assert_status(answer, 413);
    assert_json(answer, "error", "result_too_large");
    const struct refusal refusal = {"{\"results\":1}", "/results"};
    refuses_each(host, "POST", LEASE "/ack", &refusal, 1);
    assert_status(send_json(host, "POST", LEASE "/ack", "{"), 400);
}

static void each_rule_of_failing_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{}", "/error"},
        {"{\"error\":\"\"}", "/error"},
        {"{\"error\":1}", "/error"},
        {"{\"error\":\"a\",\"dead\":1}", "/dead"},
        {"{\"error\":\"a\",\"retryAfterMs\":-1}", "/retryAfterMs"},
        {"{\"error\":\"a\",\"retryAfterMs\":2592000001}", "/retryAfterMs"},
        {"{\"error\":\"a\",\"why\":\"b\"}", "/why"},
    };
    const struct refusal long_error = {with_text("{\"error\":\"", 1001, "\"}"), "/error"};
    refuses_each(*state, "POST", LEASE "/fail", refusals, COUNT(refusals));
    refuses_each(*state, "POST", LEASE "/fail", &long_error, 1);
}

static void a_failure_waits_as_asked_else_as_the_jobs_backoff_says(void **state)
{
    static const struct {
        const char *body, *kind, *delay;
    } cases[] = {
        {"{\"error\":\"no\"}", "failure", "7000"},
        {"{\"error\":\"no\",\"retryAfterMs\":0}", "failure", "0"},
        {"{\"error\":\"no\",\"retryAfterMs\":90}", "failure", "90"},
    };
    struct test_host *host = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_ask(host, "HMGET", "job:" JOB, "backoff", "attempt");
        reply_array(host, "list 5s 7s 9s", 2);
        expect_script(host, "fail", COMMON_ARGS + 6);
        reply_text(host, "retrying");
        struct test_answer *answer = send_json(host, "POST", LEASE "/fail", cases[i].body);
        assert_status(answer, 200);
        assert_json(answer, "state", "retrying");
        assert_asked(host, ARG_FIRST, cases[i].kind);
        assert_asked(host, ARG_FIRST + 1, "no");
        assert_asked(host, ARG_FIRST + 2, cases[i].delay);
    }
}

static void a_worker_may_say_that_it_is_for_good(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "HMGET", "job:" JOB, "backoff", "attempt");
    reply_array(host, test_nil(), test_nil());
    expect_script(host, "fail", COMMON_ARGS + 6);
    reply_text(host, "dead");
    assert_json(send_json(host, "POST", LEASE "/fail", "{\"error\":\"no\",\"dead\":true}"), "state",
                "dead");
    assert_asked(host, ARG_FIRST, "dead");
}

static void each_rule_of_a_heartbeat_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{\"leaseMs\":999}", "/leaseMs"},   {"{\"leaseMs\":3600001}", "/leaseMs"},
        {"{\"progress\":-1}", "/progress"},  {"{\"progress\":101}", "/progress"},
        {"{\"progress\":0.5}", "/progress"}, {"{\"done\":true}", "/done"},
    };
    refuses_each(*state, "POST", LEASE "/heartbeat", refusals, COUNT(refusals));
}

static void a_heartbeat_tells_who_is_to_end(void **state)
{
    struct test_host *host = *state;
    expect_script(host, "heartbeat", COMMON_ARGS + 4);
    reply_array(host, JOB, "1:c0ffee", "cancelling");
    struct test_answer *answer =
        send_json(host, "POST", LEASE "/heartbeat", "{\"progress\":100,\"leaseMs\":1000}");
    assert_json(answer, "cancelling", true);
    assert_asked(host, ARG_FIRST, "1000");
    assert_asked(host, ARG_FIRST + 1, "100");
    expect_script(host, "heartbeat", COMMON_ARGS + 4);
    reply_empty_array(host);
    assert_json(send_json(host, "POST", LEASE "/heartbeat", "{}"), "cancelling", false);
    assert_asked(host, ARG_FIRST, "30000");
    assert_asked(host, ARG_FIRST + 1, "");
}

static void each_rule_of_a_log_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{}", "/lines"},
        {"{\"lines\":[]}", "/lines"},
        {"{\"lines\":\"a\"}", "/lines"},
        {"{\"lines\":[\"a\",\"\"]}", "/lines/1"},
        {"{\"lines\":[7]}", "/lines/0"},
        {"{\"lines\":[\"a\"],\"level\":1}", "/level"},
    };
    const struct refusal long_line = {with_text("{\"lines\":[\"", 1001, "\"]}"), "/lines/0"};
    refuses_each(*state, "POST", LEASE "/log", refusals, COUNT(refusals));
    refuses_each(*state, "POST", LEASE "/log", &long_line, 1);
}

static void a_log_takes_a_hundred_lines_at_a_time(void **state)
{
    char body[600] = "{\"lines\":[\"x\"";
    const struct refusal refusal = {body, "/lines"};
    for (int i = 0; i < 100; i++)
        (void)strcat(body, ",\"x\"");
    (void)strcat(body, "]}");
    refuses_each(*state, "POST", LEASE "/log", &refusal, 1);
}

/* ---- Queues and dead letters -------------------------------------------------------------- */

static void managing_needs_its_scope(void **state)
{
    static const char *const paths[][2] = {
        {"GET", "/v1/queues"},
        {"GET", QUEUE},
        {"PUT", QUEUE},
        {"POST", QUEUE "/pause"},
        {"POST", QUEUE "/resume"},
        {"GET", QUEUE "/dead"},
        {"POST", QUEUE "/dead/requeue"},
        {"POST", QUEUE "/dead/purge"},
    };
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_status(send_json(*state, paths[i][0], paths[i][1], NULL), 403);
}

static void each_rule_of_a_queue_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{\"limit\":0}", "/limit"},
        {"{\"limit\":1000000001}", "/limit"},
        {"{\"writers\":\"*\"}", "/writers"},
        {"{\"writers\":[\"*\",\"acme\"]}", "/writers"},
        {"{\"writers\":[\"a b\"]}", "/writers"},
        {"{\"writers\":[7]}", "/writers/0"},
        {"{\"workers\":[\"a/b\"]}", "/workers"},
        {"{\"paused\":true}", "/paused"},
    };
    test_admin(*state);
    refuses_each(*state, "PUT", QUEUE, refusals, COUNT(refusals));
}

static void a_queue_cant_be_called_dead_nor_be_no_name(void **state)
{
    test_admin(*state);
    refuses_parameter(*state, "GET", "/v1/queues/dead", "q");
    refuses_parameter(*state, "PUT", "/v1/queues/dead", "q");
    refuses_parameter(*state, "POST", "/v1/queues/dead/pause", "q");
    refuses_parameter(*state, "POST", "/v1/queues/a%20b/resume", "q");
    refuses_parameter(*state, "GET", "/v1/queues/dead/dead", "q");
    refuses_parameter(*state, "POST", "/v1/queues/dead/dead/purge", "q");
}

static void pages_have_bounds(void **state)
{
    test_admin(*state);
    refuses_parameter(*state, "GET", "/v1/queues?limit=0", "limit");
    refuses_parameter(*state, "GET", "/v1/queues?limit=101", "limit");
    refuses_parameter(*state, "GET", "/v1/queues?cursor=a%20b", "cursor");
    refuses_parameter(*state, "GET", QUEUE "/dead?limit=0", "limit");
    refuses_parameter(*state, "GET", QUEUE "/dead?limit=x", "limit");
    refuses_parameter(*state, "GET", QUEUE "/dead?cursor=-1", "cursor");
    refuses_parameter(*state, "GET", QUEUE "/dead?cursor=10001", "cursor");
}

static void a_queue_nobody_used_is_a_404_but_the_default_one_is_there(void **state)
{
    static const char *const names[] = {"mail", "jobs"};
    test_admin(*state);
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *path = i ? "/v1/queues/jobs" : QUEUE;
        expect_run(*state, "count", 1, "queues", "", "jobs", "", 1, names[i]);
        reply_array(*state,
                    test_array(*state, names[i], 0, 0, 0, 0, 0, "", "", "", "", "", "", "", "", ""),
                    "1000");
        struct test_answer *answer = send_json(*state, "GET", path, NULL);
        assert_status(answer, i ? 200 : 404);
    }
}

static void what_is_put_is_all_that_a_queue_is_told(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_script(host, "change", COMMON_ARGS + 6);
    struct test_answer *answer =
        send_json(host, "PUT", QUEUE, "{\"writers\":[\"acme\",\"bob\"],\"limit\":5}");
    assert_asked(host, 12, "acme bob");
    assert_asked(host, 14, "");
    assert_asked(host, 16, "5");
    expect_run(host, "count", 1, "queues", "", "jobs", "", 1, "mail");
    reply_status(host, "changed");
    reply_array(
        host, test_array(host, "mail", 1, 2, 3, 4, 5, "400", 6, 7, 8, 9, "1", "5", "acme bob", ""),
        "1000");
    assert_status(answer, 200);
    assert_json(answer, "oldestMs", 600);
    assert_json(answer, "paused", true);
    assert_json(answer, "/writers/1", "bob");
    assert_json(answer, "/workers/0", "*");
}

static void each_rule_of_dead_letters_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{\"ids\":[]}", "/ids"},      {"{\"ids\":\"" JOB "\"}", "/ids"},
        {"{\"ids\":[\"x\"]}", "/ids"}, {"{\"ids\":[7]}", "/ids/0"},
        {"{\"all\":true}", "/all"},
    };
    test_admin(*state);
    refuses_each(*state, "POST", QUEUE "/dead/requeue", refusals, COUNT(refusals));
    refuses_each(*state, "POST", QUEUE "/dead/purge", refusals, COUNT(refusals));
}

/* ---- Spaces ------------------------------------------------------------------------------- */

static void a_client_reaches_into_its_space_and_an_admin_everywhere(void **state)
{
    static const char *const scripts[] = {"cancel", "retry"};
    struct test_host *host = *state;
    for (uint32_t i = 0; i < 4; i++) {
        bool is_admin = i >= 2;
        if (is_admin)
            test_admin(host);
        expect_script(host, scripts[i % 2], COMMON_ARGS + (i % 2 ? 2 : 3));
        reply_text(host, "absent");
        struct test_answer *answer = i % 2 ? send_json(host, "POST", "/v1/jobs/" JOB "/retry", NULL)
                                           : send_json(host, "DELETE", "/v1/jobs/" JOB, NULL);
        assert_status(answer, 404);
        assert_asked(host, ARG_ID, JOB);
        assert_asked(host, ARG_SPACE, is_admin ? "" : "acme-space");
    }
}

static void another_spaces_job_is_not_there_but_for_an_admin(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            test_admin(host);
        test_expect_ask(TEST_HERE(host),
                        (sluice_arg[]){test_any(), test_any(), test_any(), test_any(), test_any(),
                                       test_any(), test_any(), test_any(), test_any(), test_any(),
                                       test_any(), test_any(), test_any(), test_any(), test_any(),
                                       test_any(), test_any(), test_any(), test_any(), test_any()},
                        20, sizeof(sluice_arg));
        reply_array(host, "mail", "send", "queued", i ? "other" : "acme-space", "0", "0", "1", "1",
                    test_nil(), test_nil(), test_nil(), "{}", test_nil(), test_nil(), test_nil(),
                    test_nil(), test_nil(), test_nil());
        struct test_answer *answer = send_json(host, "GET", "/v1/jobs/" JOB, NULL);
        assert_status(answer, i == 1 ? 404 : 200);
    }
}

static void what_cant_be_an_id_is_asked_of_nobody(void **state)
{
    static const char *const ids[] = {"x", ULID, ULID ".", ULID ".dead", "job:" JOB};
    for (size_t i = 0; i < COUNT(ids); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/v1/jobs/%s", ids[i]);
        assert_status(send_json(*state, "GET", path, NULL), 404);
        assert_status(send_json(*state, "DELETE", path, NULL), 404);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_rule_of_leasing_is_told_by_its_pointer),
        TEST(a_lease_is_id_epoch_and_a_secret_that_the_script_was_told),
        TEST(a_queue_may_name_its_workers),
        TEST(working_needs_a_scope),
        TEST(a_scope_for_the_queue_is_enough),
        TEST(what_is_no_lease_is_a_404),
        TEST(an_ended_lease_is_a_409),
        TEST(a_result_is_any_json_up_to_its_limit),
        TEST(each_rule_of_failing_is_told_by_its_pointer),
        TEST(a_failure_waits_as_asked_else_as_the_jobs_backoff_says),
        TEST(a_worker_may_say_that_it_is_for_good),
        TEST(each_rule_of_a_heartbeat_is_told_by_its_pointer),
        TEST(a_heartbeat_tells_who_is_to_end),
        TEST(each_rule_of_a_log_is_told_by_its_pointer),
        TEST(a_log_takes_a_hundred_lines_at_a_time),
        TEST(managing_needs_its_scope),
        TEST(each_rule_of_a_queue_is_told_by_its_pointer),
        TEST(a_queue_cant_be_called_dead_nor_be_no_name),
        TEST(pages_have_bounds),
        TEST(a_queue_nobody_used_is_a_404_but_the_default_one_is_there),
        TEST(what_is_put_is_all_that_a_queue_is_told),
        TEST(each_rule_of_dead_letters_is_told_by_its_pointer),
        TEST(a_client_reaches_into_its_space_and_an_admin_everywhere),
        TEST(another_spaces_job_is_not_there_but_for_an_admin),
        TEST(what_cant_be_an_id_is_asked_of_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
