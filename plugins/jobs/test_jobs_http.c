/* What requests about jobs may say, and what is refused before Redis is asked.
 *
 *   request -> 4xx and nothing was asked, or one script's call whose arguments are looked at
 *
 * SPDX-License-Identifier: MIT */
#include "test_jobs_http.h"

/* ---- Asking ------------------------------------------------------------------------------- */

/* Where enqueue.lua finds what, counted from its first key. */
enum {
    READY_KEY,
    DEAD_KEY = 4,
    QUEUE = 10,
    ID = 12,
    DIGEST,
    TYPE,
    PAYLOAD,
    SPACE,
    CLIENT,
    SELF_MADE,
    PRIORITY,
    RETRIES,
    BACKOFF,
    TIMEOUT,
    RETENTION,
    DELAY,
    RUN_AT
};

/* The job is taken; what enqueue.lua was told is looked at with assert_asked. */
static struct test_answer *create(struct test_host *host, const char *body)
{
    expect_enqueue(host, 1);
    reply_array(host, "created");
    struct test_answer *answer = send_json(host, "POST", "/v1/jobs", body);
    assert_status(answer, 201);
    return answer;
}

/* ---- One job ------------------------------------------------------------------------------ */

static void a_job_is_taken_with_defaults(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = create(host, "{\"type\":\"send\"}");
    assert_asked(host, READY_KEY, "queue:jobs");
    assert_asked(host, DEAD_KEY, "queue:dead");
    assert_asked(host, CLIENT, "acme");
    assert_asked(host, SELF_MADE, "0");
    assert_asked(host, DIGEST, "");
    assert_asked(host, PAYLOAD, "{}");
    assert_asked(host, SPACE, "acme-space");
    assert_asked(host, PRIORITY, "0");
    assert_asked(host, RETRIES, "3");
    assert_asked(host, BACKOFF, "exponential 1s 1h");
    assert_asked(host, TIMEOUT, "30000");
    assert_asked(host, RETENTION, "86400000");
    assert_asked(host, DELAY, "");
    assert_asked(host, RUN_AT, "");
    assert_json(answer, "id", test_asked(host, ID));
    assert_json(answer, "queue", "jobs");
    assert_json(answer, "type", "send");
    assert_int_equal(strspn(test_asked(host, ID), "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
    assert_string_equal(test_asked(host, ID) + 26, ".jobs");
}

static void a_job_has_what_it_was_told(void **state)
{
    struct test_host *host = *state;
    (void)create(host, "{\"type\":\"send\",\"queue\":\"mail\",\"payload\":[1,null],\"delayMs\":5,"
                       "\"priority\":-1000,\"retries\":0,\"timeoutMs\":100,\"retentionMs\":0,"
                       "\"backoff\":{\"type\":\"fixed\",\"delayMs\":7}}");
    assert_asked(host, READY_KEY, "queue:mail:ready");
    assert_asked(host, DEAD_KEY, "queue:mail:dead");
    assert_asked(host, QUEUE, "mail");
    assert_asked(host, TYPE, "send");
    assert_asked(host, PAYLOAD, "[1,null]");
    assert_asked(host, PRIORITY, "-1000");
    assert_asked(host, RETRIES, "0");
    assert_asked(host, BACKOFF, "fixed 7ms");
    assert_asked(host, TIMEOUT, "100");
    assert_asked(host, RETENTION, "0");
    assert_asked(host, DELAY, "5");
    assert_asked(host, RUN_AT, "");
}

static void backoffs_and_times_have_several_forms(void **state)
{
    struct test_host *host = *state;
    (void)create(host, "{\"type\":\"a\",\"backoff\":[1000,0],\"runAt\":\"2026-01-31T12:00:00Z\"}");
    assert_asked(host, BACKOFF, "list 1000ms 0ms");
    assert_asked(host, RUN_AT, "1769860800000");
    (void)create(host, "{\"type\":\"a\",\"backoff\":{\"type\":\"exponential\",\"baseMs\":1,"
                       "\"capMs\":2592000000},\"runAt\":\"1969-12-31T23:00:00Z\"}");
    assert_asked(host, BACKOFF, "exponential 1ms 2592000000ms");
    assert_asked(host, RUN_AT, "0");
}

static void what_a_job_does_not_say_its_handler_does(void **state)
{
    struct test_host *host = *state;
    (void)create(host, "{\"type\":\"resize\",\"queue\":\"images\"}");
    assert_asked(host, RETRIES, "7");
    assert_asked(host, TIMEOUT, "60000");
    (void)create(host, "{\"type\":\"crop\",\"queue\":\"images\",\"timeoutMs\":200}");
    assert_asked(host, RETRIES, "0");
    assert_asked(host, TIMEOUT, "200");
}

static void a_type_without_a_handler_is_refused_where_handlers_are(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer =
        send_json(host, "POST", "/v1/jobs", "{\"type\":\"rotate\",\"queue\":\"images\"}");
    assert_refused(answer, "rotate", "invalid_body", "/errors/0/pointer", "/type");
    assert_json(answer, "/errors/0/detail",
                "has no handler in queue images; known there: resize, crop");
}

static void each_rule_of_a_job_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{}", "/type"},
        {"{\"type\":1}", "/type"},
        {"{\"type\":\"\"}", "/type"},
        {"{\"type\":\"a b\"}", "/type"},
        {"{\"retries\":1,\"timeoutMs\":1000,\"retentionMs\":0,\"backoff\":[1]}", "/type"},
        {"{\"type\":\"a\",\"queue\":\"a/b\"}", "/queue"},
        {"{\"type\":\"a\",\"queue\":\"dead\"}", "/queue"},
        {"{\"type\":\"a\",\"queue\":7}", "/queue"},
        {"{\"type\":\"a\",\"delayMs\":-1}", "/delayMs"},
        {"{\"type\":\"a\",\"delayMs\":1.5}", "/delayMs"},
        {"{\"type\":\"a\",\"delayMs\":316224000001}", "/delayMs"},
        {"{\"type\":\"a\",\"runAt\":\"tomorrow\"}", "/runAt"},
        {"{\"type\":\"a\",\"runAt\":\"2026-01-31T12:00:00\"}", "/runAt"},
        {"{\"type\":\"a\",\"runAt\":1}", "/runAt"},
        {"{\"type\":\"a\",\"runAt\":\"2026-01-31T12:00:00Z\",\"delayMs\":1}", "/runAt"},
        {"{\"type\":\"a\",\"priority\":-1001}", "/priority"},
        {"{\"type\":\"a\",\"priority\":1001}", "/priority"},
        {"{\"type\":\"a\",\"retries\":-1}", "/retries"},
        {"{\"type\":\"a\",\"retries\":101}", "/retries"},
        {"{\"type\":\"a\",\"timeoutMs\":99}", "/timeoutMs"},
        {"{\"type\":\"a\",\"timeoutMs\":86400001}", "/timeoutMs"},
        {"{\"type\":\"a\",\"retentionMs\":-1}", "/retentionMs"},
        {"{\"type\":\"a\",\"retentionMs\":2592000001}", "/retentionMs"},
        {"{\"type\":\"a\",\"color\":1}", "/color"},
    };
    refuses_each(*state, "POST", "/v1/jobs", refusals, COUNT(refusals));
}

