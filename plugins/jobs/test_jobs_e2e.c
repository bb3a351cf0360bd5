/* Jobs end to end: real gateways, a real Redis, real HTTP, handlers that misbehave.
 *
 * SPDX-License-Identifier: MIT */
#include "test_jobs.h"

#define QUICK "{ executors: 2, timeout: 500ms, lease: 2s, crashes: 1 }"
#define CONFIG CONFIG_JOBS(CONFIG_STORE, QUICK)
#define CONFIG_ONE CONFIG_JOBS(CONFIG_STORE, "{ executors: 1 }")
#define CONFIG_SLOW CONFIG_JOBS(CONFIG_STORE, "{ executors: 1, timeout: 60s, lease: 2s }")

static const char *start(struct world *world)
{
    store_start(world);
    gateway_start(world);
    return make_client(world, "acme");
}

/* ---- How jobs end -------------------------------------------------------------------------- */

static void a_job_runs_and_its_result_is_read(struct world *world)
{
    const char *key = start(world);
    const char *id = enqueue(world, key, "{\"type\":\"greet\",\"payload\":{\"name\":\"ann\"}}");
    struct answer *done = until(world, key, id, "completed");
    assert_string_equal(text_in(json_object_get(done->json, "result"), "greeting"), "hello ann");
    assert_int_equal(number_of(done, "attempt"), 1);
    assert_int_equal(number_of(done, "progress"), 100);
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/jobs/%s/log", id);
    struct answer *log = get(world, path, key);
    assert_status(log, 200);
    json_t *line = json_array_get(json_object_get(log->json, "lines"), 0);
    assert_string_equal(text_in(line, "line"), "said it");
}

static void the_classic_paths_make_and_show_a_job(struct world *world)
{
    const char *key = start(world);
    const char *body = "{\"type\":\"greet\", \"name\":\"bob\"}";
    struct answer *made = post(world, "/jobs/create", key, body);
    assert_status(made, 200);
    char path[256];
    (void)snprintf(path, sizeof path, "/job/status/%s", text_of(made, "jobId"));
    wait_until(world, strstr(get(world, path, key)->body, "\"status\":\"completed\""));
    struct answer *shown = get(world, path, key);
    assert_string_equal(text_in(json_object_get(shown->json, "job"), "payload"), body);
    assert_problem(get(world, "/jobs/status/nonsense", key), 404, "job_not_found");
}

static void a_job_that_fails_is_tried_again_until_it_succeeds(struct world *world)
{
    const char *key = start(world);
    const char *id = enqueue(world, key, "{\"type\":\"flaky\",\"payload\":{\"failures\":2}}");
    struct answer *done = until(world, key, id, "completed");
    assert_int_equal(number_of(done, "attempt"), 3);
    assert_string_equal(text_in(failure_of(done, 1), "error"), "not yet");
    assert_string_equal(text_in(failure_of(done, 1), "kind"), "failure");
}

static void a_job_whose_retries_are_spent_is_dead_and_can_start_over(struct world *world)
{
    const char *key = start(world);
    const char *id = enqueue(world, key,
                             "{\"type\":\"flaky\",\"retries\":1,\"backoff\":[1],"
                             "\"payload\":{\"failures\":3}}");
    (void)until(world, key, id, "dead");
    struct answer *dead = get(world, "/v1/queues/jobs/dead", as_admin(world));
    assert_status(dead, 200);
    assert_string_equal(text_in(json_array_get(json_object_get(dead->json, "jobs"), 0), "id"), id);
    assert_int_equal(number_of(manage(world, "jobs/dead/requeue", NULL), "count"), 1);
    struct answer *done = until(world, key, id, "completed");
    assert_int_equal(number_of(done, "attempt"), 4);
    assert_int_equal(queue_number(world, "jobs", "dead"), 0);
}

static size_t below(const struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    return processes_below(world->gateway, pids);
}

/* The handler leaves a child behind, which holds its socket open. */
static void a_job_that_crashes_is_dead_after_its_budget_with_the_signal_named(struct world *world)
{
    const char *key = start(world);
    const char *warm = enqueue(world, key, "{\"type\":\"greet\"}");
    (void)until(world, key, warm, "completed");
    size_t before = below(world);
    const char *id = enqueue(world, key, "{\"type\":\"crash\",\"payload\":{\"litter\":true}}");
    struct answer *dead = until(world, key, id, "dead");
    assert_int_equal(number_of(dead, "attempt"), 2);
    assert_string_equal(text_of(dead, "error"), "its process was killed by SIGABRT");
    assert_string_equal(text_in(failure_of(dead, 0), "kind"), "crash");
    assert_status(get(world, "/health", NULL), 200);
    wait_until(world, below(world) == before);
}

