/* The session plugin with scripted replies: ids, cookies, senders, data, and late answers.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <sluice_test.h>

#include "data.h"
#include "id.h"
#include "origin.h"
#include "session.h"

#define ID "voWdRYdMfa8d5cCyc4H_POCu3aM6TTpO9xejSfGumO0"
#define OTHER_ID "woWdRYdMfa8d5cCyc4H_POCu3aM6TTpO9xejSfGumO0"
#define IDLE 1800000
#define ABSOLUTE 86400000
#define CREATED INT64_C(1767225600000)

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), NULL);
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

/* With a body that says what it is. */
#define send(host, method, target, body)                                                           \
    (test_header((host), "Content-Type", "application/json"),                                      \
     request((host), (method), (target), (body)))

static void expect_look(struct test_host *host, int with_data)
{
    expect_run(host, "touch", 1, test_any(), IDLE, ABSOLUTE, "user:", test_any(), with_data,
               test_any(), test_any());
}

/* A session of acme's ann with these members. */
#define DESCRIBED(members) "acme", "ann", "public", CREATED, CREATED + IDLE, "3", (members)

static void reply_session(struct test_host *host)
{
    reply_array(host, test_array(host, DESCRIBED(test_array(host, "a", "{\"x\":1}"))));
}

/* The next request comes with a session. */
static void with_session(struct test_host *host, int with_data)
{
    test_header(host, "x-session-id", ID);
    expect_look(host, with_data);
    reply_session(host);
}

/* ---- Ids ----------------------------------------------------------------------------------- */

static void an_id_that_is_damaged_is_401_without_a_look_into_redis(void **state)
{
    static const char *const damaged[] = {"x", ID "A", "",
                                          "voWdRYdMfa8d5cCyc4H_POCu3aM6TTpO9xejSfGumO1",
                                          "voWdRYdMfa8d5cCyc4H+POCu3aM6TTpO9xejSfGumO0"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        test_header(*state, "x-session-id", damaged[i]);
        assert_status(request(*state, "GET", "/v1/sessions/current", NULL), 401);
    }
}

static void redis_is_asked_by_the_digest_alone(void **state)
{
    with_session(*state, 1);
    assert_status(request(*state, "GET", "/v1/sessions/current", NULL), 200);
    assert_null(strstr(test_asked(*state, 0), ID));
    assert_int_equal(strlen(test_asked(*state, 0)), strlen("session:") + 64);
    assert_int_equal(strlen(test_asked(*state, 4)), 64);
}

static void two_sessions_have_two_ids_that_are_well_formed(void **state)
{
    char first[64];
    test_client(*state, "acme", "acme", "");
    for (int i = 0; i < 2; i++) {
        expect_run(*state, "create", 2, test_any(), "user:acme:ann", test_any(), IDLE, ABSOLUTE,
                   1000, 65536, "acme", "ann", test_any(), "192.0.2.1", "");
        reply_array(*state, "ok", test_array(*state, DESCRIBED(test_empty_array(*state))));
        struct test_answer *made = send(*state, "POST", "/v1/sessions", "{\"userId\":\"ann\"}");
        assert_status(made, 201);
        assert_true(id_is_formed(test_json(made, "sessionId")));
        if (i == 0)
            (void)snprintf(first, sizeof first, "%s", test_json(made, "sessionId"));
        else
            assert_string_not_equal(first, test_json(made, "sessionId"));
    }
}

static void without_a_key_nobody_makes_a_session(void **state)
{
    assert_status(send(*state, "POST", "/v1/sessions", "{\"userId\":\"ann\"}"), 401);
    with_session(*state, 0);
    assert_status(send(*state, "POST", "/v1/sessions", "{\"userId\":\"ann\"}"), 401);
}

/* ---- Looking up ---------------------------------------------------------------------------- */

static struct test_answer *look(struct test_host *host, const char *id, const char *agent)
{
    test_header(host, "x-session-id", id);
    test_header(host, "User-Agent", agent);
    return request(host, "GET", "/v1/sessions/current", NULL);
}

#define ONE_OF_MANY test_any(), 1, test_any(), test_any()

static void sessions_of_requests_that_come_at_once_are_looked_up_together(void **state)
{
    struct test_host *host = *state;
    expect_look(host, 1);
    struct test_answer *first = look(host, ID, "browser");
    struct test_answer *second = look(host, ID, "browser"),
                       *other = look(host, OTHER_ID, "browser");
    assert_waiting(first);
    expect_run(host, "touch", 2, test_any(), test_any(), IDLE, ABSOLUTE, "user:", ONE_OF_MANY,
               ONE_OF_MANY);
    reply_session(host);
    assert_json(first, "userId", "ann");
    reply_array(host, test_nil(), test_array(host, DESCRIBED(test_empty_array(host))));
    assert_status(second, 401);
    assert_json(second, "error", "invalid_session");
    assert_json(other, "userId", "ann");
}