static void what_is_no_backoff_is_refused(void **state)
{
    static const char *const backoffs[] = {
        "1000",
        "\"fixed 5s\"",
        "[]",
        "[-1]",
        "[1.5]",
        "[\"1s\"]",
        "[2592000001]",
        "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
        "{}",
        "{\"type\":\"linear\",\"delayMs\":1}",
        "{\"type\":\"fixed\"}",
        "{\"type\":\"fixed\",\"baseMs\":1}",
        "{\"type\":\"fixed\",\"delayMs\":1,\"x\":1}",
        "{\"type\":\"fixed\",\"delayMs\":-1}",
        "{\"type\":\"exponential\",\"baseMs\":1}",
        "{\"type\":\"exponential\",\"baseMs\":0,\"capMs\":1}",
        "{\"type\":\"exponential\",\"baseMs\":2,\"capMs\":1}",
        "{\"type\":\"exponential\",\"baseMs\":1,\"capMs\":2592000001}",
    };
    for (size_t i = 0; i < COUNT(backoffs); i++) {
        char body[200];
        (void)snprintf(body, sizeof body, "{\"type\":\"a\",\"backoff\":%s}", backoffs[i]);
        const struct refusal refusal = {body, "/backoff"};
        refuses_each(*state, "POST", "/v1/jobs", &refusal, 1);
    }
}