static void a_job_that_hangs_is_ended_at_its_timeout(struct world *world)
{
    const char *key = start(world);
    const char *id =
        enqueue(world, key, "{\"type\":\"nap\",\"retries\":0,\"payload\":{\"ms\":100000}}");
    struct answer *dead = until(world, key, id, "dead");
    assert_string_equal(text_of(dead, "error"), "woken up"); /* it asked whether it should stop */
    id = enqueue(world, key,
                 "{\"type\":\"nap\",\"retries\":0,\"payload\":{\"ms\":100000,\"stubborn\":true}}");
    dead = until(world, key, id, "dead");
    assert_string_equal(text_of(dead, "error"), "timed out after 500 ms");
}

/* A sanitized malloc ends its process at the limit unless it is told to return NULL, as others do. */
static void an_executor_that_allocates_without_bound_hits_its_limit_alone(struct world *world)
{
    assert_int_equal(setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 1), 0);
    const char *key = start(world);
    const char *id = enqueue(world, key, "{\"type\":\"hog\",\"retries\":0}");
    (void)until(world, key, id, "dead");
    id = enqueue(world, key, "{\"type\":\"greet\"}");
    (void)until(world, key, id, "completed");
    assert_int_equal(unsetenv("ASAN_OPTIONS"), 0);
}

/* ---- When jobs run ------------------------------------------------------------------------- */

static void a_delayed_job_runs_when_it_is_due(struct world *world)
{
    const char *key = start(world);
    const char *later = enqueue(world, key, "{\"type\":\"greet\",\"delayMs\":31622400000}");
    const char *soon = enqueue(world, key, "{\"type\":\"greet\",\"delayMs\":300}");
    const char *past =
        enqueue(world, key, "{\"type\":\"greet\",\"runAt\":\"1999-12-31T23:59:59Z\"}");
    (void)until(world, key, past, "completed");
    struct answer *done = until(world, key, soon, "completed");
    assert_true(strcmp(text_of(done, "startedAt"), text_of(done, "runAt")) >= 0);
    assert_true(is_in_state(world, key, later, "delayed"));
    assert_problem(post(world, "/v1/jobs", key, "{\"type\":\"greet\",\"runAt\":\"tomorrow\"}"), 422,
                   "invalid_body");
    assert_problem(post(world, "/v1/jobs", key, "{\"type\":\"greet\",\"delayMs\":-1}"), 422,
                   "invalid_body");
}

static void a_queue_that_is_paused_hands_out_nothing_and_then_by_priority(struct world *world)
{
    static const char *const bodies[] = {
        "{\"type\":\"greet\",\"priority\":1000}", "{\"type\":\"greet\"}",
        "{\"type\":\"greet\",\"priority\":-1000}", "{\"type\":\"greet\",\"priority\":-1}"};
    static const int order[] = {2, 3, 1, 0};
    const char *key = start(world), *ids[4];
    (void)manage(world, "jobs/pause", NULL);
    for (int i = 0; i < 4; i++)
        ids[i] = enqueue(world, key, bodies[i]);
    assert_int_equal(queue_number(world, "jobs", "ready"), 4);
    (void)manage(world, "jobs/resume", NULL);
    for (int i = 0; i < 4; i++)
        (void)until(world, key, ids[i], "completed");
    for (int i = 0; i + 1 < 4; i++) {
        const char *first = text_of(job(world, key, ids[order[i]]), "startedAt");
        assert_true(strcmp(first, text_of(job(world, key, ids[order[i + 1]]), "startedAt")) <= 0);
    }
}

static struct answer *cancel(struct world *world, const char *key, const char *id)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/jobs/%s", id);
    return http(world, "DELETE", path, key, NULL);
}

static void a_job_is_cancelled_before_and_while_it_runs(struct world *world)
{
    const char *key = start(world);
    const char *later = enqueue(world, key, "{\"type\":\"greet\",\"delayMs\":60000}");
    assert_status(cancel(world, key, later), 204);
    assert_true(is_in_state(world, key, later, "cancelled"));
    assert_problem(cancel(world, key, later), 409, "job_finished");
    const char *running = enqueue(world, key, "{\"type\":\"nap\",\"payload\":{\"ms\":100000}}");
    (void)until(world, key, running, "active");
    assert_status(cancel(world, key, running), 202);
    (void)until(world, key, running, "cancelled");
    assert_int_equal(queue_number(world, "jobs", "leased"), 0);
}

