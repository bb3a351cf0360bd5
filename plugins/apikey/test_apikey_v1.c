/* The resource paths of apikey in the test host: what they ask of the scripts and how they answer.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <sluice_test.h>

#include "shared/hasher.h"
#include "token.h"

#define META "client:acme:meta"
#define INDEX "client:acme:apiKeys"
#define USED "client:acme:used"
#define KEYS "/v1/clients/acme/keys"
#define ENTRY                                                                                      \
    "{\"client\":\"acme\",\"space\":\"acme\",\"scopes\":\"jobs:work "                              \
    "keys:verify\",\"line\":\"ci\","                                                               \
    "\"name\":\"Build\",\"cidrs\":\"0a000000/8\",\"seq\":3,\"createdAt\":\"1767225600123\"}"
#define BARE "{\"client\":\"acme\",\"space\":\"acme\",\"scopes\":\"\",\"line\":\"\",\"seq\":1}"

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), NULL);
    test_admin(*state);
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static struct test_answer *send(struct test_host *host, const char *method, const char *path,
                                const char *body)
{
    if (body)
        test_header(host, "Content-Type", "application/json");
    return request(host, method, path, body);
}

/* ---- Clients -------------------------------------------------------------------------------- */

static void expect_create(struct test_host *host, const char *space, const char *ask)
{
    char home[64], meta[64];
    (void)snprintf(home, sizeof home, "space:%s", space);
    (void)snprintf(meta, sizeof meta, "client:%s:meta", space);
    expect_run(host, "create", 7, META, INDEX, "", "clients", home, meta, "", "acme", "", "admin",
               "*", ask);
}

static void a_client_is_made_and_shown_as_it_is(void **state)
{
    struct test_host *host = *state;
    expect_create(host, "shop",
                  "{\"name\":\"Acme Ltd\",\"space\":\"shop\",\"grants\":\"jobs:work "
                  "keys:verify\",\"policy\":\"slow\"}");
    reply_array(host, "Acme Ltd", "shop", "jobs:work keys:verify", test_nil(), "1767225600123",
                "slow");
    struct test_answer *answer =
        send(host, "POST", "/v1/clients",
             "{\"id\":\"acme\",\"name\":\"Acme Ltd\",\"space\":\"shop\",\"policy\":\"slow\","
             "\"grants\":[\"jobs:work\",\"keys:verify\",\"jobs:work\"]}");
    assert_status(answer, 201);
    assert_header(answer, "Location", "/v1/clients/acme");
    assert_header(answer, "Cache-Control", "no-store");
    assert_body(answer, "{\"id\":\"acme\",\"name\":\"Acme Ltd\",\"space\":\"shop\",\"grants\":"
                        "[\"jobs:work\",\"keys:verify\"],\"disabled\":false,\"createdAt\":"
                        "\"2026-01-01T00:00:00.123Z\",\"policy\":\"slow\"}");
}

static void a_client_needs_no_more_than_id_and_name(void **state)
{
    struct test_host *host = *state;
    expect_create(host, "acme", "{\"name\":\"Acme Ltd\"}");
    reply_array(host, "Acme Ltd", "acme", "", test_nil(), "1767225600123", test_nil());
    struct test_answer *answer =
        send(host, "POST", "/v1/clients", "{\"id\":\"acme\",\"name\":\"Acme Ltd\"}");
    assert_status(answer, 201);
    assert_json(answer, "/grants/0", test_nil());
    assert_no_json(answer, "policy");
}

static void what_a_script_refuses_has_its_answer(void **state)
{
    const struct {
        const char *word;
        uint32_t status;
    } refused[] = {{"client_exists", 409},
                   {"space_taken", 409},
                   {"beyond_your_key", 403},
                   {"invalid_api_key", 401},
                   {"nonsense", 500}};
    struct test_host *host = *state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        expect_create(host, "acme", "{\"name\":\"A\"}");
        reply_text(host, refused[i].word);
        struct test_answer *answer =
            send(host, "POST", "/v1/clients", "{\"id\":\"acme\",\"name\":\"A\"}");
        assert_status(answer, refused[i].status);
        assert_json(answer, "error", i < 4 ? refused[i].word : "internal_error");
    }
    assert_logged(host, SLUICE_LOG_ERROR, "nonsense");
}

