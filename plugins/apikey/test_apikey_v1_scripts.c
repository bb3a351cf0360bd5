/* The scripts behind /v1 against a real Redis: what a key may give away, spaces, grants, limits.
 *
 * SPDX-License-Identifier: MIT */
#include "test_store.h"

#include <time.h>

#include "create.lua.h"
#include "list.lua.h"
#include "look.lua.h"
#include "make.lua.h"
#include "patch.lua.h"
#include "remove.lua.h"
#include "revoke.lua.h"
#include "rotate.lua.h"
#include "used.lua.h"

#define ADMIN "", "*"

/* ---- The scripts --------------------------------------------------------------------------- */

/* What a script answered, as text: a word, "ok", a number, or the id in front of a row. */
static const char *answer_of(redisReply *reply)
{
    static char answer[256];
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    if (reply->type == REDIS_REPLY_INTEGER)
        (void)snprintf(answer, sizeof answer, "%lld", reply->integer);
    else if (reply->type == REDIS_REPLY_ARRAY)
        (void)snprintf(answer, sizeof answer, "%s",
                       reply->elements ? reply->element[0]->str : "none");
    else
        (void)snprintf(answer, sizeof answer, "%s", reply->str ? reply->str : "nil");
    freeReplyObject(reply);
    return answer;
}

static void name_key(char ret_name[128], const char *format, const char *what)
{
    (void)snprintf(ret_name, 128, format, what);
}

/* A client without a key. `space` NULL: its own. */
static const char *create_as(const char *id, const char *space, const char *origin,
                             const char *maker, const char *scopes, const char *ask_json)
{
    char meta[128], index[128], home[128], home_meta[128];
    name_key(meta, "client:%s:meta", id);
    name_key(index, "client:%s:apiKeys", id);
    name_key(home, "space:%s", space ? space : id);
    name_key(home_meta, "client:%s:meta", space ? space : id);
    return answer_of(script(create_lua, "7", meta, index, "", "clients", home, home_meta, maker, id,
                            "", origin, scopes, ask_json, NULL));
}

static const char *create(const char *id, const char *ask_json)
{
    return create_as(id, NULL, "admin", ADMIN, ask_json);
}

/* `maker` is an entry's name, or "" with the scopes it has. */
static const char *make(const char *hash, const char *maker, const char *scopes,
                        const char *ask_json)
{
    char entry[128];
    name_key(entry, "apiKey:%s", hash);
    return answer_of(script(make_lua, "5", META, INDEX, USED, entry, maker, "apiKey:", "acme", hash,
                            "5", scopes, ask_json, NULL));
}

static const char *rotate(const char *hash, const char *maker, const char *scopes, const char *id)
{
    char entry[128];
    name_key(entry, "apiKey:%s", hash);
    return answer_of(script(rotate_lua, "5", META, INDEX, USED, entry, maker, "apiKey:", "acme",
                            hash, "5", scopes, id, "3600000", "3", NULL));
}

static const char *patch_as(const char *space, const char *maker, const char *scopes,
                            const char *ask_json)
{
    char home[128] = "", home_meta[128] = "";
    if (*space) {
        name_key(home, "space:%s", space);
        name_key(home_meta, "client:%s:meta", space);
    }
    return answer_of(script(patch_lua, "5", META, INDEX, home, home_meta, maker, "apiKey:", "acme",
                            scopes, ask_json, NULL));
}

static const char *patch(const char *ask_json)
{
    return patch_as("", ADMIN, ask_json);
}

static const char *revoke_key(const char *id)
{
    return answer_of(script(revoke_lua, "3", META, INDEX, USED, "apiKey:", id, NULL));
}

static const char *use(const char *hash, const char *id)
{
    char entry[128];
    name_key(entry, "apiKey:%s", hash);
    return answer_of(script(used_lua, "2", entry, USED, id, NULL));
}

static const char *drop(void)
{
    return answer_of(
        script(remove_lua, "4", META, INDEX, USED, "clients", "apiKey:", "acme", NULL));
}

static const char *meta_of(const char *field)
{
    return answer_of(ask("HGET %s %s", META, field));
}

/* acme, with three grants. */
static void make_acme(void)
{
    assert_string_equal(create("acme", "{\"name\":\"Acme Ltd\",\"grants\":"
                                       "\"jobs:work keys:verify leaderboard:manage\"}"),
                        "Acme Ltd");
}