static void a_payload_too_long_is_a_413(void **state)
{
    struct test_host *host = *state;
    (void)create(host, with_text("{\"type\":\"a\",\"payload\":\"", 98, "\"}"));
    struct test_answer *answer =
        send_json(host, "POST", "/v1/jobs", with_text("{\"type\":\"a\",\"payload\":\"", 99, "\"}"));
    assert_status(answer, 413);
    assert_json(answer, "error", "payload_too_large");
    answer = send_json(host, "POST", "/jobs/create", with_text("{\"a\":\"", 93, "\"}"));
    assert_status(answer, 413);
}

static void what_a_queue_says_is_told(void **state)
{
    static const struct {
        const char *outcome;
        uint32_t status;
        const char *error;
    } outcomes[] = {{"full", 429, "queue_full"},
                    {"forbidden", 403, "not_a_writer"},
                    {"differs", 422, "idempotency_key_reused"}};
    static const char *const paths[] = {"/v1/jobs", "/jobs/create"};
    struct test_host *host = *state;
    for (size_t i = 0; i < COUNT(outcomes) * 2; i++) {
        expect_enqueue(host, 1);
        reply_array(host, outcomes[i / 2].outcome);
        struct test_answer *answer = send_json(host, "POST", paths[i % 2], "{\"type\":\"a\"}");
        assert_status(answer, outcomes[i / 2].status);
        if (i % 2 == 0)
            assert_json(answer, "error", outcomes[i / 2].error);
    }
}

static void a_redis_that_evicts_gets_no_job_until_it_stops(void **state)
{
    struct test_host *host = start_with(NULL, "allkeys-lru");
    (void)state;
    static const char *const paths[] = {"/v1/jobs", "/jobs/create", "/v1/jobs/batch"};
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_status(send_json(host, "POST", paths[i], "{\"type\":\"a\"}"), 503);
    expect_ask(host, "CONFIG", "GET", "maxmemory-policy");
    reply_array(host, "maxmemory-policy", "noeviction");
    test_advance(host, 1000);
    (void)create(host, "{\"type\":\"a\"}");
    test_host_free(host);
}

/* ---- Idempotency -------------------------------------------------------------------------- */

/* The id that a job gets with this key; the caller frees it. */
static char *id_by(struct test_host *host, const char *key, const char *body)
{
    test_header(host, "Idempotency-Key", key);
    (void)create(host, body);
    return strdup(test_asked(host, ID));
}

static void a_key_names_the_job_by_client_and_queue(void **state)
{
    struct test_host *host = *state;
    char *ids[5];
    ids[0] = id_by(host, "k", "{\"type\":\"a\"}");
    char *digest = strdup(test_asked(host, DIGEST));
    ids[1] = id_by(host, "k", "{\"type\":\"b\"}");
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(digest, test_asked(host, DIGEST));
    ids[2] = id_by(host, "k2", "{\"type\":\"a\"}");
    assert_string_equal(digest, test_asked(host, DIGEST));
    ids[3] = id_by(host, "k", "{\"type\":\"a\",\"queue\":\"mail\"}");
    test_client(host, "bob", "acme-space", "");
    ids[4] = id_by(host, "k", "{\"type\":\"a\"}");
    for (size_t i = 2; i < COUNT(ids); i++)
        assert_string_not_equal(ids[0], ids[i]);
    assert_memory_not_equal(ids[0], ids[3], 26); /* not by the queue's name alone */
    for (size_t i = 0; i < COUNT(ids); i++)
        free(ids[i]);
    free(digest);
}

static void a_job_with_a_key_is_kept_for_a_day_at_least(void **state)
{
    free(id_by(*state, "k", "{\"type\":\"a\",\"retentionMs\":0}"));
    assert_asked(*state, RETENTION, "86400000");
    free(id_by(*state, "k", "{\"type\":\"a\",\"retentionMs\":2592000000}"));
    assert_asked(*state, RETENTION, "2592000000");
}

static void the_same_job_again_is_answered_as_at_first(void **state)
{
    struct test_host *host = *state;
    expect_enqueue(host, 1);
    reply_array(host, "exists");
    test_header(host, "Idempotency-Key", "k");
    struct test_answer *answer = send_json(host, "POST", "/v1/jobs", "{\"type\":\"a\"}");
    assert_status(answer, 201);
    assert_header(answer, "Idempotency-Replayed", "true");
    assert_header(create(host, "{\"type\":\"a\"}"), "Idempotency-Replayed", NULL);
}