static void wrong_members_are_told_all_at_once(void **state)
{
    struct test_host *host = *state;
    struct test_answer *answer = send(host, "POST", "/v1/clients",
                                      "{\"id\":[],\"name\":\"\",\"space\":\"a:b\",\"grants\":["
                                      "\"jobs\",\"a:b\",\"x:\"],\"no\":1}");
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/pointer", "/id");
    assert_json(answer, "/errors/1/pointer", "/name");
    assert_json(answer, "/errors/2/pointer", "/space");
    assert_json(answer, "/errors/3/pointer", "/grants/0");
    assert_json(answer, "/errors/4/pointer", "/grants/2");
    assert_json(answer, "/errors/5/pointer", "/no");
}

static void clients_are_for_admins_but_each_sees_itself(void **state)
{
    struct test_host *host = *state;
    test_client(host, "acme", "acme", "jobs:manage");
    assert_status(send(host, "POST", "/v1/clients", "{}"), 403);
    assert_status(send(host, "GET", "/v1/clients", NULL), 403);
    assert_status(send(host, "PATCH", "/v1/clients/acme", "{}"), 403);
    assert_status(send(host, "DELETE", "/v1/clients/acme", NULL), 403);
    assert_status(send(host, "GET", "/v1/clients/other", NULL), 403);
    assert_status(send(host, "GET", "/v1/clients/other/keys", NULL), 403);
    expect_ask(host, "HMGET", META, "name", "space", "grants", "disabled", "createdAt", "policy");
    reply_array(host, "Acme Ltd", test_nil(), test_nil(), "1", "1767225600123", test_nil());
    struct test_answer *answer = send(host, "GET", "/v1/clients/acme", NULL);
    assert_status(answer, 200);
    assert_json(answer, "space", "acme");
    assert_json(answer, "disabled", true);
}

static void an_unknown_client_is_404(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "HMGET", META, "name", "space", "grants", "disabled", "createdAt", "policy");
    reply_array(host, test_nil(), test_nil(), test_nil(), test_nil(), test_nil(), test_nil());
    assert_json(send(host, "GET", "/v1/clients/acme", NULL), "error", "client_not_found");
}

static void a_patch_says_only_what_changes(void **state)
{
    const char *asked[][2] = {
        {"{\"disabled\":true}", "{\"disabled\":true}"},
        {"{\"policy\":null,\"name\":\"B\"}", "{\"name\":\"B\",\"policy\":null}"},
        {"{\"grants\":[],\"policy\":\"slow\"}", "{\"grants\":\"\",\"policy\":\"slow\"}"},
        {"{}", "{}"},
    };
    struct test_host *host = *state;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        expect_run(host, "patch", 5, META, INDEX, "", "", "", "apiKey:", "acme", "*", asked[i][1]);
        reply_array(host, "Acme", "acme", "", "0", "1767225600123", test_nil());
        assert_status(send(host, "PATCH", "/v1/clients/acme", asked[i][0]), 200);
    }
    expect_run(host, "patch", 5, META, INDEX, "space:shop", "client:shop:meta", "",
               "apiKey:", "acme", "*", "{\"space\":\"shop\"}");
    reply_text(host, "client_not_found");
    assert_status(send(host, "PATCH", "/v1/clients/acme", "{\"space\":\"shop\"}"), 404);
}