/* ---- What is refused ----------------------------------------------------------------------- */

static void what_can_not_be_a_job_is_refused(struct world *world)
{
    const char *key = start(world);
    struct answer *unknown = post(world, "/v1/jobs", key, "{\"type\":\"nope\"}");
    assert_problem(unknown, 422, "invalid_body");
    assert_non_null(strstr(text_of(unknown, "detail"), "greet"));
    char *large = malloc(1200000);
    assert_non_null(large);
    (void)snprintf(large, 1200000, "{\"type\":\"greet\",\"payload\":\"%01048576d\"}", 0);
    assert_problem(post(world, "/v1/jobs", key, large), 413, "body_too_large");
    (void)snprintf(large, 1200000, "{\"type\":\"greet\",\"payload\":\"%0300000d\"}", 0);
    assert_problem(post(world, "/v1/jobs", key, large), 413, "payload_too_large");
    free(large);
    assert_problem(post(world, "/v1/jobs", NULL, "{}"), 401, "unauthenticated");
    assert_int_equal(queue_number(world, "jobs", "enqueued"), 0);
}

static void the_same_key_makes_one_job(struct world *world)
{
    char headers[512];
    const char *key = start(world), *body = "{\"type\":\"greet\"}";
    (void)snprintf(headers, sizeof headers, "%s\nidempotency-key: once", key);
    struct answer *first = post(world, "/v1/jobs", headers, body);
    struct answer *again = post(world, "/v1/jobs", headers, body);
    assert_status(first, 201);
    assert_status(again, 201);
    assert_string_equal(text_of(first, "id"), text_of(again, "id"));
    assert_header(again, "Idempotency-Replayed", "true");
    assert_problem(post(world, "/v1/jobs", headers, "{\"type\":\"greet\",\"priority\":1}"), 422,
                   "idempotency_key_reused");
    assert_int_equal(queue_number(world, "jobs", "enqueued"), 1);
}

static void jobs_of_another_space_are_not_there(struct world *world)
{
    const char *key = start(world), *other = make_client(world, "other");
    const char *id = enqueue(world, key, "{\"type\":\"greet\",\"delayMs\":60000}");
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/jobs/%s", id);
    assert_problem(get(world, path, other), 404, "job_not_found");
    assert_problem(cancel(world, other, id), 404, "job_not_found");
    assert_status(get(world, path, as_admin(world)), 200);
}

static void a_route_that_is_open_to_all_keeps_spaces_apart(struct world *world)
{
    const char *key = start(world);
    const char *own = enqueue(world, NULL, "{\"type\":\"greet\",\"delayMs\":60000}");
    struct answer *batch = post(world, "/v1/jobs/batch", key, /* which is not open */
                                "{\"jobs\":[{\"type\":\"greet\",\"delayMs\":60000}]}");
    assert_true(is_in_state(world, NULL, own, "delayed"));
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/jobs/%s",
                   text_in(json_array_get(json_object_get(batch->json, "jobs"), 0), "id"));
    assert_problem(get(world, path, NULL), 404, "job_not_found");
    assert_problem(post(world, "/v1/queues/mail/lease", NULL, "{}"), 403, "forbidden");
}

static void a_batch_is_taken_job_by_job(struct world *world)
{
    const char *key = start(world);
    struct answer *batch = post(world, "/v1/jobs/batch", key,
                                "{\"jobs\":[{\"type\":\"greet\"},{\"type\":\"nope\"},"
                                "{\"type\":\"send\",\"queue\":\"mail\"},7]}");
    assert_status(batch, 200);
    json_t *jobs = json_object_get(batch->json, "jobs");
    assert_int_equal(json_array_size(jobs), 4);
    (void)until(world, key, text_in(json_array_get(jobs, 0), "id"), "completed");
    assert_string_equal(text_in(json_array_get(jobs, 1), "error"), "invalid_job");
    assert_true(is_in_state(world, key, text_in(json_array_get(jobs, 2), "id"), "queued"));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(jobs, 3), "index")), 3);
}

/* ---- Remote workers ------------------------------------------------------------------------ */

