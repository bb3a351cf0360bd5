/* The first quarter of an hour with the shipped config.yaml: make a client, submit a score, see the
 * rank; and what every newcomer does wrong.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes a client; its key as a header, valid until the test ends. */
static const char *new_client(struct world *world, const char *id)
{
    char body[128];
    (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"Client %s\"}", id, id);
    struct answer *answer = http(world, "POST", "/clients/createClient", as_admin(world), body);
    assert_status(answer, 200);
    assert_true(json_is_true(json_object_get(answer->json, "success")));
    assert_string_equal(text_of(answer, "id"), id);
    assert_int_equal(strncmp(text_of(answer, "apiKey"), "slc_", 4), 0);
    return with_key(world, text_of(answer, "apiKey"));
}

static void start(struct world *world)
{
    gateway_start(world);
    wait_until(world, get(world, "/readyz", NULL)->status == 200);
}

static struct answer *submit(struct world *world, const char *key, const char *body)
{
    return http(world, "POST", "/leaderboard/score", key, body);
}

/* ---- The way it should go ----------------------------------------------------------------- */

static void a_new_client_submits_a_score_and_is_first(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    struct answer *answer = submit(world, key, "{\"userId\":\"ann\",\"score\":0}");
    assert_status(answer, 200);
    assert_true(json_is_true(json_object_get(answer->json, "success")));
    assert_true(json_number_value(json_object_get(answer->json, "newScore")) == 0);
    answer = get(world, "/leaderboard/rank/ann", key);
    assert_status(answer, 200);
    assert_int_equal(number_of(answer, "UserRank"), 1);
}

static void every_limited_answer_says_what_is_left(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    struct answer *answer = get(world, "/leaderboard/top", key);
    assert_status(answer, 200);
    assert_header(answer, "ratelimit-policy", "\"default\";q=20;w=20");
    assert_non_null(strstr(header_of(answer, "ratelimit"), "\"default\";r=19;t="));
    assert_header(answer, "x-ratelimit-limit", "20");
    assert_header(answer, "x-ratelimit-remaining", "19");
    assert_non_null(header_of(answer, "x-ratelimit-reset"));
}

static void whoever_asks_too_often_is_told_when_to_come_back(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    struct answer *answer = NULL;
    for (int i = 0; i < 60 && (!answer || answer->status == 200); i++)
        answer = get(world, "/leaderboard/top", key);
    assert_status(answer, 429);
    assert_true(strtol(header_of(answer, "retry-after"), NULL, 10) >= 1);
    assert_true(number_of(answer, "retryAfter") >= 1);
    /* One client's limit is not another's. */
    assert_status(get(world, "/leaderboard/top", new_client(world, "other")), 200);
}

static void what_was_stored_is_there_after_a_restart(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    assert_status(submit(world, key, "{\"userId\":\"ann\",\"score\":12.5}"), 200);
    assert_int_equal(gateway_stop(world), 0);
    start(world);
    struct answer *answer = get(world, "/leaderboard/score/ann", key);
    assert_status(answer, 200);
    assert_true(json_number_value(json_object_get(answer->json, "score")) == 12.5);
}

static void a_rotated_key_works_beside_the_new_one(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    struct answer *answer = http(world, "POST", "/clients/rotateKey/acme", key, "");
    assert_status(answer, 200);
    const char *fresh = with_key(world, text_of(answer, "newKey"));
    assert_string_not_equal(fresh, key);
    assert_status(get(world, "/leaderboard/top", fresh), 200);
    assert_status(get(world, "/leaderboard/top", key), 200);
}