static void a_wrong_patch_changes_nothing(void **state)
{
    const char *wrong[] = {"{\"disabled\":1}", "{\"disabled\":null}", "{\"policy\":7}",
                           "{\"grants\":\"jobs:work\"}", "{\"id\":\"b\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_status(send(*state, "PATCH", "/v1/clients/acme", wrong[i]), 422);
}

static void a_client_is_deleted(void **state)
{
    struct test_host *host = *state;
    for (int i = 0; i < 2; i++) {
        expect_run(host, "remove", 4, META, INDEX, USED, "clients", "apiKey:", "acme");
        if (i == 0)
            reply_int(host, 1);
        else
            reply_text(host, "client_not_found");
        assert_status(send(host, "DELETE", "/v1/clients/acme", NULL), i == 0 ? 204 : 404);
    }
}

static sluice_arg fields_of(struct test_host *host, const char *name)
{
    return test_array(host, name, "s", "", "0", "1767225600123", test_nil());
}

#define FIELDS "name", "space", "grants", "disabled", "createdAt", "policy"

static void clients_are_listed_page_by_page(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZRANGEBYLEX", "clients", "-", "+", "LIMIT", 0, 3);
    reply_array(host, "a", "b", "c");
    expect_ask_all(host, SLUICE_COMMAND("HMGET", "client:a:meta", FIELDS),
                   SLUICE_COMMAND("HMGET", "client:b:meta", FIELDS));
    reply_array(host, fields_of(host, "A"), fields_of(host, "B"));
    struct test_answer *answer = send(host, "GET", "/v1/clients?limit=2", NULL);
    assert_status(answer, 200);
    assert_json(answer, "/clients/1/id", "b");
    assert_json(answer, "/clients/1/name", "B");
    assert_no_json(answer, "/clients/2");
    assert_json(answer, "cursor", "b");
    expect_ask(host, "ZRANGEBYLEX", "clients", "(b", "+", "LIMIT", 0, 3);
    reply_array(host, "c");
    expect_ask_all(host, SLUICE_COMMAND("HMGET", "client:c:meta", FIELDS));
    reply_array(host, fields_of(host, "C"));
    answer = send(host, "GET", "/v1/clients?limit=2&cursor=b", NULL);
    assert_json(answer, "/clients/0/id", "c");
    assert_no_json(answer, "cursor");
}

static void a_list_of_no_clients_is_empty(void **state)
{
    struct test_host *host = *state;
    expect_ask(host, "ZRANGEBYLEX", "clients", "-", "+", "LIMIT", 0, 21);
    reply_empty_array(host);
    assert_body(send(host, "GET", "/v1/clients", NULL), "{\"clients\":[]}");
    assert_status(send(host, "GET", "/v1/clients?limit=101", NULL), 422);
    assert_status(send(host, "GET", "/v1/clients?cursor=%5B", NULL), 422);
}

/* ---- Making keys ----------------------------------------------------------------------------- */

static void expect_make(struct test_host *host, const char *maker, const char *scopes,
                        const char *ask)
{
    expect_run(host, "make", 5, META, INDEX, USED, test_any(), maker, "apiKey:", "acme", test_any(),
               100, scopes, ask);
}

static void a_new_key_is_shown_with_its_secret(void **state)
{
    struct test_host *host = *state;
    expect_make(host, "", "*",
                "{\"line\":\"ci\",\"name\":\"Build\",\"scopes\":\"jobs:work "
                "keys:verify\",\"cidrs\":\"0a000000/8\",\"ttlMs\":60000}");
    reply_array(host, "3", ENTRY, "1767225660123");
    struct test_answer *answer =
        send(host, "POST", KEYS,
             "{\"line\":\"ci\",\"name\":\"Build\",\"scopes\":[\"jobs:work\",\"keys:verify\"],"
             "\"cidrs\":[\"10.1.2.3/8\"],\"ttlMs\":60000}");
    assert_status(answer, 201);
    assert_header(answer, "Location", "/v1/clients/acme/keys/3");
    assert_header(answer, "Cache-Control", "no-store");
    assert_json(answer, "id", "3");
    assert_json(answer, "clientId", "acme");
    assert_json(answer, "line", "ci");
    assert_json(answer, "name", "Build");
    assert_json(answer, "/scopes/1", "keys:verify");
    assert_json(answer, "/cidrs/0", "10.0.0.0/8");
    assert_json(answer, "createdAt", "2026-01-01T00:00:00.123Z");
    assert_json(answer, "expiresAt", "2026-01-01T00:01:00.123Z");
    assert_no_json(answer, "lastUsedAt");
    assert_no_json(answer, "revoked");
    assert_true(token_is_whole(test_json(answer, "key")));
}

static void what_is_left_out_is_left_to_the_script(void **state)
{
    struct test_host *host = *state;
    expect_make(host, "", "*", "{\"line\":\"\"}");
    reply_array(host, "1", BARE, "");
    struct test_answer *answer = send(host, "POST", KEYS, "{}");
    assert_status(answer, 201);
    assert_json(answer, "line", "");
    assert_no_json(answer, "name");
    assert_no_json(answer, "cidrs");
    assert_no_json(answer, "expiresAt");
    expect_make(host, "", "*", "{\"line\":\"\",\"scopes\":\"\",\"expiresAt\":1767229200000}");
    reply_array(host, "2", BARE, "1767229200000");
    assert_status(send(host, "POST", KEYS,
                       "{\"scopes\":[],\"cidrs\":[],\"expiresAt\":\"2026-01-01T02:00:00+01:00\"}"),
                  201);
}

static void a_key_that_can_not_be_is_not_made(void **state)
{
    const char *wrong[] = {"{\"line\":\"a b\"}",
                           "{\"scopes\":\"jobs:work\"}",
                           "{\"scopes\":[\"jobs work:x\"]}",
                           "{\"scopes\":[\"*\"]}",
                           "{\"cidrs\":[\"10.0.0.0/33\"]}",
                           "{\"cidrs\":[7]}",
                           "{\"ttlMs\":0}",
                           "{\"ttlMs\":\"60\"}",
                           "{\"expiresAt\":\"2025-12-31T23:59:59Z\"}",
                           "{\"expiresAt\":\"2126-01-01T00:00:00Z\"}",
                           "{\"expiresAt\":1767229200000}",
                           "{\"expiresAt\":\"2026-01-02T00:00:00Z\",\"ttlMs\":5}",
                           "{\"key\":\"mine\"}",
                           "[]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_status(send(*state, "POST", KEYS, wrong[i]), 422);
}

static void too_many_scopes_or_networks_are_refused(void **state)
{
    char body[4096] = "{\"scopes\":[\"a:b\"";
    for (int i = 0; i < 64; i++)
        (void)snprintf(body + strlen(body), sizeof body - strlen(body), ",\"a:b%d\"", i);
    (void)strcat(body, "]}");
    assert_status(send(*state, "POST", KEYS, body), 422);
    (void)strcpy(body, "{\"cidrs\":[\"10.0.0.0/8\"");
    for (int i = 0; i < 32; i++)
        (void)snprintf(body + strlen(body), sizeof body - strlen(body), ",\"10.0.0.%d\"", i);
    (void)strcat(body, "]}");
    assert_status(send(*state, "POST", KEYS, body), 422);
}

/* The key that a request comes with bounds what it makes: its entry is handed to the script. */
static void a_key_that_makes_a_key_is_named_to_the_script(void **state)
{
    struct test_host *host = *state;
    uint8_t random[TOKEN_RANDOM] = {4, 5, 6};
    char token[TOKEN_SIZE], entry[7 + HASH_SIZE] = "apiKey:";
    struct hasher hasher;
    token_write(random, token);
    assert_true(hasher_init(&hasher));
    assert_true(hasher_hash(&hasher, token, entry + 7));
    hasher_release(&hasher);
    test_nobody(host);
    test_header(host, "x-api-key", token);
    expect_ask_all(host, SLUICE_COMMAND("GET", entry), SLUICE_COMMAND("PTTL", entry));
    reply_array(host, BARE, -1);
    expect_run(host, "used", 2, entry, USED, "1");
    reply_int(host, 1);
    expect_make(host, entry, "", "{\"line\":\"\"}");
    reply_text(host, "beyond_your_key");
    struct test_answer *answer = send(host, "POST", KEYS, "{}");
    assert_status(answer, 403);
    assert_json(answer, "error", "beyond_your_key");
}

static void who_was_identified_otherwise_is_bounded_by_its_scopes(void **state)
{
    struct test_host *host = *state;
    test_client(host, "acme", "acme", "jobs:work");
    expect_make(host, "", "jobs:work", "{\"line\":\"\"}");
    reply_text(host, "too_many_keys");
    assert_json(send(host, "POST", KEYS, "{}"), "error", "too_many_keys");
}

static void a_key_that_was_made_too_late_is_taken_back(void **state)
{
    struct test_host *host = *state;
    expect_make(host, "", "*", "{\"line\":\"\"}");
    reply_late(host);
    assert_status(send(host, "POST", KEYS, "{}"), 503);
    expect_run(host, "revoke", 3, META, INDEX, USED, "apiKey:", "1");
    reply_array(host, "1", BARE, "");
    reply_trouble(host);
    assert_logged(host, SLUICE_LOG_WARN, "can't be taken back");
}

static void a_late_refusal_takes_nothing_back(void **state)
{
    struct test_host *host = *state;
    expect_make(host, "", "*", "{\"line\":\"\"}");
    reply_late(host);
    assert_status(send(host, "POST", KEYS, "{}"), 503);
    reply_text(host, "too_many_keys");
}

/* ---- Rotating, revoking, listing -------------------------------------------------------------- */

static void expect_rotation(struct test_host *host, const char *id, int64_t grace)
{
    expect_run(host, "rotate", 5, META, INDEX, USED, test_any(), "", "apiKey:", "acme", test_any(),
               100, "*", id, grace, 2);
}

static void a_rotation_lists_what_it_revoked(void **state)
{
    struct test_host *host = *state;
    expect_rotation(host, "2", 0);
    reply_array(host, "3", ENTRY, "", "2", "1");
    struct test_answer *answer = send(host, "POST", KEYS "/2/rotate", "{\"graceMs\":0}");
    assert_status(answer, 201);
    assert_json(answer, "id", "3");
    assert_json(answer, "/revoked/0", "2");
    assert_json(answer, "/revoked/1", "1");
    assert_true(token_is_whole(test_json(answer, "key")));
    expect_rotation(host, "3", 604800000);
    reply_array(host, "4", ENTRY, "");
    answer = send(host, "POST", KEYS "/3/rotate", NULL);
    assert_status(answer, 201);
    assert_string_equal(test_json(answer, "revoked"), "[]");
}

static void a_key_id_is_a_number(void **state)
{
    const char *ids[] = {"0", "-1", "x", "01", "1e3", "99999999999999999999"};
    char path[64];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        (void)snprintf(path, sizeof path, KEYS "/%s", ids[i]);
        assert_json(send(*state, "DELETE", path, NULL), "error", "key_not_found");
        (void)snprintf(path, sizeof path, KEYS "/%s/rotate", ids[i]);
        assert_json(send(*state, "POST", path, NULL), "error", "key_not_found");
    }
    assert_status(send(*state, "POST", KEYS "/1/rotate", "{\"graceMs\":-1}"), 422);
    assert_status(send(*state, "POST", KEYS "/1/rotate", "{\"grace\":1}"), 422);
}

static void a_key_is_revoked(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "revoke", 3, META, INDEX, USED, "apiKey:", "2");
    reply_int(host, 1);
    assert_status(send(host, "DELETE", KEYS "/2", NULL), 204);
    expect_run(host, "revoke", 3, META, INDEX, USED, "apiKey:", "2");
    reply_text(host, "key_not_found");
    assert_status(send(host, "DELETE", KEYS "/2", NULL), 404);
}