static void a_key_has_1_to_255_bytes(void **state)
{
    static const char *const paths[] = {"/v1/jobs", "/v1/jobs/batch"};
    struct test_host *host = *state;
    for (size_t i = 0; i < COUNT(paths) * 2; i++) {
        test_header(host, "Idempotency-Key", i % 2 ? "" : with_text("", 256, ""));
        struct test_answer *answer = send_json(host, "POST", paths[i / 2], "{\"type\":\"a\"}");
        assert_status(answer, 400);
        assert_json(answer, "error", "idempotency_key_invalid");
    }
    free(id_by(host, with_text("", 255, ""), "{\"type\":\"a\"}"));
}

/* ---- Many jobs ---------------------------------------------------------------------------- */

static void a_batch_is_answered_by_index_and_a_queue_after_the_other(void **state)
{
    struct test_host *host = *state;
    expect_enqueue(host, 1);
    reply_array(host, "created");
    expect_enqueue(host, 1);
    reply_array(host, "created");
    struct test_answer *answer = send_json(
        host, "POST", "/v1/jobs/batch",
        "{\"jobs\":[{\"type\":\"a\"},{\"type\":\"a\",\"priority\":1001},7,"
        "{\"type\":\"b\",\"queue\":\"mail\"},{\"type\":\"rotate\",\"queue\":\"images\"}]}");
    assert_status(answer, 200);
    assert_non_null(test_json(answer, "/jobs/0/id"));
    assert_json(answer, "/jobs/1/index", 1);
    assert_json(answer, "/jobs/1/error", "invalid_job");
    assert_json(answer, "/jobs/1/detail", "priority must be an integer from -1000 to 1000");
    assert_json(answer, "/jobs/2/detail", "must be a JSON object");
    assert_json(answer, "/jobs/3/id", test_asked(host, ID));
    assert_asked(host, QUEUE, "mail");
    assert_json(answer, "/jobs/4/error", "invalid_job");
    assert_no_json(answer, "/jobs/5");
}

static void what_the_queue_says_of_each_is_told_by_index(void **state)
{
    struct test_host *host = *state;
    expect_enqueue(host, 4);
    reply_array(host, "created", "full", "forbidden", "differs");
    struct test_answer *answer =
        send_json(host, "POST", "/v1/jobs/batch",
                  "{\"jobs\":[{\"type\":\"a\"},{\"type\":\"x y\"},{\"type\":\"a\"},"
                  "{\"type\":\"a\"},{\"type\":\"a\"}]}");
    assert_status(answer, 200);
    assert_non_null(test_json(answer, "/jobs/0/id"));
    assert_json(answer, "/jobs/1/error", "invalid_job");
    assert_json(answer, "/jobs/2/error", "queue_full");
    assert_json(answer, "/jobs/3/error", "not_a_writer");
    assert_json(answer, "/jobs/4/error", "idempotency_key_reused");
    assert_json(answer, "/jobs/4/index", 4);
}

static void jobs_of_a_batch_have_ids_of_their_own_under_one_key(void **state)
{
    struct test_host *host = *state;
    char *ids[2];
    for (size_t i = 0; i < COUNT(ids); i++) {
        expect_enqueue(host, 2);
        reply_array(host, "created", "created");
        test_header(host, "Idempotency-Key", "k");
        struct test_answer *answer = send_json(host, "POST", "/v1/jobs/batch",
                                               "{\"jobs\":[{\"type\":\"a\"},{\"type\":\"a\"}]}");
        assert_status(answer, 200);
        assert_string_not_equal(test_json(answer, "/jobs/0/id"), test_json(answer, "/jobs/1/id"));
        ids[i] = strdup(test_json(answer, "/jobs/1/id"));
    }
    assert_string_equal(ids[0], ids[1]);
    free(ids[0]);
    free(ids[1]);
}

static void what_was_stored_before_the_store_went_away_is_told(void **state)
{
    struct test_host *host = *state;
    expect_enqueue(host, 1);
    reply_array(host, "created");
    expect_enqueue(host, 1);
    reply_trouble(host);
    struct test_answer *answer =
        send_json(host, "POST", "/v1/jobs/batch",
                  "{\"jobs\":[{\"type\":\"a\",\"queue\":\"mail\"},{\"type\":\"a\"}]}");
    assert_status(answer, 200);
    assert_non_null(test_json(answer, "/jobs/0/id"));
    assert_json(answer, "/jobs/1/error", "store_unavailable");
    expect_enqueue(host, 1);
    reply_trouble(host);
    answer = send_json(host, "POST", "/v1/jobs/batch", "{\"jobs\":[{\"type\":\"a\"}]}");
    assert_status(answer, 503);
}

