/* The router, percent-decoding, query strings and cookies.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "router.h"

static struct arena arena;
static struct router *router;

static int setup(void **state)
{
    (void)state;
    router = router_new(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const char *try_add(const char *method, const char *pattern, uint32_t flags)
{
    const char *error = NULL;
    struct route route = {.method = method, .pattern = pattern, .flags = flags};
    return router_add(router, &route, &error) ? NULL : error;
}

static void add(const char *method, const char *pattern)
{
    assert_null(try_add(method, pattern, 0));
}

static struct match find(const char *method, const char *path)
{
    struct match match;
    router_find(router, method, path, strlen(path), &arena, &match);
    return match;
}

static void assert_route(const char *method, const char *path, const char *pattern)
{
    struct match match = find(method, path);
    if (!match.route)
        fail_msg("%s %s matches nothing (%u)", method, path, match.status);
    assert_string_equal(match.route->pattern, pattern);
}

static void assert_none(const char *method, const char *path, unsigned status)
{
    struct match match = find(method, path);
    if (match.route)
        fail_msg("%s %s matches %s", method, path, match.route->pattern);
    assert_int_equal(match.status, status);
}

/* ---- Matching ----------------------------------------------------------------------------- */

static void a_literal_beats_a_parameter(void **state)
{
    (void)state;
    add("GET", "/users/{id}");
    add("GET", "/users/me");
    assert_route("GET", "/users/me", "/users/me");
    assert_route("GET", "/users/you", "/users/{id}");
}

static void a_literal_that_leads_nowhere_is_left_again(void **state)
{
    (void)state;
    add("GET", "/a/b/c");
    add("GET", "/a/{x}/d");
    add("GET", "/{y}/b/e");
    assert_route("GET", "/a/b/c", "/a/b/c");
    assert_route("GET", "/a/b/d", "/a/{x}/d");
    assert_route("GET", "/a/b/e", "/{y}/b/e");
    assert_none("GET", "/a/b/f", 404);
}

static void a_method_of_the_literal_path_does_not_hide_the_parameters_one(void **state)
{
    (void)state;
    add("POST", "/users/me");
    add("GET", "/users/{id}");
    assert_route("GET", "/users/me", "/users/{id}");
    assert_string_equal(find("PUT", "/users/me").allow, "GET, HEAD, OPTIONS, POST");
}

static void parameters_are_decoded(void **state)
{
    (void)state;
    add("GET", "/a/{x}/b/{y}");
    struct match match = find("GET", "/a/1%2F2%20%c3%a4/b/%7Bz%7D");
    assert_non_null(match.route);
    assert_string_equal(match.route->param_names[0], "x");
    assert_string_equal(match.params[0], "1/2 \xc3\xa4");
    assert_string_equal(match.params[1], "{z}");
}

static void literals_are_compared_decoded(void **state)
{
    (void)state;
    add("GET", "/health");
    assert_route("GET", "/h%65alth", "/health");
    assert_none("GET", "/HEALTH", 404);
    assert_none("GET", "/health/", 404);
}

static void a_classic_route_ignores_case_and_a_trailing_slash(void **state)
{
    (void)state;
    assert_null(try_add("GET", "/leaderboard/rank/{userId}", SLUICE_CLASSIC));
    struct match match = find("GET", "/LeaderBoard/RANK/Ann/");
    assert_non_null(match.route);
    assert_string_equal(match.params[0], "Ann");
    assert_none("GET", "/leaderboard/rank/ann//", 404);
    assert_none("GET", "/leaderboard/rank/", 404);
}

static void a_parameter_beats_no_literal_however_that_is_spelled(void **state)
{
    (void)state;
    assert_null(try_add("GET", "/Board/top", SLUICE_CLASSIC));
    assert_null(try_add("GET", "/board/{user}", SLUICE_CLASSIC));
    assert_null(try_add("GET", "/board/Page", SLUICE_CLASSIC));
    assert_route("GET", "/board/top", "/Board/top");
    assert_route("GET", "/BOARD/page/", "/board/Page");
    assert_route("GET", "/board/ann", "/board/{user}");
}

static void a_literal_in_another_spelling_does_not_hide_the_parameter(void **state)
{
    (void)state;
    add("GET", "/users/ME");
    add("GET", "/users/{id}");
    add("GET", "/Users/{id}");
    assert_route("GET", "/users/ME", "/users/ME");
    assert_route("GET", "/users/me", "/users/{id}");
    assert_route("GET", "/Users/me", "/Users/{id}");
    assert_none("GET", "/USERS/me", 404);
}

