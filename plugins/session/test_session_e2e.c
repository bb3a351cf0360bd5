/* Sessions end to end: what they hold, and who may do what with them.
 *
 * SPDX-License-Identifier: MIT */
#include "test_sessions.h"

/* ---- Classic ------------------------------------------------------------------------------- */

static void a_classic_session_is_made_read_and_deleted(struct world *world)
{
    const char *key = start(world);
    struct answer *made =
        http(world, "POST", "/session/create", key,
             "{\"userId\":\"ann\",\"email\":\"ann@example.com\",\"name\":\"Ann\"}");
    assert_status(made, 200);
    assert_true(json_is_true(json_object_get(made->json, "success")));
    assert_int_equal(strlen(text_of(made, "sessionId")), 43);
    assert_header(made, "Cache-Control", "no-store");
    const char *session = by_id(world, made);
    struct answer *seen = get(world, "/session/get", session);
    assert_status(seen, 200);
    json_t *shown = json_object_get(seen->json, "session");
    assert_string_equal(json_string_value(json_object_get(shown, "userId")), "ann");
    assert_string_equal(json_string_value(json_object_get(shown, "email")), "ann@example.com");
    assert_string_equal(json_string_value(json_object_get(shown, "name")), "Ann");
    assert_true(json_integer_value(json_object_get(shown, "createdAt")) > 1600000000000);
    assert_status(http(world, "DELETE", "/session/delete", session, NULL), 200);
    assert_problem(get(world, "/session/get", session), 401, "invalid_session");
    assert_problem(get(world, "/session/get", NULL), 401, "unauthenticated");
}

static void what_a_classic_session_needs_is_checked(struct world *world)
{
    const char *key = start(world);
    assert_problem(http(world, "POST", "/session/create", NULL, "{}"), 401, "unauthenticated");
    assert_problem(http(world, "POST", "/session/create", key, "{\"userId\":\"ann\"}"), 422,
                   "invalid_body");
    assert_problem(http(world, "POST", "/session/create", key,
                        "{\"userId\":1,\"email\":\"a@b\",\"name\":\"x\"}"),
                   422, "invalid_body");
}

static void the_classic_look_shows_a_session_of_v1_too(struct world *world)
{
    const char *key = start(world);
    struct answer *seen = get(world, "/session/get", sign_in(world, key));
    assert_status(seen, 200);
    json_t *shown = json_object_get(seen->json, "session");
    assert_string_equal(json_string_value(json_object_get(shown, "userId")), "ann");
    assert_null(json_object_get(shown, "email"));
}

/* ---- /v1 ----------------------------------------------------------------------------------- */

static void a_session_keeps_its_data(struct world *world)
{
    const char *key = start(world);
    struct answer *made = make(world, key,
                               "{\"userId\":\"ann\",\"data\":{\"role\":\"editor\",\"n\":1,"
                               "\"list\":[],\"deep\":{\"x\":9007199254740993}}}");
    assert_header(made, "ETag", "\"1\"");
    assert_header(made, "Cache-Control", "no-store");
    const char *session = by_id(world, made);
    struct answer *seen = get(world, CURRENT, session);
    assert_status(seen, 200);
    assert_null(json_object_get(seen->json, "sessionId"));
    assert_true(json_equal(data_of(seen), data_of(made)));
    assert_non_null(strstr(seen->body, "\"list\":[]"));
    assert_non_null(strstr(seen->body, "9007199254740993"));
    assert_status(http(world, "DELETE", CURRENT, session, NULL), 204);
    assert_problem(get(world, CURRENT, session), 401, "invalid_session");
}

static void a_patch_merges(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    struct answer *changed =
        patch(world, session, "{\"data\":{\"a\":1,\"o\":{\"x\":1,\"y\":2},\"gone\":true}}");
    assert_status(changed, 200);
    assert_header(changed, "ETag", "\"2\"");
    changed = patch(world, session, "{\"data\":{\"gone\":null,\"o\":{\"x\":null,\"z\":3}}}");
    assert_status(changed, 200);
    json_t *expected = json_loads("{\"a\":1,\"o\":{\"y\":2,\"z\":3}}", 0, NULL);
    assert_true(json_equal(data_of(changed), expected));
    assert_true(json_equal(data_of(get(world, CURRENT, session)), expected));
    json_decref(expected);
}

