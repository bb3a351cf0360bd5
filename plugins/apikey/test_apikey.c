/* The apikey plugin in the test host: what it asks of Redis and how it answers.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <sluice_test.h>

#include "shared/hasher.h"
#include "token.h"

#define CLASSIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL-_0-9"
#define ACME                                                                                       \
    "{\"client\":\"acme\",\"space\":\"shop\",\"scopes\":\"jobs:work\",\"line\":\"\",\"seq\":3,"    \
    "\"createdAt\":\"1767225600000\"}"
#define CREATE "{\"id\":\"acme\",\"name\":\"Acme Ltd\"}"
#define ME "/clients/client/acme"

struct credentials {
    char token[TOKEN_SIZE];
    char bearer[TOKEN_SIZE + 7];
    char entry[HASH_SIZE + 7]; /* its name in Redis */
};

static struct credentials credentials;

static void name_entry(const char *token, char ret_entry[HASH_SIZE + 7])
{
    struct hasher hasher;
    memcpy(ret_entry, "apiKey:", 7);
    assert_true(hasher_init(&hasher));
    assert_true(hasher_hash(&hasher, token, ret_entry + 7));
    hasher_release(&hasher);
}

static int set_up_with(void **state, const char *options)
{
    uint8_t random[TOKEN_RANDOM] = {1, 2, 3};
    token_write(random, credentials.token);
    (void)snprintf(credentials.bearer, sizeof credentials.bearer, "Bearer %s", credentials.token);
    name_entry(credentials.token, credentials.entry);
    *state = test_host_new(sluice_plugin(), options);
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, NULL);
}

static int set_up_classic(void **state)
{
    return set_up_with(state, "accept_unprefixed: true\n");
}

static int set_up_open(void **state)
{
    return set_up_with(state, "open_registration: true\n");
}

static int set_up_strict(void **state)
{
    return set_up_with(state, "failures: { capacity: 2, refill: 1/10s }\n");
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

/* ---- Authentication ------------------------------------------------------------------------ */

static void expect_lookup(struct test_host *host)
{
    expect_ask_all(host, SLUICE_COMMAND("GET", credentials.entry),
                   SLUICE_COMMAND("PTTL", credentials.entry));
}

static void expect_key(struct test_host *host, const char *entry)
{
    expect_lookup(host);
    if (entry)
        reply_array(host, entry, -1);
    else
        reply_array(host, test_nil(), -2);
}

/* What nobody waits for: once for each key that is remembered. */
static void expect_use(struct test_host *host, const char *used, const char *id)
{
    expect_run(host, "used", 2, credentials.entry, used, id);
    reply_int(host, 1);
}

static void expect_good_key(struct test_host *host)
{
    expect_key(host, ACME);
    expect_use(host, "client:acme:used", "3");
}

static void expect_meta(struct test_host *host)
{
    expect_ask(host, "HMGET", "client:acme:meta", "name", "createdAt");
    reply_array(host, "Acme Ltd", "1767225600123");
}

static struct test_answer *with_key(struct test_host *host, const char *header, const char *value)
{
    test_header(host, header, value);
    return request(host, "GET", ME, NULL);
}

static void a_key_in_x_api_key_says_who_asks(void **state)
{
    struct test_host *host = *state;
    expect_good_key(host);
    expect_meta(host);
    assert_status(with_key(host, "x-api-key", credentials.token), 200);
}

static void a_key_may_come_as_a_bearer(void **state)
{
    struct test_host *host = *state;
    expect_good_key(host);
    expect_meta(host);
    assert_status(with_key(host, "Authorization", credentials.bearer), 200);
}

static void another_bearer_is_left_alone(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = with_key(host, "Authorization", "Bearer something-else");
    assert_status(answer, 401);
    assert_json(answer, "error", "unauthenticated");
}

static void an_admin_needs_no_key(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_meta(host);
    assert_status(with_key(host, "x-api-key", credentials.token), 200);
}

static void a_session_does_not_stand_in_for_a_key(void **state)
{
    struct test_host *host = *state;
    test_session(host, "shop", "ann", "s1");
    expect_good_key(host);
    expect_meta(host);
    assert_status(with_key(host, "x-api-key", credentials.token), 200);
}

static void a_key_of_another_client_is_forbidden(void **state)
{
    struct test_host *host = *state;
    expect_key(host, "{\"client\":\"other\",\"space\":\"other\",\"scopes\":\"\",\"seq\":1}");
    expect_use(host, "client:other:used", "1");
    assert_status(with_key(host, "x-api-key", credentials.token), 403);
}

static void a_scope_of_the_key_counts(void **state)
{
    struct test_host *host = *state;
    expect_key(host,
               "{\"client\":\"ops\",\"space\":\"ops\",\"scopes\":\"admin:apikey\",\"seq\":1}");
    expect_use(host, "client:ops:used", "1");
    expect_meta(host);
    assert_status(with_key(host, "x-api-key", credentials.token), 200);
}

static void a_damaged_key_is_refused_without_asking_redis(void **state)
{
    struct test_host *host = *state;
    credentials.token[TOKEN_SIZE - 2] ^= 1;
    struct test_answer *answer = with_key(host, "x-api-key", credentials.token);
    assert_status(answer, 401);
    assert_json(answer, "error", "invalid_api_key");
    assert_status(with_key(host, "x-api-key", ""), 401);
}

static void an_unknown_key_is_401(void **state)
{
    struct test_host *host = *state;
    expect_key(host, NULL);
    struct test_answer *answer = with_key(host, "x-api-key", credentials.token);
    assert_status(answer, 401);
    assert_json(answer, "error", "invalid_api_key");
}

static void a_disabled_client_is_told_so(void **state)
{
    struct test_host *host = *state;
    expect_key(host, "{\"client\":\"acme\",\"space\":\"acme\",\"scopes\":\"\",\"seq\":1,"
                     "\"disabled\":true}");
    struct test_answer *answer = with_key(host, "x-api-key", credentials.token);
    assert_status(answer, 401);
    assert_json(answer, "error", "client_disabled");
}

static void an_entry_that_can_not_be_read_lets_nobody_in(void **state)
{
    struct test_host *host = *state;
    const char *entries[] = {"acme", "{", "[]", "{\"client\":\"acme\"}",
                             "{\"client\":1,\"space\":\"a\",\"scopes\":\"\",\"seq\":1}"};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        expect_key(host, entries[i]);
        assert_status(with_key(host, "x-api-key", credentials.token), 401);
    }
    assert_logged(host, SLUICE_LOG_ERROR, "can't be read");
    assert_not_logged(host, credentials.entry + 7);
}