static void an_empty_segment_is_no_parameter(void **state)
{
    (void)state;
    add("GET", "/a/{x}");
    assert_none("GET", "/a/", 404);
    assert_none("GET", "//a", 404);
    assert_none("GET", "/a//b", 404);
}

static void a_broken_escape_or_an_encoded_nul_is_a_400(void **state)
{
    (void)state;
    add("GET", "/a/{x}");
    assert_none("GET", "/a/%", 400);
    assert_none("GET", "/a/%4", 400);
    assert_none("GET", "/a/%zz", 400);
    assert_none("GET", "/a/x%00y", 400);
}

static void more_segments_than_any_pattern_match_nothing(void **state)
{
    (void)state;
    add("GET", "/{a}");
    assert_none("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20", 404);
}

static void the_root_can_have_a_route(void **state)
{
    (void)state;
    add("GET", "/");
    assert_route("GET", "/", "/");
    assert_none("GET", "", 404);
}

/* ---- Methods ------------------------------------------------------------------------------ */

static void head_is_served_by_get(void **state)
{
    (void)state;
    add("GET", "/x");
    assert_route("HEAD", "/x", "/x");
}

static void a_route_for_head_itself_beats_gets(void **state)
{
    (void)state;
    add("GET", "/x");
    add("HEAD", "/x");
    assert_string_equal(find("HEAD", "/x").route->method, "HEAD");
    assert_string_equal(find("GET", "/x").route->method, "GET");
}

static void a_route_for_options_is_found(void **state)
{
    (void)state;
    add("OPTIONS", "/x");
    assert_route("OPTIONS", "/x", "/x");
    assert_string_equal(find("GET", "/x").allow, "OPTIONS");
}

static void the_whole_server_takes_what_any_route_takes(void **state)
{
    (void)state;
    add("PUT", "/x");
    add("GET", "/y");
    struct match match = find("OPTIONS", "*");
    assert_null(match.route);
    assert_int_equal(match.status, 405);
    assert_string_equal(match.allow, "GET, HEAD, OPTIONS, PUT");
}

static void other_methods_are_listed(void **state)
{
    (void)state;
    add("PUT", "/x");
    add("GET", "/x");
    struct match match = find("DELETE", "/x");
    assert_int_equal(match.status, 405);
    assert_string_equal(match.allow, "GET, HEAD, OPTIONS, PUT");
    assert_int_equal(find("OPTIONS", "/x").status, 405);
    assert_null(find("GET", "/y").allow);
}

/* ---- Adding ------------------------------------------------------------------------------- */

static void the_same_shape_twice_is_refused_by_both_names(void **state)
{
    (void)state;
    add("GET", "/a/{x}");
    add("POST", "/a/{x}");
    const char *error = try_add("GET", "/a/{y}", 0);
    assert_non_null(strstr(error, "/a/{y}"));
    assert_non_null(strstr(error, "/a/{x}"));
}

static void the_same_path_in_another_case_is_taken_where_case_is_ignored(void **state)
{
    (void)state;
    assert_null(try_add("GET", "/board/{a}/top", SLUICE_CLASSIC));
    assert_non_null(strstr(try_add("GET", "/Board/{b}/TOP", SLUICE_CLASSIC), "/board/{a}/top"));
    assert_non_null(try_add("GET", "/BOARD/{b}/top", 0));
    assert_null(try_add("PUT", "/BOARD/{b}/top", 0));
    assert_null(try_add("PUT", "/board/{long}/top", 0));
    assert_non_null(try_add("PUT", "/board/{b}/top", 0));
    assert_non_null(try_add("PUT", "/board/{c}/top", SLUICE_CLASSIC));
}

