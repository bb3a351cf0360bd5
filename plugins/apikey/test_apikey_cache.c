/* Verified keys, remembered: when they are served, and when they must not be.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice_test.h>

#include "shared/hasher.h"
#include "token.h"

#define ACME "{\"client\":\"acme\",\"space\":\"acme\",\"scopes\":\"\",\"line\":\"\",\"seq\":1}"
#define ME "/clients/client/acme"

/* One key, its hash and its entry's name, made as the plugin makes them. */
static char token[TOKEN_SIZE], hash[HASH_SIZE], entry[128];

static int make_key(void **state)
{
    (void)state;
    uint8_t bytes[TOKEN_RANDOM] = {1, 2, 3};
    struct hasher hasher;
    token_write(bytes, token);
    if (!hasher_init(&hasher) || !hasher_hash(&hasher, token, hash))
        return -1;
    hasher_release(&hasher);
    snprintf(entry, sizeof entry, "apiKey:%s", hash);
    return 0;
}

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), NULL);
    test_tracked(*state, 2000);
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static void expect_lookup(struct test_host *host)
{
    expect_ask_all(host, SLUICE_COMMAND("GET", entry), SLUICE_COMMAND("PTTL", entry));
}

static void expect_meta(struct test_host *host)
{
    expect_ask(host, "HMGET", "client:acme:meta", "name", "createdAt");
    reply_array(host, "Acme Ltd", "1767225600123");
}

static struct test_answer *ask(struct test_host *host)
{
    test_header(host, "x-api-key", token);
    return request(host, "GET", ME, NULL);
}

static void expect_use(struct test_host *host)
{
    expect_run(host, "used", 2, entry, "client:acme:used", "1");
    reply_int(host, 1);
}

/* A request whose key is looked up and is not remembered. */
static void look_up_only(struct test_host *host, int64_t left_ms)
{
    expect_lookup(host);
    reply_array(host, ACME, left_ms);
    expect_meta(host);
    assert_status(ask(host), 200);
}

/* A request whose key is looked up, has `left_ms` to live and is then remembered. */
static void look_up(struct test_host *host, int64_t left_ms)
{
    expect_lookup(host);
    reply_array(host, ACME, left_ms);
    expect_use(host);
    expect_meta(host);
    assert_status(ask(host), 200);
}

/* A request that is served from memory: only the handler asks. */
static void serve(struct test_host *host)
{
    expect_meta(host);
    assert_status(ask(host), 200);
}

static void a_known_key_costs_no_trip(void **state)
{
    look_up(*state, -1);
    serve(*state);
    serve(*state);
}

static void a_changed_key_is_asked_for_again(void **state)
{
    struct test_host *host = *state;
    look_up(host, -1);
    test_changed(host, entry);
    expect_lookup(host);
    reply_array(host, test_nil(), -2);
    assert_status(ask(host), 401);
}

static void anothers_change_is_not_ours(void **state)
{
    look_up(*state, -1);
    test_changed(*state, "apiKey:0000000000000000000000000000000000000000000000000000000000000000");
    serve(*state);
}

static void an_answer_that_was_overtaken_by_a_change_is_not_kept(void **state)
{
    struct test_host *host = *state;
    expect_lookup(host);
    struct test_answer *answer = ask(host);
    assert_waiting(answer);
    test_changed(host, entry); /* revoked, and the old value is still on its way */
    expect_ask(host, "HMGET", "client:acme:meta", "name", "createdAt");
    reply_array(host, ACME, -1);
    reply_array(host, "Acme Ltd", "1767225600123");
    assert_status(answer, 200);
    look_up(host, -1);
}

static void nothing_is_served_once_the_watch_is_silent(void **state)
{
    look_up(*state, -1);
    test_advance(*state, 1999);
    serve(*state);
    test_advance(*state, 1);
    look_up_only(*state, -1);
}

static void nothing_is_served_while_the_watch_alone_is_lost(void **state)
{
    struct test_host *host = *state;
    look_up(host, -1);
    test_subscriptions(host, false);
    look_up_only(host, -1);
    look_up_only(host, -1);
}

static void what_was_known_before_an_interruption_is_forgotten_after_it(void **state)
{
    struct test_host *host = *state;
    look_up(host, -1);
    test_subscriptions(host, false);
    test_subscriptions(host, true);
    test_tracked(host, 2000);
    look_up(host, -1);
    serve(host);
}

static void a_flush_forgets_everything(void **state)
{
    look_up(*state, -1);
    test_changed(*state, NULL);
    look_up(*state, -1);
}

static void without_redis_what_was_known_serves_for_half_a_minute(void **state)
{
    struct test_host *host = *state;
    look_up(host, -1);
    test_subscriptions(host, false);
    test_redis_ready(host, false);
    test_advance(host, 30000);
    serve(host);
    test_advance(host, 1);
    expect_lookup(host);
    reply_trouble(host);
    assert_status(ask(host), 503);
}

static void a_key_ends_by_itself(void **state)
{
    struct test_host *host = *state;
    look_up(host, 500);
    test_advance(host, 499);
    serve(host);
    test_advance(host, 1);
    expect_lookup(host);
    reply_array(host, test_nil(), -2);
    assert_status(ask(host), 401);
}

static void an_entry_is_not_remembered_for_ever(void **state)
{
    struct test_host *host = *state;
    look_up(host, -1);
    test_tracked(host, 3600000);
    test_advance(host, 599999);
    expect_use(host);
    serve(host);
    test_advance(host, 1);
    look_up(host, -1);
}

static void a_use_is_noted_once_a_minute(void **state)
{
    struct test_host *host = *state;
    look_up(host, -1);
    test_tracked(host, 3600000);
    test_advance(host, 59999);
    serve(host);
    test_advance(host, 1);
    expect_use(host);
    serve(host);
    serve(host);
}

static void a_disabled_client_is_remembered_as_disabled(void **state)
{
    struct test_host *host = *state;
    expect_lookup(host);
    reply_array(host,
                "{\"client\":\"acme\",\"space\":\"acme\",\"scopes\":\"\",\"seq\":1,"
                "\"disabled\":true}",
                -1);
    assert_json(ask(host), "error", "client_disabled");
    assert_json(ask(host), "error", "client_disabled");
}

static void a_refusing_redis_is_503(void **state)
{
    struct test_host *host = *state;
    expect_lookup(host);
    reply_array(host, sluice_error("LOADING Redis is loading the dataset in memory"),
                sluice_error("LOADING Redis is loading the dataset in memory"));
    assert_status(ask(host), 503);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_known_key_costs_no_trip),
        TEST(a_changed_key_is_asked_for_again),
        TEST(anothers_change_is_not_ours),
        TEST(an_answer_that_was_overtaken_by_a_change_is_not_kept),
        TEST(nothing_is_served_once_the_watch_is_silent),
        TEST(nothing_is_served_while_the_watch_alone_is_lost),
        TEST(what_was_known_before_an_interruption_is_forgotten_after_it),
        TEST(a_flush_forgets_everything),
        TEST(without_redis_what_was_known_serves_for_half_a_minute),
        TEST(a_key_ends_by_itself),
        TEST(an_entry_is_not_remembered_for_ever),
        TEST(a_use_is_noted_once_a_minute),
        TEST(a_disabled_client_is_remembered_as_disabled),
        TEST(a_refusing_redis_is_503),
    };
    return cmocka_run_group_tests(tests, make_key, NULL);
}
