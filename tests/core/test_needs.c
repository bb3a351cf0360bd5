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
static const sluice_identity user = {
    .kinds = SLUICE_IDENTITY_SESSION, .user = "ann", .scopes = ""};

static void identities_fit_as_the_grammar_says(void **state)
{
    (void)state;
    static const struct {
        const char *auth;
        const sluice_identity *who;
        enum judgement judgement;
    } rows[] = {
        {"none", NULL, JUDGED_FIT},
        {"none", &acme, JUDGED_FIT},
        {"client", NULL, JUDGED_UNKNOWN},
        {"client", &acme, JUDGED_FIT},
        {"client", &admin, JUDGED_FORBIDDEN},
        {"client", &user, JUDGED_UNKNOWN},
        {"session", &user, JUDGED_FIT},
        {"session", &acme, JUDGED_UNKNOWN},
        {"client,session", &user, JUDGED_FIT},
        {"admin", NULL, JUDGED_UNKNOWN},
        {"admin", &admin, JUDGED_FIT},
        {"admin", &acme, JUDGED_FORBIDDEN},
        {"admin", &deputy, JUDGED_FIT},
        {"self", &acme, JUDGED_FIT},
        {"self", &admin, JUDGED_FIT},
        {"self", &deputy, JUDGED_FIT},
        {"self", &user, JUDGED_UNKNOWN},
        {"scope:leaderboard:manage", &acme, JUDGED_FIT},
        {"scope:leaderboard", &acme, JUDGED_FORBIDDEN},
        {"scope:work", &acme, JUDGED_FORBIDDEN},
        {"admin, scope:leaderboard:manage", &acme, JUDGED_FIT},
        {"admin,scope:leaderboard:manage", &admin, JUDGED_FIT},
        {"admin,scope:sessions:manage", &acme, JUDGED_FORBIDDEN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct needs needs = parse(rows[i].auth);
        enum judgement judgement = needs_judge(&needs, rows[i].who, "apikey", "acme");
        if (judgement != rows[i].judgement)
            fail_msg("row %zu (%s): %d instead of %d", i, rows[i].auth, (int)judgement,
                     (int)rows[i].judgement);
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
        {"", ""}, {"clients", "clients"}, {"client,", ""}, {"client, root", "root"},
        {"scope:", "scope:"}, {"none,client", "none"},
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
        TEST(another_clients_self_is_forbidden),
        TEST(an_admin_scope_counts_for_its_own_area_alone),
        TEST(words_outside_the_grammar_are_pointed_at),
        TEST(a_route_says_which_identities_could_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