static void patterns_that_can_not_be_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "a",     "/a//b", "/a/",    "/{}",     "/{a",
                                      "/a}", "/x{a}", "/{a}x", "/{{a}}", "/{a}{b}", "/{a}/{a}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!try_add("GET", bad[i], 0))
            fail_msg("taken: %s", bad[i]);
    assert_non_null(try_add("GET", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", 0));
    assert_non_null(try_add("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", 0));
    assert_null(try_add("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", 0));
}

static void routes_are_listed_in_order(void **state)
{
    (void)state;
    size_t count;
    add("GET", "/b");
    add("GET", "/a");
    struct route *const *routes = router_routes(router, &count);
    assert_int_equal(count, 2);
    assert_string_equal(routes[0]->pattern, "/b");
    assert_string_equal(routes[1]->pattern, "/a");
}

/* ---- Queries and cookies ------------------------------------------------------------------ */

static void a_query_gives_the_first_value_decoded(void **state)
{
    (void)state;
    const char *query = "a=1&b=x%20y+z&a=2&c&=d&%61e=5&bad=%zz";
    assert_string_equal(query_value(&arena, query, "a"), "1");
    assert_string_equal(query_value(&arena, query, "b"), "x y z");
    assert_string_equal(query_value(&arena, query, "c"), "");
    assert_string_equal(query_value(&arena, query, "ae"), "5");
    assert_null(query_value(&arena, query, "bad"));
    assert_null(query_value(&arena, query, "d"));
    assert_null(query_value(&arena, "", "a"));
}

static void escapes_are_decoded_once(void **state)
{
    (void)state;
    assert_string_equal(percent_decode(&arena, "%2541", 5, false), "%41");
    assert_string_equal(percent_decode(&arena, "%2b", 3, true), "+");
    assert_string_equal(percent_decode(&arena, "", 0, true), "");
}

static void an_escape_ends_where_its_bytes_end(void **state)
{
    (void)state;
    assert_null(percent_decode(&arena, "a%41", 2, false));
    assert_null(percent_decode(&arena, "a%41", 3, false));
    assert_string_equal(percent_decode(&arena, "a%41", 4, false), "aA");
}

static void a_plus_is_a_plus_in_a_path(void **state)
{
    (void)state;
    assert_string_equal(percent_decode(&arena, "a+b", 3, false), "a+b");
    assert_string_equal(percent_decode(&arena, "a+b", 3, true), "a b");
}

static void a_cookie_is_found_among_others(void **state)
{
    (void)state;
    const char *header = "sid2=no; sid=yes; q=\"quoted\"; empty=; sid=later";
    assert_string_equal(cookie_value(&arena, header, "sid"), "yes");
    assert_string_equal(cookie_value(&arena, header, "q"), "quoted");
    assert_string_equal(cookie_value(&arena, header, "sid2"), "no");
    assert_string_equal(cookie_value(&arena, header, "empty"), "");
    assert_null(cookie_value(&arena, header, "si"));
    assert_null(cookie_value(&arena, "", "sid"));
}

static void a_cookie_header_may_be_untidy(void **state)
{
    (void)state;
    const char *header = " ;; alone;a = 1;\tb=x=y \t;c=\"; d=\"\";=nameless; ";
    assert_string_equal(cookie_value(&arena, header, "b"), "x=y");
    assert_string_equal(cookie_value(&arena, header, "c"), "\"");
    assert_string_equal(cookie_value(&arena, header, "d"), "");
    assert_null(cookie_value(&arena, header, "alone"));
    assert_null(cookie_value(&arena, header, "a"));
    assert_null(cookie_value(&arena, header, "B"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_literal_beats_a_parameter),
        TEST(a_literal_that_leads_nowhere_is_left_again),
        TEST(a_method_of_the_literal_path_does_not_hide_the_parameters_one),
        TEST(parameters_are_decoded),
        TEST(literals_are_compared_decoded),
        TEST(a_classic_route_ignores_case_and_a_trailing_slash),
        TEST(a_parameter_beats_no_literal_however_that_is_spelled),
        TEST(a_literal_in_another_spelling_does_not_hide_the_parameter),
        TEST(an_empty_segment_is_no_parameter),
        TEST(a_broken_escape_or_an_encoded_nul_is_a_400),
        TEST(more_segments_than_any_pattern_match_nothing),
        TEST(the_root_can_have_a_route),
        TEST(head_is_served_by_get),
        TEST(a_route_for_head_itself_beats_gets),
        TEST(a_route_for_options_is_found),
        TEST(the_whole_server_takes_what_any_route_takes),
        TEST(other_methods_are_listed),
        TEST(the_same_shape_twice_is_refused_by_both_names),
        TEST(the_same_path_in_another_case_is_taken_where_case_is_ignored),
        TEST(patterns_that_can_not_be_are_refused),
        TEST(routes_are_listed_in_order),
        TEST(a_query_gives_the_first_value_decoded),
        TEST(escapes_are_decoded_once),
        TEST(an_escape_ends_where_its_bytes_end),
        TEST(a_plus_is_a_plus_in_a_path),
        TEST(a_cookie_is_found_among_others),
        TEST(a_cookie_header_may_be_untidy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