static void requests_of_one_session_and_device_share_a_look(void **state)
{
    struct test_host *host = *state;
    expect_look(host, 1);
    struct test_answer *first = look(host, ID, "browser");
    struct test_answer *same[] = {look(host, ID, "browser"), look(host, ID, "browser")};
    struct test_answer *app = look(host, ID, "app");
    expect_run(host, "touch", 2, test_any(), test_any(), IDLE, ABSOLUTE, "user:", ONE_OF_MANY,
               ONE_OF_MANY);
    reply_session(host);
    assert_status(first, 200);
    reply_array(host, test_array(host, DESCRIBED(test_empty_array(host))), test_nil());
    assert_json(same[0], "userId", "ann");
    assert_json(same[1], "userId", "ann");
    assert_status(app, 401);
}

static void a_script_that_fails_is_a_500(void **state)
{
    expect_look(*state, 1);
    reply_error(*state, "ERR user_script:1: attempt to call a nil value");
    test_header(*state, "x-session-id", ID);
    assert_status(request(*state, "GET", "/v1/sessions/current", NULL), 500);
    assert_logged(*state, SLUICE_LOG_ERROR, "attempt to call a nil value");
}

static void a_session_that_could_not_be_renewed_is_503_alone(void **state)
{
    struct test_host *host = *state;
    expect_look(host, 1);
    struct test_answer *first = look(host, ID, "browser");
    struct test_answer *full = look(host, ID, "browser"), *other = look(host, OTHER_ID, "browser");
    expect_run(host, "touch", 2, test_any(), test_any(), IDLE, ABSOLUTE, "user:", ONE_OF_MANY,
               ONE_OF_MANY);
    reply_session(host);
    assert_status(first, 200);
    reply_array(host, sluice_error("OOM command not allowed when used memory > 'maxmemory'."),
                test_array(host, DESCRIBED(test_empty_array(host))));
    assert_status(full, 503);
    assert_json(full, "error", "store_unavailable");
    assert_logged(host, SLUICE_LOG_WARN, "OOM command not allowed");
    assert_json(other, "userId", "ann");
}

static void redis_being_away_is_503_and_never_401(void **state)
{
    test_header(*state, "x-session-id", ID);
    expect_look(*state, 1);
    reply_trouble(*state);
    struct test_answer *answer = request(*state, "GET", "/v1/sessions/current", NULL);
    assert_status(answer, 503);
    assert_null(test_answer_header(answer, "Set-Cookie"));
}

static void the_answer_has_the_version_as_its_tag(void **state)
{
    with_session(*state, 1);
    struct test_answer *answer = request(*state, "GET", "/v1/sessions/current", NULL);
    assert_header(answer, "ETag", "\"3\"");
    assert_header(answer, "Cache-Control", "no-store");
    assert_json(answer, "version", 3);
    assert_json(answer, "/data/a/x", 1);
    assert_json(answer, "createdAt", "2026-01-01T00:00:00.000Z");
    assert_json(answer, "expiresAt", "2026-01-01T00:30:00.000Z");
}

static void who_guesses_ids_is_slowed_down_by_address(void **state)
{
    for (int i = 0; i < 20; i++) {
        test_header(*state, "x-session-id", "guess");
        assert_status(request(*state, "GET", "/v1/sessions/current", NULL), 401);
    }
    test_header(*state, "x-session-id", "guess");
    struct test_answer *answer = request(*state, "GET", "/v1/sessions/current", NULL);
    assert_status(answer, 429);
    assert_header(answer, "Retry-After", "1");
    test_address(*state, "192.0.2.2");
    test_header(*state, "x-session-id", "guess");
    assert_status(request(*state, "GET", "/v1/sessions/current", NULL), 401);
    test_address(*state, "192.0.2.1");
    with_session(*state, 1);
    assert_status(request(*state, "GET", "/v1/sessions/current", NULL), 200);
}

static void a_client_of_another_space_sees_no_session(void **state)
{
    test_client(*state, "other", "other", "");
    with_session(*state, 1);
    assert_status(request(*state, "GET", "/v1/sessions/current", NULL), 401);
}

/* ---- Late answers -------------------------------------------------------------------------- */

static void a_session_made_too_late_is_ended(void **state)
{
    test_client(*state, "acme", "acme", "");
    expect_run(*state, "create", 2, test_any(), test_any(), test_any(), test_any(), test_any(),
               test_any(), test_any(), test_any(), test_any(), test_any(), test_any(), test_any());
    reply_late(*state);
    assert_status(send(*state, "POST", "/v1/sessions", "{\"userId\":\"ann\"}"), 503);
    expect_run(*state, "destroy", 2, test_any(), "user:acme:ann", test_any());
    reply_array(*state, "ok", test_array(*state, DESCRIBED(test_empty_array(*state))));
    reply_int(*state, 1);
}