static void the_first_lines_say_where_and_how(struct world *world)
{
    char url[64];
    struct stat info;
    char file[128];
    start(world);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", world->port);
    assert_non_null(strstr(gateway_output(world), url));
    assert_non_null(strstr(gateway_output(world), "admin.token"));
    assert_null(strstr(gateway_output(world), world->token));
    (void)snprintf(file, sizeof file, "%s/data/admin.token", world->folder);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* ---- The ways it goes wrong --------------------------------------------------------------- */

static void an_existing_id_is_409_and_its_key_still_works(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    struct answer *answer = http(world, "POST", "/clients/createClient", as_admin(world),
                                 "{\"id\":\"acme\",\"name\":\"Again\"}");
    assert_status(answer, 409);
    assert_null(json_object_get(answer->json, "apiKey"));
    assert_status(get(world, "/leaderboard/top", key), 200);
}

static void without_a_key_or_with_a_wrong_one_the_answer_is_401(struct world *world)
{
    start(world);
    struct answer *answer = get(world, "/leaderboard/top", NULL);
    assert_problem(answer, 401, "unauthenticated");
    assert_int_equal(strncmp(header_of(answer, "www-authenticate"), "Bearer", 6), 0);
    answer = get(world, "/leaderboard/top", "x-api-key: slc_wrong");
    assert_status(answer, 401);
    answer = http(world, "POST", "/clients/createClient", "authorization: Bearer wrong",
                  "{\"id\":\"acme\",\"name\":\"Acme\"}");
    assert_status(answer, 401);
}

static void what_belongs_to_another_client_is_403(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    (void)new_client(world, "other");
    assert_status(get(world, "/clients/client/acme", key), 200);
    assert_status(get(world, "/clients/client/other", key), 403);
    assert_status(get(world, "/clients/client/nobody", key), 403);
    assert_status(http(world, "POST", "/clients/rotateKey/other", key, ""), 403);
    assert_status(http(world, "DELETE", "/leaderboard/reset", key, NULL), 403);
}

static void a_body_that_is_no_json_is_400_and_one_of_wrong_types_422(struct world *world)
{
    static const struct {
        const char *body;
        long status;
    } wrong[] = {
        {"{\"userId\":\"ann\",", 400},
        {"{\"userId\":\"ann\",\"score\":NaN}", 400},
        {"{\"userId\":\"ann\",\"score\":1,\"score\":2}", 400},
        {"", 400},
        {"{\"userId\":\"ann\",\"score\":\"10\"}", 422},
        {"{\"userId\":\"ann\",\"score\":null}", 422},
        {"{\"userId\":\"ann\"}", 422},
        {"{\"userId\":7,\"score\":1}", 422},
        {"{\"userId\":\"a b\",\"score\":1}", 422},
        {"[1]", 422},
    };
    start(world);
    const char *key = new_client(world, "acme");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct answer *answer = submit(world, key, wrong[i].body);
        if (answer->status != wrong[i].status)
            print_error("body: %s\n", wrong[i].body);
        assert_status(answer, wrong[i].status);
    }
    assert_status(get(world, "/leaderboard/rank/ann", key), 404);
}

static void no_secret_is_logged(struct world *world)
{
    start(world);
    const char *key = new_client(world, "acme");
    assert_status(get(world, "/leaderboard/top", key), 200);
    assert_int_equal(gateway_stop(world), 0);
    assert_false(logged(world, key + strlen("x-api-key: ")));
    assert_false(logged(world, world->token));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_new_client_submits_a_score_and_is_first, NULL),
        E2E(every_limited_answer_says_what_is_left, NULL),
        E2E(whoever_asks_too_often_is_told_when_to_come_back, NULL),
        E2E(what_was_stored_is_there_after_a_restart, NULL),
        E2E(a_rotated_key_works_beside_the_new_one, NULL),
        E2E(the_first_lines_say_where_and_how, NULL),
        E2E(an_existing_id_is_409_and_its_key_still_works, NULL),
        E2E(without_a_key_or_with_a_wrong_one_the_answer_is_401, NULL),
        E2E(what_belongs_to_another_client_is_403, NULL),
        E2E(a_body_that_is_no_json_is_400_and_one_of_wrong_types_422, NULL),
        E2E(no_secret_is_logged, NULL),
    };
    return cmocka_run_group_tests_name("first run", tests, NULL, NULL);
}