static void redis_away_is_503_not_an_open_door(void **state)
{
    struct test_host *host = *state;
    expect_lookup(host);
    reply_trouble(host);
    assert_status(with_key(host, "x-api-key", credentials.token), 503);
}

static void classic_keys_are_refused_unless_they_are_accepted(void **state)
{
    struct test_host *host = *state;
    assert_status(with_key(host, "x-api-key", CLASSIC), 401);
}

static void an_accepted_classic_key_names_its_client(void **state)
{
    struct test_host *host = *state;
    name_entry(CLASSIC, credentials.entry);
    expect_key(host, "acme");
    expect_meta(host);
    assert_status(with_key(host, "x-api-key", CLASSIC), 200);
    expect_key(host, "not a name");
    assert_status(with_key(host, "x-api-key", CLASSIC), 401);
}

/* ---- Failing too often --------------------------------------------------------------------- */

static void an_address_that_fails_too_often_gets_429(void **state)
{
    struct test_host *host = *state;
    assert_status(with_key(host, "x-api-key", "bad"), 401);
    assert_status(with_key(host, "x-api-key", "bad"), 401);
    struct test_answer *answer = with_key(host, "x-api-key", "bad");
    assert_status(answer, 429);
    assert_json(answer, "error", "too_many_failures");
    assert_json(answer, "retryAfter", 10);
    assert_header(answer, "Retry-After", "10");
    test_advance(host, 10000);
    assert_status(with_key(host, "x-api-key", "bad"), 401);
}

static void a_valid_key_is_never_refused_for_the_failures_of_others(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 3; i++)
        (void)with_key(host, "x-api-key", "bad");
    expect_good_key(host);
    expect_meta(host);
    assert_status(with_key(host, "x-api-key", credentials.token), 200);
    expect_key(host, NULL);
    assert_status(with_key(host, "x-api-key", credentials.token), 429);
}

static void coming_without_a_key_is_no_failure(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 5; i++)
        assert_status(request(host, "GET", ME, NULL), 401);
    assert_status(with_key(host, "x-api-key", "bad"), 401);
}

/* ---- Clients ------------------------------------------------------------------------------- */

static struct test_answer *create(struct test_host *host, const char *body)
{
    test_header(host, "Content-Type", "application/json");
    return request(host, "POST", "/clients/createCLient", body);
}