static void each_rule_of_a_batch_is_told_by_its_pointer(void **state)
{
    static const struct refusal refusals[] = {
        {"{}", "/jobs"},
        {"{\"jobs\":[]}", "/jobs"},
        {"{\"jobs\":{}}", "/jobs"},
        {"{\"jobs\":[{\"type\":\"a\"}],\"x\":1}", "/x"},
    };
    char *many = strdup(with_text("{\"jobs\":[0", 2002, "]}"));
    const struct refusal too_many = {many, "/jobs"};
    refuses_each(*state, "POST", "/v1/jobs/batch", refusals, COUNT(refusals));
    for (char *at = strchr(many, 'x'); *at == 'x'; at += 2)
        memcpy(at, ",0", 2);
    refuses_each(*state, "POST", "/v1/jobs/batch", &too_many, 1);
    free(many);
}

/* ---- Who asks ------------------------------------------------------------------------------ */

static void a_client_that_made_itself_says_so(void **state)
{
    static const sluice_identity self_made = {
        .size = sizeof self_made,
        .kinds = SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_SELF_MADE,
        .client = "new",
        .space = "new",
        .scopes = "",
    };
    test_identity(*state, &self_made);
    (void)create(*state, "{\"type\":\"a\"}");
    assert_asked(*state, CLIENT, "new");
    assert_asked(*state, SELF_MADE, "1");
}

static void nobody_creates_no_job(void **state)
{
    test_nobody(*state);
    assert_status(send_json(*state, "POST", "/v1/jobs", "{\"type\":\"a\"}"), 401);
}

/* ---- Classic ------------------------------------------------------------------------------ */

static void the_classic_way_takes_the_whole_body(void **state)
{
    static const struct {
        const char *body, *type;
    } bodies[] = {
        {"{\"type\":\"send\",\"to\":\"ann\"}", "send"},
        {"{\"type\":7}", "default"},
        {"{ \"a\": 1 }", "default"},
    };
    struct test_host *host = *state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        expect_enqueue(host, 1);
        reply_array(host, "created");
        struct test_answer *answer = send_json(host, "POST", "/job/create", bodies[i].body);
        assert_status(answer, 200);
        assert_json(answer, "jobId", test_asked(host, ID));
        assert_asked(host, TYPE, bodies[i].type);
        assert_asked(host, PAYLOAD, bodies[i].body);
        assert_asked(host, QUEUE, "jobs");
    }
}

static void classic_refusals_are_the_same(void **state)
{
    assert_status(send_json(*state, "POST", "/jobs/create", "{\"type\":\"a b\"}"), 422);
    assert_status(send_json(*state, "POST", "/jobs/create", "[]"), 422);
    assert_status(send_json(*state, "POST", "/jobs/create", "{"), 400);
    assert_status(request(*state, "POST", "/jobs/create", "{}"), 415);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_taken_with_defaults),
        TEST(a_job_has_what_it_was_told),
        TEST(backoffs_and_times_have_several_forms),
        TEST(what_a_job_does_not_say_its_handler_does),
        TEST(a_type_without_a_handler_is_refused_where_handlers_are),
        TEST(each_rule_of_a_job_is_told_by_its_pointer),
        TEST(what_is_no_backoff_is_refused),
        TEST(a_payload_too_long_is_a_413),
        TEST(what_a_queue_says_is_told),
        TEST(a_redis_that_evicts_gets_no_job_until_it_stops),
        TEST(a_key_names_the_job_by_client_and_queue),
        TEST(a_job_with_a_key_is_kept_for_a_day_at_least),
        TEST(the_same_job_again_is_answered_as_at_first),
        TEST(a_key_has_1_to_255_bytes),
        TEST(a_batch_is_answered_by_index_and_a_queue_after_the_other),
        TEST(what_the_queue_says_of_each_is_told_by_index),
        TEST(jobs_of_a_batch_have_ids_of_their_own_under_one_key),
        TEST(what_was_stored_before_the_store_went_away_is_told),
        TEST(each_rule_of_a_batch_is_told_by_its_pointer),
        TEST(a_client_that_made_itself_says_so),
        TEST(nobody_creates_no_job),
        TEST(the_classic_way_takes_the_whole_body),
        TEST(classic_refusals_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