static void a_rotation_made_too_late_is_turned_back(void **state)
{
    char old[80], new[80];
    with_session(*state, 0);
    expect_run(*state, "rotate", 3, test_any(), test_any(), "user:acme:ann", test_any(), test_any(),
               IDLE, ABSOLUTE);
    reply_late(*state);
    assert_status(send(*state, "POST", "/v1/sessions/current/rotate", NULL), 503);
    (void)snprintf(old, sizeof old, "%s", test_asked(*state, 0));
    (void)snprintf(new, sizeof new, "%s", test_asked(*state, 1));
    expect_run(*state, "rotate", 3, new, old, "user:acme:ann", new + strlen("session:"),
               old + strlen("session:"), IDLE, ABSOLUTE);
    reply_array(*state, "ok", test_array(*state, DESCRIBED(test_empty_array(*state))));
    reply_array(*state, "ok", test_array(*state, DESCRIBED(test_empty_array(*state))));
}

/* ---- Changes ------------------------------------------------------------------------------- */

static void expect_merge(struct test_host *host, const char *expected, const char *text)
{
    expect_run(host, "patch", 1, test_any(), "", 0, 65536, MEMBERS_MAX, IDLE, ABSOLUTE, "a",
               expected, text);
}

static void a_member_that_changed_meanwhile_is_merged_again(void **state)
{
    with_session(*state, 1);
    expect_merge(*state, "={\"x\":1}", "{\"x\":1,\"y\":2}");
    reply_array(*state, "conflict",
                test_array(*state, DESCRIBED(test_array(*state, "a", "{\"z\":3}"))));
    expect_merge(*state, "={\"z\":3}", "{\"z\":3,\"y\":2}");
    reply_array(*state, "ok",
                test_array(*state, DESCRIBED(test_array(*state, "a", "{\"z\":3,\"y\":2}"))));
    struct test_answer *answer =
        send(*state, "PATCH", "/v1/sessions/current", "{\"data\":{\"a\":{\"y\":2}}}");
    assert_status(answer, 200);
    assert_json(answer, "/data/a/z", 3);
    assert_json(answer, "/data/a/y", 2);
}

static void who_never_gets_his_turn_is_told_so(void **state)
{
    with_session(*state, 1);
    for (int i = 0; i < 100; i++) {
        expect_merge(*state, "={\"x\":1}", "{\"x\":1,\"y\":2}");
        reply_array(*state, "conflict",
                    test_array(*state, DESCRIBED(test_array(*state, "a", "{\"x\":1}"))));
    }
    struct test_answer *answer =
        send(*state, "PATCH", "/v1/sessions/current", "{\"data\":{\"a\":{\"y\":2}}}");
    assert_status(answer, 409);
    assert_json(answer, "error", "data_contended");
}

static void a_session_that_ended_meanwhile_is_401(void **state)
{
    with_session(*state, 1);
    expect_merge(*state, "", "1");
    reply_nil(*state);
    assert_status(send(*state, "PATCH", "/v1/sessions/current", "{\"data\":{\"a\":1}}"), 401);
}

static void another_version_asks_redis_for_nothing(void **state)
{
    with_session(*state, 1);
    test_header(*state, "If-Match", "\"33\", \"2\"");
    assert_status(send(*state, "PATCH", "/v1/sessions/current", "{\"data\":{\"a\":1}}"), 412);
}

static void what_is_no_change_is_422(void **state)
{
    static const char *const bodies[] = {"{}", "{\"data\":1}", "{\"data\":[]}", "{\"data\":null}",
                                         "{\"data\":{},\"userId\":\"bob\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        with_session(*state, 1);
        assert_status(send(*state, "PATCH", "/v1/sessions/current", bodies[i]), 422);
    }
}

/* ---- All of a user ------------------------------------------------------------------------- */

static void revoking_goes_on_until_none_is_left(void **state)
{
    test_client(*state, "acme", "acme", "");
    for (int left = 800; left >= 0; left -= 200) {
        expect_run(*state, "revoke", 1, "user:acme:ann", "session:", "", 200);
        reply_int(*state, left);
    }
    assert_status(request(*state, "DELETE", "/v1/users/ann/sessions", NULL), 204);
}

static void only_a_session_of_the_user_can_be_excepted(void **state)
{
    test_client(*state, "acme", "acme", "");
    assert_status(request(*state, "DELETE", "/v1/users/ann/sessions?except=current", NULL), 422);
    assert_status(request(*state, "DELETE", "/v1/users/ann/sessions?except=x", NULL), 422);
}

/* ---- Senders ------------------------------------------------------------------------------- */