static void another_version_is_412(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    const char *first = lines(world, session, "If-Match: \"1\"");
    assert_status(patch(world, first, "{\"data\":{\"a\":1}}"), 200);
    assert_problem(patch(world, first, "{\"data\":{\"a\":2}}"), 412, "version_changed");
    assert_problem(patch(world, lines(world, session, "If-Match: W/\"2\""), "{\"data\":{}}"), 412,
                   "version_changed");
    assert_status(
        patch(world, lines(world, session, "If-Match: \"7\", \"2\""), "{\"data\":{\"a\":3}}"), 200);
    assert_status(patch(world, lines(world, session, "If-Match: *"), "{\"data\":{\"a\":4}}"), 200);
}

static void what_a_key_wrote_a_session_alone_cannot_change(struct world *world)
{
    const char *key = start(world);
    const char *session =
        by_id(world, make(world, key, "{\"userId\":\"ann\",\"data\":{\"role\":\"user\"}}"));
    assert_problem(patch(world, session, "{\"data\":{\"x\":1,\"role\":\"admin\"}}"), 403,
                   "read_only_field");
    assert_problem(patch(world, session, "{\"data\":{\"role\":null}}"), 403, "read_only_field");
    struct answer *seen = get(world, CURRENT, session);
    assert_string_equal(json_string_value(json_object_get(data_of(seen), "role")), "user");
    assert_null(json_object_get(data_of(seen), "x"));
    const char *both = lines(world, session, key);
    assert_status(patch(world, both, "{\"data\":{\"role\":\"admin\"}}"), 200);
    assert_problem(patch(world, session, "{\"data\":{\"role\":\"user\"}}"), 403, "read_only_field");
}

static void only_members_that_are_writable_can_be_written_by_a_session(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    assert_status(patch(world, session, "{\"data\":{\"theme\":\"dark\"}}"), 200);
    assert_problem(patch(world, session, "{\"data\":{\"role\":\"admin\"}}"), 403,
                   "read_only_field");
    assert_status(patch(world, lines(world, session, key), "{\"data\":{\"role\":\"a\"}}"), 200);
}

/* {"data":{"a":...}} with a value nested `levels` deep below data. */
static const char *nested(int levels)
{
    static char body[256];
    char *at = body + sprintf(body, "{\"userId\":\"ann\",\"data\":{\"a\":");
    for (int i = 0; i < levels; i++)
        *at++ = '[';
    for (int i = 0; i < levels; i++)
        *at++ = ']';
    (void)strcpy(at, "}}");
    return body;
}

static void data_is_at_most_16_levels_deep(struct world *world)
{
    const char *key = start(world);
    (void)make(world, key, nested(15));
    assert_problem(http(world, "POST", "/v1/sessions", key, nested(16)), 422, "data_too_deep");
}

static void data_is_at_most_64_kib(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    char *body = malloc(70000);
    assert_non_null(body);
    (void)snprintf(body, 70000, "{\"data\":{\"a\":\"%0*d\"}}", 65536 - 7, 0);
    assert_status(patch(world, session, body), 200);
    assert_problem(patch(world, session, "{\"data\":{\"b\":1}}"), 422, "data_too_large");
    (void)snprintf(body, 70000, "{\"data\":{\"a\":\"%0*d\"}}", 65536 - 6, 0);
    assert_problem(patch(world, session, body), 422, "data_too_large");
    assert_status(patch(world, session, "{\"data\":{\"a\":null,\"b\":1}}"), 200);
    free(body);
}

/* ---- Ids ----------------------------------------------------------------------------------- */