static void assert_no_member(const char *hash, const char *name)
{
    json_t *entry = entry_of(hash);
    assert_null(json_object_get(entry, name));
    json_decref(entry);
}

/* ---- Clients and spaces --------------------------------------------------------------------- */

static void a_client_is_made_without_a_key(void **state)
{
    (void)state;
    make_acme();
    assert_index_and_entries_agree(0);
    assert_string_equal(meta_of("grants"), "jobs:work keys:verify leaderboard:manage");
    assert_string_equal(meta_of("space"), "acme");
    assert_int_equal(number(ask("ZSCORE clients acme")), 0);
    assert_string_equal(make("a", ADMIN, "{\"line\":\"\"}"), "1");
}

static void an_id_that_is_taken_is_refused(void **state)
{
    (void)state;
    make_acme();
    assert_string_equal(create("acme", "{\"name\":\"B\"}"), "client_exists");
    assert_string_equal(meta_of("name"), "Acme Ltd");
}

static void clients_share_a_space_when_an_admin_says_so(void **state)
{
    (void)state;
    assert_string_equal(
        create_as("one", "shop", "admin", ADMIN, "{\"name\":\"1\",\"space\":\"shop\"}"), "1");
    assert_string_equal(
        create_as("two", "shop", "admin", ADMIN, "{\"name\":\"2\",\"space\":\"shop\"}"), "2");
    assert_int_equal(number(ask("SCARD space:shop")), 2);
}

static void nobody_gets_into_a_space_by_the_name_of_his_id(void **state)
{
    (void)state;
    (void)create_as("one", "shop", "admin", ADMIN, "{\"name\":\"1\",\"space\":\"shop\"}");
    assert_string_equal(create_as("shop", NULL, "self", "", "", "{\"name\":\"M\"}"), "space_taken");
    assert_string_equal(create("shop", "{\"name\":\"M\"}"), "space_taken");
    assert_int_equal(number(ask("EXISTS client:shop:meta")), 0);
    assert_string_equal(
        create_as("shop", "shop", "admin", ADMIN, "{\"name\":\"M\",\"space\":\"shop\"}"), "M");
}

static void nobody_is_put_into_the_space_of_one_that_registered_itself(void **state)
{
    (void)state;
    (void)create_as("mallory", NULL, "self", "", "", "{\"name\":\"M\"}");
    assert_string_equal(
        create_as("acme", "mallory", "admin", ADMIN, "{\"name\":\"A\",\"space\":\"mallory\"}"),
        "space_taken");
    make_acme();
    assert_string_equal(patch_as("mallory", ADMIN, "{\"space\":\"mallory\"}"), "space_taken");
    assert_string_equal(meta_of("space"), "acme");
}

static void a_deleted_clients_space_falls_to_nobody_who_registers(void **state)
{
    (void)state;
    make_acme();
    assert_string_equal(drop(), "1");
    assert_string_equal(create_as("acme", NULL, "self", "", "", "{\"name\":\"M\"}"), "space_taken");
    make_acme();
}

static void deleting_a_client_revokes_all_its_keys(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    (void)make("b", ADMIN, "{\"line\":\"ci\"}");
    (void)use("a", "1");
    assert_string_equal(drop(), "1");
    assert_index_and_entries_agree(0);
    assert_int_equal(number(ask("EXISTS %s %s %s", META, INDEX, USED)), 0);
    assert_int_equal(number(ask("ZSCORE clients acme")), -1);
    assert_string_equal(drop(), "client_not_found");
}

/* ---- Making keys ----------------------------------------------------------------------------- */

static void a_key_has_what_was_asked_for(void **state)
{
    (void)state;
    make_acme();
    assert_string_equal(make("a", ADMIN,
                             "{\"line\":\"ci\",\"name\":\"Build\",\"scopes\":\"jobs:work:mail\","
                             "\"cidrs\":\"0a000000/8\",\"ttlMs\":60000}"),
                        "1");
    assert_member("a", "line", "ci");
    assert_member("a", "name", "Build");
    assert_member("a", "scopes", "jobs:work:mail");
    assert_member("a", "cidrs", "0a000000/8");
    assert_in_range(left("a"), 1, 60000);
    assert_index_and_entries_agree(1);
}