static bool may_write(const char *origin, const char *referer, const char *site)
{
    static const char *const items[] = {"https://app.example.com"};
    const sluice_texts origins = {.items = items, .count = 1};
    const struct sender sender = {origin, referer, site, "api.example.com:8443"};
    return origin_may_write(&sender, &origins);
}

static void a_page_of_the_same_host_or_a_named_one_may_write(void **state)
{
    (void)state;
    assert_true(may_write("https://api.example.com:8443", NULL, NULL));
    assert_true(may_write("https://APP.example.com", NULL, "same-site"));
    assert_true(may_write(NULL, "https://app.example.com/page?x", NULL));
    assert_true(may_write(NULL, NULL, "same-origin"));
    assert_true(may_write(NULL, NULL, "none"));
    assert_true(may_write(NULL, NULL, NULL));
}

static void no_other_page_may_write(void **state)
{
    (void)state;
    assert_false(may_write("null", NULL, NULL));
    assert_false(may_write("https://api.example.com", NULL, NULL));
    assert_false(may_write("https://app.example.com.evil.example", NULL, NULL));
    assert_false(may_write("https://evil.example", "https://app.example.com/", NULL));
    assert_false(may_write(NULL, "https://evil.example/https://app.example.com", NULL));
    assert_false(may_write("https://api.example.com:8443", NULL, "cross-site"));
    assert_false(may_write(NULL, NULL, "same-site"));
}

/* ---- Options ------------------------------------------------------------------------------- */

static void refuse(const char *options, const char *message)
{
    struct test_host *host = test_host_prepare(sluice_plugin(), options);
    assert_non_null(strstr(test_errors(host), message));
    test_host_free(host);
}

static void what_is_no_origin_is_refused_at_the_start(void **state)
{
    (void)state;
    refuse("origins: [app.example.com]\n", "is no origin");
    refuse("origins: [\"https://app.example.com/\"]\n", "is no origin");
    refuse("origins: [\"https://*.example.com\"]\n", "is no origin");
}

static void a_session_cannot_end_before_it_is_idle(void **state)
{
    (void)state;
    refuse("idle: 2h\nabsolute: 1h\n", "absolute");
}

/* ---- Data ---------------------------------------------------------------------------------- */

static void assert_merged(const char *target, const char *patch, const char *expected)
{
    json_t *all[] = {target ? json_loads(target, JSON_DECODE_ANY, NULL) : NULL,
                     json_loads(patch, JSON_DECODE_ANY, NULL),
                     json_loads(expected, JSON_DECODE_ANY, NULL)};
    json_t *merged = data_merge(all[0], all[1]);
    assert_true(json_equal(merged, all[2]));
    json_decref(merged);
    for (size_t i = 0; i < 3; i++)
        json_decref(all[i]);
}

/* From RFC 7396, appendix A. */
static void data_is_merged_as_the_rfc_says(void **state)
{
    (void)state;
    assert_merged("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}");
    assert_merged("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}");
    assert_merged("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
                  "{\"a\":{\"b\":\"d\"}}");
    assert_merged("[\"a\"]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}");
    assert_merged(NULL, "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}");
    assert_merged("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sessions_of_requests_that_come_at_once_are_looked_up_together),
        TEST(requests_of_one_session_and_device_share_a_look),
        TEST(a_script_that_fails_is_a_500),
        TEST(an_id_that_is_damaged_is_401_without_a_look_into_redis),
        TEST(redis_is_asked_by_the_digest_alone),
        TEST(two_sessions_have_two_ids_that_are_well_formed),
        TEST(without_a_key_nobody_makes_a_session),
        TEST(a_session_that_could_not_be_renewed_is_503_alone),
        TEST(redis_being_away_is_503_and_never_401),
        TEST(the_answer_has_the_version_as_its_tag),
        TEST(who_guesses_ids_is_slowed_down_by_address),
        TEST(a_client_of_another_space_sees_no_session),
        TEST(a_session_made_too_late_is_ended),
        TEST(a_rotation_made_too_late_is_turned_back),
        TEST(a_member_that_changed_meanwhile_is_merged_again),
        TEST(who_never_gets_his_turn_is_told_so),
        TEST(a_session_that_ended_meanwhile_is_401),
        TEST(another_version_asks_redis_for_nothing),
        TEST(what_is_no_change_is_422),
        TEST(revoking_goes_on_until_none_is_left),
        TEST(only_a_session_of_the_user_can_be_excepted),
        TEST(a_page_of_the_same_host_or_a_named_one_may_write),
        TEST(no_other_page_may_write),
        TEST(what_is_no_origin_is_refused_at_the_start),
        TEST(a_session_cannot_end_before_it_is_idle),
        TEST(data_is_merged_as_the_rfc_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