static void an_id_that_the_server_did_not_make_is_never_adopted(struct world *world)
{
    const char *key = start(world);
    redisContext *redis = store_open(world);
    long long before = store_number(redis, "DBSIZE");
    assert_problem(get(world, CURRENT, NOBODY), 401, "invalid_session");
    assert_problem(patch(world, NOBODY, "{\"data\":{\"a\":1}}"), 401, "invalid_session");
    assert_problem(http(world, "POST", CURRENT "/rotate", NOBODY, NULL), 401, "invalid_session");
    assert_problem(get(world, CURRENT, "x-session-id: chosen"), 401, "invalid_session");
    assert_int_equal(store_number(redis, "DBSIZE"), before);
    struct answer *made =
        http(world, "POST", "/v1/sessions", lines(world, key, NOBODY), "{\"userId\":\"ann\"}");
    assert_status(made, 201);
    assert_null(strstr(NOBODY, text_of(made, "sessionId")));
    assert_problem(get(world, CURRENT, NOBODY), 401, "invalid_session");
    redisFree(redis);
}

static void redis_never_sees_an_id(struct world *world)
{
    const char *key = start(world);
    struct answer *made = make(world, key, "{\"userId\":\"ann\"}");
    redisContext *redis = store_open(world);
    redisReply *names = redisCommand(redis, "KEYS *");
    size_t sessions = 0;
    for (size_t i = 0; i < names->elements; i++) {
        const char *name = names->element[i]->str;
        assert_null(strstr(name, text_of(made, "sessionId")));
        sessions += strncmp(name, "session:", 8) == 0 && strlen(name) == 8 + 64;
    }
    assert_int_equal(sessions, 1);
    freeReplyObject(names);
    redisFree(redis);
    assert_null(strstr(gateway_log(world), text_of(made, "sessionId")));
}

static void rotation_gives_another_id_and_ends_the_old_one(struct world *world)
{
    const char *key = start(world);
    const char *old = by_id(world, make(world, key, "{\"userId\":\"ann\",\"data\":{\"a\":1}}"));
    struct answer *rotated = http(world, "POST", CURRENT "/rotate", old, NULL);
    assert_status(rotated, 200);
    const char *new = by_id(world, rotated);
    assert_string_not_equal(old, new);
    assert_problem(get(world, CURRENT, old), 401, "invalid_session");
    assert_problem(http(world, "POST", CURRENT "/rotate", old, NULL), 401, "invalid_session");
    assert_true(json_equal(data_of(get(world, CURRENT, new)), data_of(rotated)));
    assert_int_equal(count_of(world, new), 1);
}

static void who_sends_too_many_unknown_ids_is_told_to_wait(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    struct answer *refused = get(world, CURRENT, NOBODY);
    for (int i = 0; refused->status == 401 && i < 200; i++) /* each worker counts for itself */
        refused = get(world, CURRENT, NOBODY);
    assert_problem(refused, 429, "too_many_failures");
    assert_non_null(header_of(refused, "Retry-After"));
    assert_int_equal(status_of(world, session), 200);
}

/* ---- Spaces and users ---------------------------------------------------------------------- */

static void a_session_of_another_space_does_not_exist(struct world *world)
{
    const char *key = start(world);
    const char *other = client_key(world, "other");
    const char *session = sign_in(world, key);
    assert_status(get(world, CURRENT, lines(world, session, key)), 200);
    assert_problem(get(world, CURRENT, lines(world, session, other)), 401, "invalid_session");
    assert_problem(patch(world, lines(world, session, other), "{\"data\":{\"a\":1}}"), 401,
                   "invalid_session");
    assert_int_equal(count_of(world, other), 0);
    assert_status(http(world, "DELETE", OF_ANN, other, NULL), 204);
    assert_int_equal(status_of(world, session), 200);
    assert_int_equal(count_of(world, key), 1);
}

static void a_session_sees_its_own_users_sessions_and_ends_the_others(struct world *world)
{
    const char *key = start(world);
    const char *mine = sign_in(world, key);
    const char *phone = sign_in(world, key);
    assert_int_equal(status_of(world, lines(world, phone, "User-Agent: Phone/1.0")), 200);
    struct answer *list = get(world, OF_ANN, mine);
    assert_status(list, 200);
    json_t *sessions = json_object_get(list->json, "sessions"), *row;
    size_t i, currents = 0, phones = 0;
    json_array_foreach(sessions, i, row)
    {
        const char *device = json_string_value(json_object_get(row, "device"));
        currents += json_is_true(json_object_get(row, "current"));
        phones += device && strcmp(device, "Phone/1.0") == 0;
        assert_string_equal(json_string_value(json_object_get(row, "address")), "127.0.0.1");
        assert_non_null(json_object_get(row, "createdAt"));
        assert_non_null(json_object_get(row, "lastSeenAt"));
    }
    assert_int_equal(i, 2);
    assert_int_equal(currents, 1);
    assert_int_equal(phones, 1);
    assert_problem(get(world, "/v1/users/bob/sessions", mine), 403, "forbidden");
    assert_problem(http(world, "DELETE", "/v1/users/bob/sessions", mine, NULL), 403, "forbidden");
    assert_status(http(world, "DELETE", OF_ANN "?except=current", mine, NULL), 204);
    assert_problem(get(world, CURRENT, phone), 401, "invalid_session");
    assert_int_equal(status_of(world, mine), 200);
}