static void an_end_may_be_a_point_in_time(void **state)
{
    char json[128];
    long long end = ((long long)time(NULL) + 3600) * 1000;
    (void)state;
    make_acme();
    (void)snprintf(json, sizeof json, "{\"line\":\"\",\"expiresAt\":%lld}", end);
    (void)make("a", ADMIN, json);
    assert_int_equal(number(ask("PEXPIRETIME apiKey:a")), end);
    (void)snprintf(json, sizeof json, "%lld", end);
    assert_member("a", "expiresAt", json);
    redisReply *look = script(look_lua, "1", "apiKey:a", NULL);
    assert_string_equal(look->element[1]->str, json);
    freeReplyObject(look);
}

static void what_an_admin_leaves_out_is_all_that_is_granted(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    assert_member("a", "scopes", "jobs:work keys:verify leaderboard:manage");
    assert_no_member("a", "cidrs");
    assert_int_equal(left("a"), -1);
}

static void a_scope_that_is_not_granted_is_refused(void **state)
{
    const char *wrong[] = {"{\"line\":\"\",\"scopes\":\"jobs:manage\"}",
                           "{\"line\":\"\",\"scopes\":\"jobs:work admin:apikey\"}",
                           "{\"line\":\"\",\"scopes\":\"jobs:workers\"}"};
    (void)state;
    make_acme();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_string_equal(make("a", ADMIN, wrong[i]), "scope_not_granted");
    assert_index_and_entries_agree(0);
}

static void keys_of_an_unknown_client_are_refused(void **state)
{
    (void)state;
    assert_string_equal(make("a", ADMIN, "{\"line\":\"\"}"), "client_not_found");
    assert_string_equal(revoke_key("1"), "client_not_found");
    assert_string_equal(patch("{\"name\":\"x\"}"), "client_not_found");
    assert_string_equal(
        answer_of(script(list_lua, "3", META, INDEX, USED, "apiKey:", "acme", NULL)),
        "client_not_found");
    assert_int_equal(number(ask("DBSIZE")), 0);
}

static void a_client_has_so_many_keys_and_no_more(void **state)
{
    char hash[16];
    (void)state;
    make_acme();
    for (int i = 0; i < 5; i++) {
        (void)snprintf(hash, sizeof hash, "k%d", i);
        assert_string_not_equal(make(hash, ADMIN, "{\"line\":\"\"}"), "too_many_keys");
    }
    assert_string_equal(make("more", ADMIN, "{\"line\":\"\"}"), "too_many_keys");
    assert_string_equal(make("other", ADMIN, "{\"line\":\"ci\"}"), "too_many_keys");
    assert_index_and_entries_agree(5);
    (void)number(ask("DEL apiKey:k3")); /* as if it had expired */
    assert_string_equal(make("more", ADMIN, "{\"line\":\"ci\"}"), "6");
    assert_index_and_entries_agree(5);
    assert_string_equal(rotate("even-more", ADMIN, "6"), "too_many_keys");
    assert_string_equal(rotate("newest", ADMIN, "5"), "7"); /* retention makes room */
}

/* ---- Narrowing ------------------------------------------------------------------------------- */

static void a_key_can_make_none_with_more_scopes(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\",\"scopes\":\"jobs:work:mail\"}");
    assert_string_equal(make("b", "apiKey:a", "", "{\"line\":\"\",\"scopes\":\"keys:verify\"}"),
                        "beyond_your_key");
    assert_string_equal(make("b", "apiKey:a", "", "{\"line\":\"\",\"scopes\":\"jobs:work\"}"),
                        "beyond_your_key");
    assert_string_equal(make("b", "apiKey:a", "", "{\"line\":\"\"}"), "2");
    assert_member("b", "scopes", "jobs:work:mail");
    assert_string_equal(make("c", "apiKey:a", "", "{\"line\":\"\",\"scopes\":\"\"}"), "3");
    assert_member("c", "scopes", "");
}

static void a_key_of_another_client_gives_only_what_it_has_itself(void **state)
{
    (void)state;
    make_acme();
    (void)number(ask("SET apiKey:ops %s", "{\"client\":\"ops\",\"space\":\"ops\",\"scopes\":"
                                          "\"admin:apikey jobs:work\",\"line\":\"\",\"seq\":1}"));
    (void)make("a", "apiKey:ops", "", "{\"line\":\"\"}");
    assert_member("a", "scopes", "jobs:work");
    assert_string_equal(make("b", "apiKey:ops", "", "{\"line\":\"\",\"scopes\":\"keys:verify\"}"),
                        "beyond_your_key");
}