static void expect_create(struct test_host *host, const char *origin)
{
    expect_run(host, "create", 7, "client:acme:meta", "client:acme:apiKeys", test_any(), "clients",
               "space:acme", "client:acme:meta", "", "acme", test_any(), origin, "",
               "{\"name\":\"Acme Ltd\"}");
}

static void reply_created(struct test_host *host)
{
    reply_array(host, "Acme Ltd", "acme", "", test_nil(), "1767225600123", test_nil());
}

static void expect_withdrawal(struct test_host *host, sluice_arg entry)
{
    expect_run(host, "withdraw", 5, "client:acme:meta", "client:acme:apiKeys", entry, "clients",
               "space:acme", "acme");
}

static void a_new_client_gets_a_key_that_fits_its_entry(void **state)
{
    struct test_host *host = *state;
    char entry[HASH_SIZE + 7];
    test_admin(host);
    expect_create(host, "admin");
    reply_created(host);
    struct test_answer *answer = create(host, CREATE);
    assert_status(answer, 200);
    assert_json(answer, "success", true);
    assert_json(answer, "id", "acme");
    assert_header(answer, "Cache-Control", "no-store");
    const char *token = test_json(answer, "apiKey");
    assert_true(token_is_whole(token));
    name_entry(token, entry);
    assert_string_equal(test_asked(host, 2), entry);
    assert_string_equal(test_asked(host, 8), entry + 7);
}

static void an_id_that_is_taken_is_409(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_create(host, "admin");
    reply_text(host, "client_exists");
    struct test_answer *answer = create(host, CREATE);
    assert_status(answer, 409);
    assert_json(answer, "error", "client_exists");
    assert_no_json(answer, "apiKey");
}

static void registration_is_for_admins(void **state)
{
    struct test_host *host = *state;
    assert_status(create(host, CREATE), 401);
    test_client(host, "other", "other", "");
    assert_status(create(host, CREATE), 403);
}

static void open_registration_is_for_everyone_and_noted(void **state)
{
    struct test_host *host = *state;
    expect_create(host, "self");
    reply_created(host);
    assert_status(create(host, CREATE), 200);
}

static void a_wrong_body_makes_no_client(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    assert_status(create(host, "{"), 400);
    assert_status(request(host, "POST", "/clients/createClient", CREATE), 415);
    struct test_answer *answer = create(host, "{\"id\":\"a:b\",\"name\":7}");
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/pointer", "/id");
    assert_json(answer, "/errors/1/pointer", "/name");
}

static void a_client_that_was_made_too_late_is_taken_back(void **state)
{
    struct test_host *host = *state;
    char entry[HASH_SIZE + 7];
    test_admin(host);
    expect_create(host, "admin");
    reply_late(host);
    assert_status(create(host, CREATE), 503);
    (void)snprintf(entry, sizeof entry, "%s", test_asked(host, 2));
    expect_withdrawal(host, sluice_arg_text(entry));
    reply_created(host);
    reply_int(host, 1);
}

static void a_late_conflict_takes_nothing_back(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_create(host, "admin");
    reply_late(host);
    assert_status(create(host, CREATE), 503);
    reply_text(host, "client_exists");
}

static void a_client_that_stays_though_nobody_has_its_key_is_logged(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_create(host, "admin");
    reply_late(host);
    assert_status(create(host, CREATE), 503);
    expect_withdrawal(host, test_any());
    reply_created(host);
    reply_trouble(host);
    assert_logged(host, SLUICE_LOG_WARN, "can't be taken back");
}

static void a_client_is_shown_to_itself(void **state)
{
    struct test_host *host = *state;
    test_client(host, "acme", "acme", "");
    expect_meta(host);
    struct test_answer *answer = request(host, "GET", "/Clients/CLIENT/acme/", NULL);
    assert_status(answer, 200);
    assert_body(answer, "{\"success\":true,\"clientInfo\":{\"id\":\"acme\",\"client\":"
                        "{\"name\":\"Acme Ltd\",\"createdAt\":\"1767225600123\"}}}");
}

static void an_unknown_client_is_404(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_ask(host, "HMGET", "client:acme:meta", "name", "createdAt");
    reply_array(host, test_nil(), test_nil());
    assert_json(request(host, "GET", ME, NULL), "error", "client_not_found");
    assert_status(request(host, "GET", "/clients/client/a%3Ab", NULL), 422);
}

/* ---- Keys ---------------------------------------------------------------------------------- */

