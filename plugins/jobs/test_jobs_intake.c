/* Jobs that are asked for one by one and go to Redis together: which, in what order, and that each
 * request is told what became of its own.
 *
 * SPDX-License-Identifier: MIT */
#include "test_jobs_http.h"

#define QUEUE 10 /* where enqueue.lua is told the queue's name */
#define FIRST_TYPE 14
#define JOB_ARGS 14

static struct test_answer *post(struct test_host *host, const char *body)
{
    return send_json(host, "POST", "/v1/jobs", body);
}

/* A call is in flight: those that come wait. */
static struct test_answer *begin(struct test_host *host)
{
    expect_enqueue(host, 1);
    struct test_answer *first = post(host, "{\"type\":\"first\"}");
    assert_waiting(first);
    return first;
}

static void jobs_that_come_meanwhile_go_together_and_each_is_told_its_own(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answers[4], *first = begin(host);
    static const char *const types[] = {"a", "b", "c", "d"};
    static const char *const bodies[] = {"{\"type\":\"a\"}", "{\"type\":\"b\"}", "{\"type\":\"c\"}",
                                         "{\"type\":\"d\"}"};
    for (int i = 0; i < 4; i++) {
        answers[i] = post(host, bodies[i]);
        assert_waiting(answers[i]);
    }
    expect_enqueue(host, 4);
    reply_array(host, "created");
    assert_status(first, 201);
    for (uint32_t i = 0; i < 4; i++)
        assert_asked(host, FIRST_TYPE + i * JOB_ARGS, types[i]);
    reply_array(host, "created", "full", "forbidden", "created");
    assert_status(answers[0], 201);
    assert_json(answers[0], "type", "a");
    assert_status(answers[1], 429);
    assert_header(answers[1], "Retry-After", "5");
    assert_json(answers[2], "error", "not_a_writer");
    assert_status(answers[3], 201);
    assert_json(answers[3], "type", "d");
}

static void each_queue_has_its_own_call(void **state)
{
    struct test_host *host = *state;
    (void)begin(host);
    struct test_answer *mail = post(host, "{\"type\":\"a\",\"queue\":\"mail\"}");
    struct test_answer *other = post(host, "{\"type\":\"b\"}");
    struct test_answer *more = post(host, "{\"type\":\"c\",\"queue\":\"mail\"}");
    expect_enqueue(host, 2);
    reply_array(host, "created");
    assert_asked(host, QUEUE, "mail");
    expect_enqueue(host, 1);
    reply_array(host, "created", "created");
    assert_asked(host, QUEUE, "jobs");
    assert_json(mail, "queue", "mail");
    assert_json(more, "type", "c");
    reply_array(host, "created");
    assert_json(other, "queue", "jobs");
}

static void a_call_has_100_jobs_at_most(void **state)
{
    struct test_host *host = *state;
    expect_enqueue(host, 1);
    for (int i = 0; i < 3; i++)
        expect_enqueue(host, 16); /* many who wait need not wait for the call before */
    for (int i = 0; i < 1 + 3 * 16 + 101; i++)
        (void)post(host, "{\"type\":\"a\"}");
    expect_enqueue(host, 100);
    for (int i = 0; i < 4; i++)
        reply_array(host, "created");
    expect_enqueue(host, 1);
    reply_array(host, "created");
    reply_array(host, "created");
}

static void a_call_has_1_mib_of_payloads_at_most(void **state)
{
    struct test_host *host = start_with("payload_max: 256k\n", "noeviction");
    (void)state;
    static char body[250100];
    int len = snprintf(body, sizeof body, "{\"type\":\"a\",\"payload\":\"%0250000d\"}", 0);
    assert_in_range(len, 250000, sizeof body - 1);
    (void)begin(host);
    for (int i = 0; i < 5; i++)
        (void)post(host, body);
    expect_enqueue(host, 4);
    reply_array(host, "created");
    expect_enqueue(host, 1);
    reply_array(host, "created", "created", "created", "created");
    reply_array(host, "created");
    test_host_free(host);
}

static void an_outcome_that_does_not_come_is_a_503_for_each(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answers[2] = {begin(host), post(host, "{\"type\":\"a\"}")};
    expect_enqueue(host, 1);
    reply_trouble(host);
    reply_trouble(host);
    for (int i = 0; i < 2; i++) {
        assert_status(answers[i], 503);
        assert_json(answers[i], "error", "store_unavailable");
        assert_header(answers[i], "Retry-After", "1");
    }
}

static void a_script_that_fails_is_a_500_and_logged(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = begin(host);
    reply_error(host, "ERR user_script:1: attempt to call a nil value");
    assert_status(answer, 500);
    assert_logged(host, SLUICE_LOG_ERROR, "attempt to call a nil value");
}

static void who_has_gone_while_waiting_is_not_enqueued(void **state)
{
    struct test_host *host = *state;
    struct test_answer *first = begin(host);
    struct test_answer *queued = post(host, "{\"type\":\"a\"}");
    test_drain(host);
    assert_status(first, 503);
    assert_status(queued, 503);
    reply_array(host, "created"); /* and nothing more is asked */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jobs_that_come_meanwhile_go_together_and_each_is_told_its_own),
        TEST(each_queue_has_its_own_call),
        TEST(a_call_has_100_jobs_at_most),
        TEST(a_call_has_1_mib_of_payloads_at_most),
        TEST(an_outcome_that_does_not_come_is_a_503_for_each),
        TEST(a_script_that_fails_is_a_500_and_logged),
        TEST(who_has_gone_while_waiting_is_not_enqueued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