static void a_key_can_make_none_for_more_addresses(void **state)
{
    const struct {
        const char *cidrs, *answer;
    } asked[] = {
        {"0a010000/16", "2"},
        {"0a000000/8", "3"},
        {"0a400000/10 c0000280/26", "4"},
        {"00000000/0", "beyond_your_key"},
        {"0b000000/8", "beyond_your_key"},
        {"0a000000/7", "beyond_your_key"},
        {"c0000200/25", "beyond_your_key"},
        {"0a010000/16 0b000000/16", "beyond_your_key"},
        {"0a000000000000000000000000000000/128", "beyond_your_key"},
    };
    char json[256], hash[16];
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\",\"cidrs\":\"0a000000/8 c0000280/25\"}");
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        (void)snprintf(hash, sizeof hash, "b%zu", i);
        (void)snprintf(json, sizeof json, "{\"line\":\"\",\"cidrs\":\"%s\"}", asked[i].cidrs);
        assert_string_equal(make(hash, "apiKey:a", "", json), asked[i].answer);
    }
    assert_string_equal(make("c", "apiKey:a", "", "{\"line\":\"\"}"), "5");
    assert_member("c", "cidrs", "0a000000/8 c0000280/25");
}

static void a_key_can_make_none_that_outlives_it(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\",\"ttlMs\":60000}");
    assert_string_equal(make("b", "apiKey:a", "", "{\"line\":\"\",\"ttlMs\":3600000}"),
                        "beyond_your_key");
    (void)make("b", "apiKey:a", "", "{\"line\":\"\",\"ttlMs\":1000}");
    assert_in_range(left("b"), 1, 1000);
    (void)make("c", "apiKey:a", "", "{\"line\":\"\"}");
    assert_in_range(left("c"), 1, 60000);
}

static void a_key_in_its_grace_makes_none_that_outlives_the_grace(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    (void)rotate("b", ADMIN, "1");
    (void)make("c", "apiKey:a", "", "{\"line\":\"ci\"}");
    assert_in_range(left("c"), 1, HOUR_MS);
    assert_string_equal(rotate("d", "apiKey:c", "", "3"), "4");
    assert_in_range(left("d"), 1, HOUR_MS);
}

static void a_key_that_was_revoked_a_moment_ago_makes_none(void **state)
{
    (void)state;
    make_acme();
    assert_string_equal(make("a", "apiKey:gone", "", "{\"line\":\"\"}"), "invalid_api_key");
    assert_string_equal(rotate("a", "apiKey:gone", "", ""), "invalid_api_key");
    assert_string_equal(patch_as("", "apiKey:gone", "", "{\"grants\":\"\"}"), "invalid_api_key");
    (void)make("b", ADMIN, "{\"line\":\"\"}");
    (void)patch("{\"disabled\":true}");
    assert_string_equal(make("c", "apiKey:b", "", "{\"line\":\"\"}"), "invalid_api_key");
    assert_index_and_entries_agree(1);
}

static void a_weak_key_can_not_rotate_a_stronger_one(void **state)
{
    (void)state;
    make_acme();
    (void)make("strong", ADMIN, "{\"line\":\"\"}");
    (void)make("weak", ADMIN, "{\"line\":\"ci\",\"scopes\":\"jobs:work\"}");
    (void)make("near", ADMIN, "{\"line\":\"lan\",\"cidrs\":\"0a000000/8\"}");
    (void)make("short", ADMIN, "{\"line\":\"tmp\",\"ttlMs\":60000}");
    assert_string_equal(rotate("x", "apiKey:weak", "", "1"), "beyond_your_key");
    assert_string_equal(rotate("x", "apiKey:near", "", "1"), "beyond_your_key");
    assert_string_equal(rotate("x", "apiKey:short", "", "1"), "beyond_your_key");
    assert_string_equal(rotate("x", "apiKey:weak", "", ""), "beyond_your_key");
    assert_index_and_entries_agree(4);
    assert_int_equal(left("strong"), -1);
    assert_string_equal(rotate("y", "apiKey:strong", "", "2"), "5");
}

static void rotation_copies_scopes_addresses_and_end(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN,
               "{\"line\":\"ci\",\"name\":\"Build\",\"scopes\":\"jobs:work\",\"cidrs\":"
               "\"0a000000/8\",\"ttlMs\":60000}");
    assert_string_equal(rotate("b", "apiKey:a", "", "1"), "2");
    assert_member("b", "scopes", "jobs:work");
    assert_member("b", "cidrs", "0a000000/8");
    assert_member("b", "name", "Build");
    assert_in_range(left("b"), 1, 60000);
    assert_int_equal(number(ask("PEXPIRETIME apiKey:a")), number(ask("PEXPIRETIME apiKey:b")));
}