static void expect_rotation(struct test_host *host, const char *meta, const char *scopes)
{
    const char *prefix = strncmp(meta, "p:", 2) == 0 ? "p:" : "";
    char index[64], used[64], entry[16];
    (void)snprintf(index, sizeof index, "%sclient:acme:apiKeys", prefix);
    (void)snprintf(used, sizeof used, "%sclient:acme:used", prefix);
    (void)snprintf(entry, sizeof entry, "%sapiKey:", prefix);
    expect_run(host, "rotate", 5, meta, index, used, test_any(), "", entry, "acme", test_any(), 100,
               scopes, "", 604800000, 2);
}

static void rotation_answers_with_the_new_key(void **state)
{
    struct test_host *host = *state;
    char entry[HASH_SIZE + 7];
    test_prefix(host, "p:");
    test_client(host, "acme", "acme", "jobs:work");
    expect_rotation(host, "p:client:acme:meta", "jobs:work");
    reply_array(host, "4", ACME, "", "2");
    struct test_answer *answer = request(host, "POST", "/clients/rotateKey/acme", NULL);
    assert_status(answer, 200);
    assert_json(answer, "success", true);
    assert_header(answer, "Cache-Control", "no-store");
    const char *token = test_json(answer, "newKey");
    assert_true(token_is_whole(token));
    name_entry(token, entry);
    assert_string_equal(test_asked(host, 3) + 2, entry);
    assert_string_equal(test_asked(host, 7), entry + 7);
}

static void rotating_an_unknown_client_is_404(void **state)
{
    struct test_host *host = *state;
    test_admin(host);
    expect_rotation(host, "client:acme:meta", "*");
    reply_text(host, "client_not_found");
    struct test_answer *answer = request(host, "POST", "/clients/rotateKey/acme", NULL);
    assert_status(answer, 404);
    assert_no_json(answer, "newKey");
    assert_status(request(host, "POST", "/clients/rotateKey/..%2F", NULL), 422);
}

static void others_may_not_rotate(void **state)
{
    struct test_host *host = *state;
    test_client(host, "other", "other", "");
    assert_status(request(host, "POST", "/clients/rotateKey/acme", NULL), 403);
}

/* ---- Options ------------------------------------------------------------------------------- */

static void options_are_checked(void **state)
{
    (void)state;
    struct test_host *host = test_host_prepare(sluice_plugin(), "retention: 0\ngrace: soon\n");
    assert_non_null(strstr(test_errors(host), "options:1:12"));
    assert_non_null(strstr(test_errors(host), "options:2:8"));
    test_host_free(host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_WITH(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_in_x_api_key_says_who_asks),
        TEST(a_key_may_come_as_a_bearer),
        TEST(another_bearer_is_left_alone),
        TEST(an_admin_needs_no_key),
        TEST(a_session_does_not_stand_in_for_a_key),
        TEST(a_key_of_another_client_is_forbidden),
        TEST(a_scope_of_the_key_counts),
        TEST(a_damaged_key_is_refused_without_asking_redis),
        TEST(an_unknown_key_is_401),
        TEST(a_disabled_client_is_told_so),
        TEST(an_entry_that_can_not_be_read_lets_nobody_in),
        TEST(redis_away_is_503_not_an_open_door),
        TEST(classic_keys_are_refused_unless_they_are_accepted),
        TEST_WITH(an_accepted_classic_key_names_its_client, set_up_classic),
        TEST_WITH(an_address_that_fails_too_often_gets_429, set_up_strict),
        TEST_WITH(a_valid_key_is_never_refused_for_the_failures_of_others, set_up_strict),
        TEST_WITH(coming_without_a_key_is_no_failure, set_up_strict),
        TEST(a_new_client_gets_a_key_that_fits_its_entry),
        TEST(an_id_that_is_taken_is_409),
        TEST(registration_is_for_admins),
        TEST_WITH(open_registration_is_for_everyone_and_noted, set_up_open),
        TEST(a_wrong_body_makes_no_client),
        TEST(a_client_that_was_made_too_late_is_taken_back),
        TEST(a_late_conflict_takes_nothing_back),
        TEST(a_client_that_stays_though_nobody_has_its_key_is_logged),
        TEST(a_client_is_shown_to_itself),
        TEST(an_unknown_client_is_404),
        TEST(rotation_answers_with_the_new_key),
        TEST(rotating_an_unknown_client_is_404),
        TEST(others_may_not_rotate),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
