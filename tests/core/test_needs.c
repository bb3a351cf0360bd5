/* What routes need: the grammar, and who fits.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "needs.h"

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct needs parse(const char *auth)
{
    struct needs needs;
    const char *wrong = NULL;
    if (needs_parse(&needs, &arena, auth, &wrong) < 0)
        fail_msg("refused: %s at %s", auth, wrong);
    return needs;
}

static const sluice_identity admin = {.kinds = SLUICE_IDENTITY_ADMIN, .scopes = ""};
static const sluice_identity acme = {
    .kinds = SLUICE_IDENTITY_CLIENT, .client = "acme", .scopes = "jobs:work leaderboard:manage"};
static const sluice_identity deputy = {
    .kinds = SLUICE_IDENTITY_CLIENT, .client = "deputy", .scopes = "admin:apikey"};
static const sluice_identity other = {
    .kinds = SLUICE_IDENTITY_CLIENT, .client = "other", .scopes = "leaderboard:manager"};
static const sluice_identity user = {.kinds = SLUICE_IDENTITY_SESSION, .user = "ann", .scopes = ""};
static const sluice_identity both = {.kinds = SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_SESSION,
                                     .client = "other",
                                     .user = "ann",
                                     .scopes = ""};

/* Every requirement against everybody, at a route of apikey's whose {id} is acme: 200 fits, 401 is
 * not known as what it takes, 403 is known and not allowed. */
static void identities_fit_as_the_grammar_says(void **state)
{
    (void)state;
    static const sluice_identity *const who[] = {NULL,    &user,  &other, &acme,
                                                 &deputy, &admin, &both};
    static const struct {
        const char *auth;
        unsigned status[sizeof who / sizeof who[0]]; /* in the order of `who` */
    } rows[] = {
        {"none", {200, 200, 200, 200, 200, 200, 200}},
        {"client", {401, 401, 200, 200, 200, 403, 200}},
        {"session", {401, 200, 401, 401, 401, 401, 200}},
        {"admin", {401, 401, 403, 403, 200, 200, 403}},
        {"self", {401, 401, 403, 200, 200, 200, 403}},
        {"scope:leaderboard:manage", {401, 401, 403, 200, 403, 403, 403}},
        {"scope:leaderboard", {401, 401, 403, 403, 403, 403, 403}},
        {"client,session", {401, 200, 200, 200, 200, 403, 200}},
        {"client, admin", {401, 401, 200, 200, 200, 200, 200}},
        {"session,admin", {401, 200, 403, 403, 200, 200, 200}},
        {"session,self", {401, 200, 403, 200, 200, 200, 200}},
        {"admin , scope:leaderboard:manage", {401, 401, 403, 200, 200, 200, 403}},
        {"scope:sessions:manage,scope:jobs:work", {401, 401, 403, 200, 403, 403, 403}},
    };
    static const unsigned statuses[] = {
        [JUDGED_FIT] = 200, [JUDGED_UNKNOWN] = 401, [JUDGED_FORBIDDEN] = 403};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct needs needs = parse(rows[i].auth);
        for (size_t j = 0; j < sizeof who / sizeof who[0]; j++) {
            unsigned status = statuses[needs_judge(&needs, who[j], "apikey", "acme")];
            if (status != rows[i].status[j])
                fail_msg("%s, identity %zu: %u instead of %u", rows[i].auth, j, status,
                         rows[i].status[j]);
        }
    }
}

static void scopes_count_for_clients_alone(void **state)
{
    (void)state;
    const sluice_identity posing = {.kinds = SLUICE_IDENTITY_SESSION,
                                    .user = "ann",
                                    .scopes = "admin:apikey leaderboard:manage"};
    const char *const auths[] = {"admin", "self", "scope:leaderboard:manage"};
    for (size_t i = 0; i < sizeof auths / sizeof auths[0]; i++) {
        struct needs needs = parse(auths[i]);
        assert_int_equal(needs_judge(&needs, &posing, "apikey", "acme"), JUDGED_UNKNOWN);
    }
}

static void another_clients_self_is_forbidden(void **state)
{
    (void)state;
    struct needs needs = parse("self");
    assert_int_equal(needs_judge(&needs, &acme, "apikey", "other"), JUDGED_FORBIDDEN);
    assert_int_equal(needs_judge(&needs, &acme, "apikey", NULL), JUDGED_FORBIDDEN);
}

static void an_admin_scope_counts_for_its_own_area_alone(void **state)
{
    (void)state;
    struct needs needs = parse("admin");
    assert_int_equal(needs_judge(&needs, &deputy, "apikey", NULL), JUDGED_FIT);
    assert_int_equal(needs_judge(&needs, &deputy, "leaderboard", NULL), JUDGED_FORBIDDEN);
    assert_int_equal(needs_judge(&needs, &deputy, "apike", NULL), JUDGED_FORBIDDEN);
}

static void words_outside_the_grammar_are_pointed_at(void **state)
{
    (void)state;
    static const struct {
        const char *auth, *wrong;
    } rows[] = {
        {"", ""},
        {"clients", "clients"},
        {"client,", ""},
        {"client, root", "root"},
        {"scope:", "scope:"},
        {"none,client", "none"},
        {"client,scope:a b", "scope:a b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct needs needs;
        const char *wrong = NULL;
        assert_int_not_equal(needs_parse(&needs, &arena, rows[i].auth, &wrong), 0);
        assert_string_equal(wrong, rows[i].wrong);
    }
}

static void a_route_says_which_identities_could_fit(void **state)
{
    (void)state;
    static const struct {
        const char *auth;
        uint32_t identities;
    } rows[] = {
        {"none", 0},
        {"client", SLUICE_IDENTITY_CLIENT},
        {"self", SLUICE_IDENTITY_CLIENT},
        {"scope:x", SLUICE_IDENTITY_CLIENT},
        {"session", SLUICE_IDENTITY_SESSION},
        {"admin,session", SLUICE_IDENTITY_ADMIN | SLUICE_IDENTITY_SESSION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct needs needs = parse(rows[i].auth);
        assert_int_equal(needs_identities(&needs), rows[i].identities);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(identities_fit_as_the_grammar_says),
        TEST(scopes_count_for_clients_alone),
        TEST(another_clients_self_is_forbidden),
        TEST(an_admin_scope_counts_for_its_own_area_alone),
        TEST(words_outside_the_grammar_are_pointed_at),
        TEST(a_route_says_which_identities_could_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