static void an_older_key_of_the_line_can_be_rotated_as_well(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"ci\",\"scopes\":\"jobs:work\"}");
    (void)make("b", ADMIN, "{\"line\":\"ci\"}");
    assert_string_equal(rotate("c", ADMIN, "1"), "3");
    assert_member("c", "scopes", "jobs:work");
    assert_in_range(left("a"), 1, HOUR_MS);
    assert_in_range(left("b"), 1, HOUR_MS);
    assert_string_equal(rotate("d", ADMIN, "9"), "key_not_found");
}

/* ---- Revoking, listing, use ------------------------------------------------------------------ */

static void one_key_is_revoked_and_no_other(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    (void)make("b", ADMIN, "{\"line\":\"\"}");
    (void)use("a", "1");
    assert_string_equal(revoke_key("1"), "1");
    assert_index_and_entries_agree(1);
    assert_int_equal(left("b"), -1);
    assert_int_equal(number(ask("HEXISTS %s 1", USED)), 0);
    assert_string_equal(revoke_key("1"), "key_not_found");
    assert_string_equal(revoke_key("7"), "key_not_found");
    (void)make("c", ADMIN, "{\"line\":\"\"}");
    assert_string_equal(revoke_key("2"), "1");
    assert_string_equal(revoke_key("3"), "1");
    assert_string_equal(make("d", ADMIN, "{\"line\":\"\"}"), "4"); /* ids are never given again */
}

static void keys_are_listed_oldest_first_with_end_and_use(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    (void)make("b", ADMIN, "{\"line\":\"ci\",\"ttlMs\":60000}");
    (void)use("b", "2");
    redisReply *rows = script(list_lua, "3", META, INDEX, USED, "apiKey:", "acme", NULL);
    assert_int_equal(rows->elements, 2);
    assert_string_equal(rows->element[0]->element[0]->str, "1");
    assert_string_equal(rows->element[0]->element[2]->str, "");
    assert_string_equal(rows->element[0]->element[3]->str, "");
    assert_string_equal(rows->element[1]->element[0]->str, "2");
    assert_int_equal(strlen(rows->element[1]->element[2]->str), 13);
    assert_int_equal(strlen(rows->element[1]->element[3]->str), 13);
    freeReplyObject(rows);
}

static void a_use_is_noted_once_a_minute_and_not_after_the_end(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    assert_string_equal(use("a", "1"), "1");
    assert_string_equal(use("a", "1"), "0");
    (void)number(ask("HINCRBY %s 1 -60000", USED));
    assert_string_equal(use("a", "1"), "1");
    (void)revoke_key("1");
    assert_string_equal(use("a", "1"), "0");
    assert_int_equal(number(ask("EXISTS %s", USED)), 0);
}

/* ---- Changing a client ------------------------------------------------------------------------ */

static void disabling_writes_every_entry(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    (void)make("b", ADMIN, "{\"line\":\"ci\",\"ttlMs\":60000}");
    assert_string_equal(patch("{\"disabled\":true}"), "Acme Ltd");
    for (const char *hash = "a"; hash; hash = *hash == 'a' ? "b" : NULL) {
        json_t *entry = entry_of(hash);
        assert_true(json_is_true(json_object_get(entry, "disabled")));
        json_decref(entry);
    }
    assert_int_equal(left("a"), -1);
    assert_in_range(left("b"), 1, 60000);
    (void)make("c", ADMIN, "{\"line\":\"\"}");
    json_t *made = entry_of("c");
    assert_true(json_is_true(json_object_get(made, "disabled")));
    json_decref(made);
    (void)patch("{\"disabled\":false}");
    assert_no_member("a", "disabled");
}

static void taking_grants_away_narrows_the_keys_for_good(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    (void)make("b", ADMIN, "{\"line\":\"\",\"scopes\":\"jobs:work:mail\"}");
    (void)patch("{\"grants\":\"jobs:work:mail keys:verify\"}");
    assert_member("a", "scopes", "keys:verify");
    assert_member("b", "scopes", "jobs:work:mail");
    (void)patch("{\"grants\":\"jobs:work keys:verify\"}");
    assert_member("a", "scopes", "keys:verify");
    (void)patch("{\"grants\":\"\"}");
    assert_member("a", "scopes", "");
    assert_string_equal(meta_of("grants"), "");
}