static void keys_are_listed_without_secrets(void **state)
{
    struct test_host *host = *state;
    expect_run(host, "list", 3, META, INDEX, USED, "apiKey:", "acme");
    reply_array(host, test_array(host, "1", BARE, "", ""),
                test_array(host, "3", ENTRY, "1767225660123", "1767225600999"));
    struct test_answer *answer = send(host, "GET", KEYS, NULL);
    assert_status(answer, 200);
    assert_json(answer, "/keys/0/id", "1");
    assert_no_json(answer, "/keys/0/lastUsedAt");
    assert_json(answer, "/keys/1/lastUsedAt", "2026-01-01T00:00:00.999Z");
    assert_json(answer, "/keys/1/expiresAt", "2026-01-01T00:01:00.123Z");
    assert_no_json(answer, "/keys/1/key");
    assert_no_json(answer, "/keys/1/revoked");
}

/* ---- Verifying -------------------------------------------------------------------------------- */

static void a_good_key_is_verified(void **state)
{
    struct test_host *host = *state;
    uint8_t random[TOKEN_RANDOM] = {7};
    char token[TOKEN_SIZE], body[128];
    token_write(random, token);
    (void)snprintf(body, sizeof body, "{\"key\":\"%s\"}", token);
    test_client(host, "service", "service", "keys:verify");
    expect_run(host, "look", 1, test_any());
    reply_array(host, ENTRY, "1767225660123");
    assert_body(send(host, "POST", "/v1/keys/verify", body),
                "{\"valid\":true,\"clientId\":\"acme\",\"scopes\":[\"jobs:work\",\"keys:verify\"],"
                "\"expiresAt\":\"2026-01-01T00:01:00.123Z\"}");
    expect_run(host, "look", 1, test_any());
    reply_array(host, BARE, "");
    assert_body(send(host, "POST", "/v1/keys/verify", body),
                "{\"valid\":true,\"clientId\":\"acme\",\"scopes\":[]}");
    expect_run(host, "look", 1, test_any());
    reply_nil(host);
    assert_body(send(host, "POST", "/v1/keys/verify", body), "{\"valid\":false}");
    expect_run(host, "look", 1, test_any());
    reply_array(
        host, "{\"client\":\"a\",\"space\":\"a\",\"scopes\":\"\",\"seq\":1,\"disabled\":true}", "");
    assert_body(send(host, "POST", "/v1/keys/verify", body), "{\"valid\":false}");
}