/* Sends a poll on a connection of its own. */
static int poll_for(struct world *world, int wait_ms)
{
    char body[64], whole[1024];
    (void)snprintf(body, sizeof body, "{\"waitMs\":%d}", wait_ms);
    (void)snprintf(whole, sizeof whole,
                   "POST /v1/queues/mail/lease HTTP/1.1\r\nHost: x\r\n%s\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   as_admin(world), strlen(body), body);
    int wire = wire_open(world);
    wire_send(wire, whole);
    return wire;
}

static json_t *leased(struct world *world, int wire)
{
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_status(answer, 200);
    return json_array_get(json_object_get(answer->json, "jobs"), 0);
}

static struct answer *with_lease(struct world *world, const json_t *lease, const char *what,
                                 const char *body)
{
    char path[512];
    (void)snprintf(path, sizeof path, "/v1/leases/%s/%s", text_in(lease, "lease"), what);
    return post(world, path, as_admin(world), body);
}

static void workers_that_wait_are_woken_one_for_each_job(struct world *world)
{
    enum { COUNT = 5 };
    const char *key = start(world);
    int wires[COUNT];
    for (int i = 0; i < COUNT; i++)
        wires[i] = poll_for(world, 20000);
    for (int i = 0; i < COUNT; i++)
        (void)enqueue(world, key, "{\"type\":\"send\",\"queue\":\"mail\",\"payload\":[1,\"x\"]}");
    for (int i = 0; i < COUNT; i++) {
        json_t *lease = leased(world, wires[i]);
        assert_int_equal(json_array_size(json_object_get(lease, "payload")), 2);
        assert_status(with_lease(world, lease, "ack", "{\"result\":{\"sent\":true}}"), 204);
        assert_problem(with_lease(world, lease, "ack", NULL), 409, "lease_lost");
        wire_close(wires[i]);
    }
    assert_int_equal(queue_number(world, "mail", "completed"), COUNT);
}

static void a_worker_renews_logs_and_fails_its_job(struct world *world)
{
    const char *key = start(world);
    const char *id = enqueue(world, key, "{\"type\":\"send\",\"queue\":\"mail\"}");
    int wire = poll_for(world, 0);
    json_t *lease = leased(world, wire);
    assert_status(with_lease(world, lease, "heartbeat", "{\"progress\":40}"), 200);
    assert_status(with_lease(world, lease, "log", "{\"lines\":[\"a\",\"b\"]}"), 204);
    assert_int_equal(number_of(job(world, key, id), "progress"), 40);
    assert_status(cancel(world, key, id), 202);
    struct answer *told = with_lease(world, lease, "heartbeat", "{}");
    assert_true(json_is_true(json_object_get(told->json, "cancelling")));
    struct answer *failed = with_lease(world, lease, "fail", "{\"error\":\"given up\"}");
    assert_status(failed, 200);
    assert_string_equal(text_of(failed, "state"), "cancelled");
    wire_close(wire);
}

/* Who goes is nobody to hand a job to. */
static void a_poll_whose_client_has_gone_takes_no_job(struct world *world)
{
    const char *key = start(world);
    wire_close(poll_for(world, 20000));
    const char *id = enqueue(world, key, "{\"type\":\"send\",\"queue\":\"mail\"}");
    int wire = poll_for(world, 10000);
    json_t *lease = leased(world, wire);
    assert_string_equal(text_in(lease, "id"), id);
    assert_int_equal(json_integer_value(json_object_get(lease, "attempt")), 1);
    wire_close(wire);
}

static void leases_need_a_scope(struct world *world)
{
    const char *key = start(world);
    assert_problem(post(world, "/v1/queues/mail/lease", key, "{}"), 403, "forbidden");
    assert_problem(get(world, "/v1/queues", key), 403, "forbidden");
}

/* ---- Bad weather --------------------------------------------------------------------------- */

/* Executors are busy or idle; one that sleeps in a job was seen in the queue's numbers. */
static void a_gateway_that_stops_gives_its_jobs_back_free_of_charge(struct world *world)
{
    const char *key = start(world);
    const char *id = enqueue(world, key, "{\"type\":\"nap\",\"payload\":{\"ms\":100000}}");
    (void)until(world, key, id, "active");
    assert_int_equal(gateway_stop(world), 0);
    gateway_start(world);
    (void)manage(world, "jobs/pause", NULL);
    struct answer *back = job(world, key, id);
    assert_int_equal(json_array_size(json_object_get(back->json, "failures")), 0);
    assert_in_range(number_of(back, "attempt"), 0, 1); /* 1: it runs again already */
}

static void the_jobs_of_a_gateway_that_died_are_taken_over(struct world *world)
{
    const char *key = start(world);
    const char *id = enqueue(world, key, "{\"type\":\"nap\",\"payload\":{\"ms\":2500}}");
    (void)until(world, key, id, "active");
    gateway_signal(world, SIGKILL);
    (void)gateway_wait_end(world);
    gateway_start(world);
    struct answer *done = until(world, key, id, "completed");
    assert_int_equal(number_of(done, "attempt"), 2);
    assert_string_equal(text_in(failure_of(done, 0), "kind"), "lost");
}

static void jobs_go_on_when_redis_comes_back_without_scripts(struct world *world)
{
    const char *key = start(world);
    const char *id = enqueue(world, key, "{\"type\":\"nap\",\"payload\":{\"ms\":300}}");
    (void)until(world, key, id, "active");
    store_kill(world);
    assert_int_equal(post(world, "/v1/jobs", key, "{\"type\":\"greet\"}")->status, 503);
    store_start(world); /* with nothing in it */
    wait_until(world, get(world, "/readyz", NULL)->status == 200);
    key = make_client(world, "acme");
    id = enqueue(world, key, "{\"type\":\"greet\"}");
    (void)until(world, key, id, "completed");
}

static void a_redis_that_evicts_is_refused(struct world *world)
{
    store_start(world);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/store.sock", world->folder);
    redisContext *redis = redisConnectUnix(path);
    assert_true(redis && !redis->err);
    freeReplyObject(redisCommand(redis, "CONFIG SET maxmemory-policy allkeys-lru"));
    gateway_start(world);
    const char *key = make_client(world, "acme");
    wait_until(world, logged(world, "maxmemory-policy"));
    assert_problem(post(world, "/v1/jobs", key, "{\"type\":\"greet\"}"), 503, "store_evicts");
    freeReplyObject(redisCommand(redis, "CONFIG SET maxmemory-policy noeviction"));
    wait_until(world, post(world, "/v1/jobs", key, "{\"type\":\"greet\"}")->status == 201);
    redisFree(redis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_job_runs_and_its_result_is_read, CONFIG),
        E2E(the_classic_paths_make_and_show_a_job, CONFIG),
        E2E(a_job_that_fails_is_tried_again_until_it_succeeds, CONFIG),
        E2E(a_job_whose_retries_are_spent_is_dead_and_can_start_over, CONFIG),
        E2E(a_job_that_crashes_is_dead_after_its_budget_with_the_signal_named, CONFIG),
        E2E(a_job_that_hangs_is_ended_at_its_timeout, CONFIG),
        E2E(an_executor_that_allocates_without_bound_hits_its_limit_alone,
            CONFIG_JOBS(CONFIG_STORE, "{ crashes: 0, limits: { memory: 256m } }")),
        E2E(a_delayed_job_runs_when_it_is_due, CONFIG),
        E2E(a_queue_that_is_paused_hands_out_nothing_and_then_by_priority, CONFIG_ONE),
        E2E(a_job_is_cancelled_before_and_while_it_runs, CONFIG_SLOW),
        E2E(what_can_not_be_a_job_is_refused, CONFIG),
        E2E(the_same_key_makes_one_job, CONFIG),
        E2E(jobs_of_another_space_are_not_there, CONFIG),
        E2E(a_route_that_is_open_to_all_keeps_spaces_apart,
            CONFIG "routes: { POST /v1/jobs: { auth: none }, \"GET /v1/jobs/{id}\": { auth: none },"
                   " \"POST /v1/queues/{q}/lease\": { auth: none } }\n"),
        E2E(a_batch_is_taken_job_by_job, CONFIG),
        E2E(workers_that_wait_are_woken_one_for_each_job, CONFIG),
        E2E(a_worker_renews_logs_and_fails_its_job, CONFIG),
        E2E(a_poll_whose_client_has_gone_takes_no_job, CONFIG),
        E2E(leases_need_a_scope, CONFIG),
        E2E(a_gateway_that_stops_gives_its_jobs_back_free_of_charge, CONFIG_SLOW),
        E2E(the_jobs_of_a_gateway_that_died_are_taken_over, CONFIG_SLOW),
        E2E(jobs_go_on_when_redis_comes_back_without_scripts, CONFIG_SLOW),
        E2E(a_redis_that_evicts_is_refused, CONFIG),
    };
    return cmocka_run_group_tests_name("jobs e2e", tests, NULL, NULL);
}