static void a_key_can_grant_only_what_it_has(void **state)
{
    (void)state;
    make_acme();
    (void)number(ask("SET apiKey:ops %s", "{\"client\":\"ops\",\"space\":\"ops\",\"scopes\":"
                                          "\"admin:apikey\",\"line\":\"\",\"seq\":1}"));
    assert_string_equal(patch_as("", "apiKey:ops", "", "{\"grants\":\"jobs:work jobs:manage\"}"),
                        "beyond_your_key");
    assert_string_equal(patch_as("", "apiKey:ops", "", "{\"grants\":\"jobs:work admin:apikey\"}"),
                        "Acme Ltd");
    assert_string_equal(create_as("new", NULL, "admin", "apiKey:ops", "",
                                  "{\"name\":\"N\",\"grants\":\"keys:verify\"}"),
                        "beyond_your_key");
    assert_int_equal(number(ask("EXISTS client:new:meta")), 0);
}

static void space_and_policy_reach_the_entries(void **state)
{
    (void)state;
    make_acme();
    (void)make("a", ADMIN, "{\"line\":\"\"}");
    (void)patch_as("shop", ADMIN, "{\"space\":\"shop\",\"policy\":\"slow\",\"name\":\"A\"}");
    assert_member("a", "space", "shop");
    assert_member("a", "policy", "slow");
    assert_string_equal(meta_of("name"), "A");
    assert_int_equal(number(ask("SISMEMBER space:shop acme")), 1);
    assert_string_equal(create("shop", "{\"name\":\"M\"}"), "space_taken");
    (void)patch("{\"policy\":null}");
    assert_no_member("a", "policy");
    assert_string_equal(meta_of("policy"), "nil");
    assert_string_equal(meta_of("space"), "shop");
}

static void an_imported_key_becomes_an_entry_that_can_be_disabled(void **state)
{
    (void)state;
    (void)number(ask("HSET %s name Acme createdAt 1700000000000", META));
    (void)number(ask("SET apiKey:old acme PX 60000"));
    (void)number(ask("ZADD %s 1700000000 old", INDEX));
    (void)patch("{\"disabled\":true}");
    assert_member("old", "client", "acme");
    assert_member("old", "space", "acme");
    json_t *entry = entry_of("old");
    assert_true(json_is_true(json_object_get(entry, "disabled")));
    assert_int_equal(json_integer_value(json_object_get(entry, "seq")), 1700000000);
    json_decref(entry);
    assert_in_range(left("old"), 1, 60000);
}

#define TEST(name) cmocka_unit_test_setup(name, flush)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_made_without_a_key),
        TEST(an_id_that_is_taken_is_refused),
        TEST(clients_share_a_space_when_an_admin_says_so),
        TEST(nobody_gets_into_a_space_by_the_name_of_his_id),
        TEST(nobody_is_put_into_the_space_of_one_that_registered_itself),
        TEST(a_deleted_clients_space_falls_to_nobody_who_registers),
        TEST(deleting_a_client_revokes_all_its_keys),
        TEST(a_key_has_what_was_asked_for),
        TEST(an_end_may_be_a_point_in_time),
        TEST(what_an_admin_leaves_out_is_all_that_is_granted),
        TEST(a_scope_that_is_not_granted_is_refused),
        TEST(keys_of_an_unknown_client_are_refused),
        TEST(a_client_has_so_many_keys_and_no_more),
        TEST(a_key_can_make_none_with_more_scopes),
        TEST(a_key_of_another_client_gives_only_what_it_has_itself),
        TEST(a_key_can_make_none_for_more_addresses),
        TEST(a_key_can_make_none_that_outlives_it),
        TEST(a_key_in_its_grace_makes_none_that_outlives_the_grace),
        TEST(a_key_that_was_revoked_a_moment_ago_makes_none),
        TEST(a_weak_key_can_not_rotate_a_stronger_one),
        TEST(rotation_copies_scopes_addresses_and_end),
        TEST(an_older_key_of_the_line_can_be_rotated_as_well),
        TEST(one_key_is_revoked_and_no_other),
        TEST(keys_are_listed_oldest_first_with_end_and_use),
        TEST(a_use_is_noted_once_a_minute_and_not_after_the_end),
        TEST(disabling_writes_every_entry),
        TEST(taking_grants_away_narrows_the_keys_for_good),
        TEST(a_key_can_grant_only_what_it_has),
        TEST(space_and_policy_reach_the_entries),
        TEST(an_imported_key_becomes_an_entry_that_can_be_disabled),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