static void a_damaged_key_is_verified_without_redis(void **state)
{
    assert_body(send(*state, "POST", "/v1/keys/verify", "{\"key\":\"slc_x\"}"),
                "{\"valid\":false}");
    assert_status(send(*state, "POST", "/v1/keys/verify", "{\"key\":\"\"}"), 422);
    test_client(*state, "acme", "acme", "keys:verified");
    assert_status(send(*state, "POST", "/v1/keys/verify", "{\"key\":\"slc_x\"}"), 403);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_made_and_shown_as_it_is),
        TEST(a_client_needs_no_more_than_id_and_name),
        TEST(what_a_script_refuses_has_its_answer),
        TEST(wrong_members_are_told_all_at_once),
        TEST(clients_are_for_admins_but_each_sees_itself),
        TEST(an_unknown_client_is_404),
        TEST(a_patch_says_only_what_changes),
        TEST(a_wrong_patch_changes_nothing),
        TEST(a_client_is_deleted),
        TEST(clients_are_listed_page_by_page),
        TEST(a_list_of_no_clients_is_empty),
        TEST(a_new_key_is_shown_with_its_secret),
        TEST(what_is_left_out_is_left_to_the_script),
        TEST(a_key_that_can_not_be_is_not_made),
        TEST(too_many_scopes_or_networks_are_refused),
        TEST(a_key_that_makes_a_key_is_named_to_the_script),
        TEST(who_was_identified_otherwise_is_bounded_by_its_scopes),
        TEST(a_key_that_was_made_too_late_is_taken_back),
        TEST(a_late_refusal_takes_nothing_back),
        TEST(a_rotation_lists_what_it_revoked),
        TEST(a_key_id_is_a_number),
        TEST(a_key_is_revoked),
        TEST(keys_are_listed_without_secrets),
        TEST(a_good_key_is_verified),
        TEST(a_damaged_key_is_verified_without_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