static void another_plugins_route_takes_a_session(struct world *world)
{
    const char *key = start(world);
    struct answer *made = make(world, key, "{\"userId\":\"ann\"}");
    assert_problem(get(world, "/probe/hello", NULL), 401, "unauthenticated");
    assert_problem(get(world, "/probe/hello", NOBODY), 401, "invalid_session");
    assert_status(get(world, "/probe/hello", by_id(world, made)), 200);
    assert_status(get(world, "/probe/hello", by_cookie(world, made)), 200);
}

static void a_route_that_was_opened_is_refused_and_breaks_nothing(struct world *world)
{
    static const struct {
        const char *method, *path, *body;
    } asks[] = {
        {"GET", CURRENT, NULL},
        {"PATCH", CURRENT, "{\"data\":{}}"},
        {"DELETE", CURRENT, NULL},
        {"POST", CURRENT "/rotate", NULL},
        {"GET", "/session/get", NULL},
        {"DELETE", "/session/delete", NULL},
        {"POST", "/v1/sessions", "{\"userId\":\"ann\"}"},
        {"GET", OF_ANN, NULL},
        {"DELETE", OF_ANN, NULL},
    };
    (void)start(world);
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        assert_problem(http(world, asks[i].method, asks[i].path, NULL, asks[i].body), 401,
                       "unauthenticated");
    assert_false(logged(world, "signal"));
}

#define OPEN(route) route ": { auth: none }, "
#define OPENED                                                                                     \
    CONFIG_HEAD "workers: 2\n" CONFIG_STORE                                                        \
                "plugins:\n  - apikey\n  - session\nroutes: { " OPEN("GET " CURRENT)               \
                    OPEN("PATCH " CURRENT) OPEN("DELETE " CURRENT) OPEN("POST " CURRENT "/rotate") \
                        OPEN("GET /session/get") OPEN("DELETE /session/delete")                    \
                            OPEN("POST /v1/sessions") OPEN("\"GET /v1/users/{id}/sessions\"")      \
                                OPEN("\"DELETE /v1/users/{id}/sessions\"") "}\n"

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_classic_session_is_made_read_and_deleted, CONFIG),
        E2E(what_a_classic_session_needs_is_checked, CONFIG),
        E2E(the_classic_look_shows_a_session_of_v1_too, CONFIG),
        E2E(a_session_keeps_its_data, CONFIG),
        E2E(a_patch_merges, CONFIG),
        E2E(another_version_is_412, CONFIG),
        E2E(what_a_key_wrote_a_session_alone_cannot_change, CONFIG),
        E2E(only_members_that_are_writable_can_be_written_by_a_session,
            CONFIG_WITH("writable: [theme]")),
        E2E(data_is_at_most_16_levels_deep, CONFIG),
        E2E(data_is_at_most_64_kib, CONFIG),
        E2E(an_id_that_the_server_did_not_make_is_never_adopted, CONFIG),
        E2E(redis_never_sees_an_id, CONFIG),
        E2E(rotation_gives_another_id_and_ends_the_old_one, CONFIG),
        E2E(who_sends_too_many_unknown_ids_is_told_to_wait, CONFIG),
        E2E(a_session_of_another_space_does_not_exist, CONFIG),
        E2E(a_session_sees_its_own_users_sessions_and_ends_the_others, CONFIG),
        E2E(another_plugins_route_takes_a_session, CONFIG),
        E2E(a_route_that_was_opened_is_refused_and_breaks_nothing, OPENED),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
