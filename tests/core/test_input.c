/* The header-only readers (<sluice/check.h>, <sluice/input.h>, <sluice/json.h>) in a plugin that
 * takes one of everything.
 *
 *   POST /loose, /strict, /optional       a body
 *   GET /page/{userId}, GET /named/{id}   parameters
 *
 * SPDX-License-Identifier: MIT */
#include <sluice_test.h>

#include <sluice/check.h>
#include <sluice/json.h>

/* ---- The plugin --------------------------------------------------------------------------- */

static sluice_verdict take_all(sluice_request *req, uint32_t flags)
{
    sluice_reader in;
    if (!sluice_read_json(req, &in, flags))
        return in.verdict;
    const char *id = sluice_take_name(&in, "id");
    const char *user = sluice_take_user_id(&in, "userId");
    const char *text = sluice_take_text(&in, "text", 1, 5);
    int64_t count = sluice_take_int(&in, "count", 1, 10);
    double score = sluice_take_number(&in, "score");
    bool on = sluice_take_bool(&in, "on");
    sluice_texts scopes = sluice_optional_texts(&in, "sco/pes", 2, 3);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_json(req, 200, "id", id, "user", user, "text", text, "count", count, "score",
                       score, "on", on, "scopes", scopes.count, "last",
                       scopes.count ? scopes.items[scopes.count - 1] : NULL);
}

static sluice_verdict loose(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    (void)none;
    return take_all(req, 0);
}

static sluice_verdict strict(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    (void)none;
    return take_all(req, SLUICE_STRICT);
}

static sluice_verdict optional(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)self;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *id = sluice_optional_name(&in, "id", "nobody");
    const char *text = sluice_optional_text(&in, "text", 0, 5, NULL);
    int64_t count = sluice_optional_int(&in, "count", 1, 10, 7);
    double score = sluice_optional_number(&in, "score", 1.5);
    bool on = sluice_optional_bool(&in, "on", true);
    if (count == 10)
        sluice_member_wrong(&in, "count", "must not be ten");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_json(req, 200, "id", id, "text", text, "count", count, "score", score, "on", on);
}

static sluice_verdict page(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)self;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *user = sluice_take_path_user_id(&in, "userId");
    int64_t size = sluice_take_query_int(&in, "size", 1, 100, 10);
    int64_t shift = sluice_take_query_int(&in, "shift", -5, 5, 0);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_json(req, 200, "user", user, "size", size, "shift", shift);
}

static sluice_verdict named(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)self;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_json(req, 200, "id", id);
}

static const sluice_route routes[] = {
    {"POST", "/loose", SLUICE_STEP(loose), "none", NULL, 0, 0, 0},
    {"POST", "/strict", SLUICE_STEP(strict), "none", NULL, 0, 0, 0},
    {"POST", "/optional", SLUICE_STEP(optional), "none", NULL, 0, 0, 0},
    {"GET", "/page/{userId}", SLUICE_STEP(page), "none", NULL, 0, 0, 0},
    {"GET", "/named/{id}", SLUICE_STEP(named), "none", NULL, 0, 0, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_routes(host, routes);
    return 0;
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "reader",
        .version = "1",
        .summary = "takes one of everything",
        .configure = configure,
    };
    return &descriptor;
}

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

static struct test_answer *post(struct test_host *host, const char *path, const char *body)
{
    test_header(host, "Content-Type", "application/json");
    return request(host, "POST", path, body);
}

#define GOOD                                                                                       \
    "{\"id\":\"acme\",\"userId\":\"j\xc3\xbcrgen:1\",\"text\":\"hello\",\"count\":10,"             \
    "\"score\":-1e-3,\"on\":false,\"sco/pes\":[\"a\",\"bcd\"]"

/* ---- Names and user ids ------------------------------------------------------------------- */

static void a_name_has_few_characters_and_no_colon(void **state)
{
    char longest[SLUICE_NAME_MAX + 2];
    (void)state;
    assert_true(sluice_is_name("a"));
    assert_true(sluice_is_name("A.z_0@9-"));
    assert_true(sluice_is_name("..."));
    const char *wrong[] = {"", ".", "..", "a:b", "a b", "a/b", "\xc3\xa9", "a\n", "*"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sluice_is_name(wrong[i]));
    assert_false(sluice_is_name(NULL));
    memset(longest, 'x', sizeof longest);
    longest[SLUICE_NAME_MAX + 1] = '\0';
    assert_false(sluice_is_name(longest));
    longest[SLUICE_NAME_MAX] = '\0';
    assert_true(sluice_is_name(longest));
}

static void a_user_id_is_printable_utf8_without_spaces(void **state)
{
    char longest[SLUICE_USER_ID_MAX + 2];
    (void)state;
    const char *right[] = {
        "a", "a:b", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        assert_true(sluice_is_user_id(right[i]));
    const char *wrong[] = {"",
                           "a b",
                           "\t",
                           "a\x7f",
                           "\xc2\x85",
                           "\xc2\xa0",
                           "\xe2\x80\x83",
                           "\xe3\x80\x80",
                           "\xef\xbb\xbf",
                           "\xe2\x80\x8b",
                           "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sluice_is_user_id(wrong[i]));
    assert_false(sluice_is_user_id(NULL));
    memset(longest, 'x', sizeof longest);
    longest[SLUICE_USER_ID_MAX + 1] = '\0';
    assert_false(sluice_is_user_id(longest));
    longest[SLUICE_USER_ID_MAX] = '\0';
    assert_true(sluice_is_user_id(longest));
}

static void what_is_not_utf8_is_no_user_id(void **state)
{
    (void)state;
    const char *wrong[] = {
        "\x80",             /* a continuation alone */
        "\xc3",             /* cut off */
        "\xe2\x82",         /* cut off */
        "\xc0\xaf",         /* overlong */
        "\xc1\xbf",         /* overlong */
        "\xe0\x80\xaf",     /* overlong */
        "\xf0\x80\x80\xaf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xff",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sluice_is_user_id(wrong[i]));
}

/* ---- Bodies -------------------------------------------------------------------------------- */

static void a_right_body_is_taken_as_it_is(void **state)
{
    struct test_answer *answer = post(*state, "/strict", GOOD "}");
    assert_body(answer,
                "{\"id\":\"acme\",\"user\":\"j\xc3\xbcrgen:1\",\"text\":\"hello\","
                "\"count\":10,\"score\":-0.001,\"on\":false,\"scopes\":2,\"last\":\"bcd\"}");
}

static void everything_wrong_is_told_at_once(void **state)
{
    struct test_answer *answer = post(*state, "/loose",
                                      "{\"id\":\"a:b\",\"text\":\"longer\",\"count\":\"10\","
                                      "\"score\":null,\"on\":1,\"sco/pes\":[\"a\",\"\"]}");
    assert_status(answer, 422);
    assert_json(answer, "error", "invalid_body");
    assert_json(answer, "message", "id " SLUICE_NAME_RULE " (and 6 more, see errors)");
    const char *pointers[] = {"/id", "/userId", "/text", "/count", "/score", "/on", "/sco~1pes/1"};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        char where[32];
        (void)snprintf(where, sizeof where, "/errors/%zu/pointer", i);
        assert_json(answer, where, pointers[i]);
    }
    assert_json(answer, "/errors/1/detail", "is missing");
    assert_json(answer, "/errors/3/detail", "must be an integer from 1 to 10");
}

static void nothing_is_coerced(void **state)
{
    struct test_host *host = *state;
    const char *bodies[] = {"{\"count\":\"7\"}", "{\"count\":7.0}",   "{\"count\":[7]}",
                            "{\"count\":true}",  "{\"count\":null}",  "{\"count\":11}",
                            "{\"count\":0}",     "{\"score\":\"1\"}", "{\"score\":{}}",
                            "{\"on\":0}",        "{\"on\":\"true\"}", "{\"text\":5}",
                            "{\"id\":null}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_status(post(host, "/optional", bodies[i]), 422);
}

static void absent_members_have_their_fallback(void **state)
{
    assert_body(post(*state, "/optional", "{}"),
                "{\"id\":\"nobody\",\"count\":7,\"score\":1.5,\"on\":true}");
    assert_body(post(*state, "/optional",
                     "{\"id\":\"a\",\"text\":\"\",\"count\":1,\"score\":2,"
                     "\"on\":false}"),
                "{\"id\":\"a\",\"text\":\"\",\"count\":1,\"score\":2,\"on\":false}");
}

static void a_plugin_adds_rules_of_its_own(void **state)
{
    struct test_answer *answer = post(*state, "/optional", "{\"count\":10}");
    assert_status(answer, 422);
    assert_json(answer, "message", "count must not be ten");
}

static void unknown_members_are_refused_in_strict_mode_alone(void **state)
{
    assert_status(post(*state, "/loose", GOOD ",\"x~y\":1}"), 200);
    struct test_answer *answer = post(*state, "/strict", GOOD ",\"x~y\":1,\"z\":2}");
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/pointer", "/x~0y");
    assert_json(answer, "/errors/1/pointer", "/z");
}

static void a_string_with_nul_is_refused(void **state)
{
    struct test_answer *answer = post(*state, "/optional", "{\"id\":\"a\\u0000b\"}");
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/detail", "must not contain \\u0000");
}

static void other_media_types_are_415(void **state)
{
    struct test_host *host = *state;
    const char *right[] = {"application/json", "Application/JSON; charset=utf-8",
                           "application/vnd.acme+json", "application/merge-patch+json;v=1"};
    const char *wrong[] = {"text/plain", "application/jsonp", "application/x-www-form-urlencoded",
                           "+json", ""};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        test_header(host, "Content-Type", right[i]);
        assert_status(request(host, "POST", "/optional", "{}"), 200);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        test_header(host, "Content-Type", wrong[i]);
        assert_json(request(host, "POST", "/optional", "{}"), "error", "unsupported_media_type");
    }
    assert_status(request(host, "POST", "/optional", "{}"), 415);
}

static void what_is_no_json_is_400_with_its_place(void **state)
{
    struct test_host *host = *state;
    const char *bodies[] = {"{",          "{}x",      "{'a':1}",          "{\"a\":NaN}",
                            "{\"a\":01}", "\"\xff\"", "{\"a\":\"\x01\"}", "  "};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct test_answer *answer = post(host, "/optional", bodies[i]);
        assert_status(answer, 400);
        assert_json(answer, "error", "malformed_json");
        assert_non_null(strstr(test_json(answer, "detail"), "line 1, column "));
    }
}

static void an_empty_body_is_400(void **state)
{
    struct test_host *host = *state;
    assert_json(request(host, "POST", "/optional", NULL), "error", "malformed_json");
    assert_json(post(host, "/optional", NULL), "error", "malformed_json");
}

static void duplicate_members_are_400(void **state)
{
    struct test_answer *answer = post(*state, "/optional", "{\"id\":\"a\",\n\"id\":\"b\"}");
    assert_status(answer, 400);
    assert_json(answer, "error", "duplicate_member");
    assert_non_null(strstr(test_json(answer, "detail"), "line 2"));
}

static void a_body_that_is_no_object_is_422(void **state)
{
    struct test_answer *answer = post(*state, "/optional", "[1]");
    assert_status(answer, 422);
    assert_json(answer, "/errors/0/pointer", "");
    assert_status(post(*state, "/optional", "7"), 422);
}

static void a_number_beyond_all_bounds_is_422(void **state)
{
    assert_status(post(*state, "/optional", "{\"score\":1e999}"), 422);
    assert_status(post(*state, "/optional", "{\"count\":99999999999999999999}"), 422);
}

/* `depth` arrays inside an object. */
static const char *nested(char *buffer, int depth)
{
    size_t at = strlen(strcpy(buffer, "{\"x\":"));
    memset(buffer + at, '[', (size_t)depth);
    memset(buffer + at + depth, ']', (size_t)depth);
    strcpy(buffer + at + 2 * (size_t)depth, "}");
    return buffer;
}

static void nesting_is_capped_before_parsing(void **state)
{
    char buffer[256];
    struct test_answer *answer = post(*state, "/optional", nested(buffer, 32));
    assert_status(answer, 400);
    assert_json(answer, "error", "too_deep");
    assert_json(post(*state, "/optional", nested(buffer, 31)), "/errors/0/pointer", "/x");
    memset(buffer, '[', 200);
    buffer[200] = '\0';
    assert_json(post(*state, "/optional", buffer), "error", "too_deep");
}

static void brackets_in_strings_are_not_nesting(void **state)
{
    struct test_answer *answer =
        post(*state, "/optional", "{\"y\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\"}");
    assert_json(answer, "/errors/0/pointer", "/y");
}

static void at_most_a_hundred_errors_are_told(void **state)
{
    char body[4096] = "{\"a0\":0";
    for (int i = 1; i < 150; i++)
        (void)snprintf(body + strlen(body), 20, ",\"a%d\":0", i);
    strcat(body, "}");
    struct test_answer *answer = post(*state, "/optional", body);
    assert_non_null(test_json(answer, "/errors/99/pointer"));
    assert_no_json(answer, "/errors/100/pointer");
    assert_non_null(strstr(test_json(answer, "message"), "(and 149 more"));
}

/* ---- Parameters ----------------------------------------------------------------------------- */

static void query_integers_have_bounds_and_a_fallback(void **state)
{
    struct test_host *host = *state;
    assert_body(request(host, "GET", "/page/ann?shift=-5", NULL),
                "{\"user\":\"ann\",\"size\":10,\"shift\":-5}");
    const char *wrong[] = {"0",    "101", "",    "%20", "1x",  "+1",
                           "%2B1", "0x1", "1.0", "-",   "1e1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char target[64];
        (void)snprintf(target, sizeof target, "/page/ann?size=%s", wrong[i]);
        struct test_answer *answer = request(host, "GET", target, NULL);
        assert_status(answer, 422);
        assert_json(answer, "error", "invalid_parameter");
        assert_json(answer, "/errors/0/parameter", "size");
    }
}

static void path_parameters_are_checked(void **state)
{
    struct test_host *host = *state;
    assert_json(request(host, "GET", "/page/a%20b?size=0", NULL), "/errors/0/parameter", "userId");
    assert_json(request(host, "GET", "/named/a%3Ab", NULL), "/errors/0/parameter", "id");
    assert_status(request(host, "GET", "/named/a-b", NULL), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_few_characters_and_no_colon),
        cmocka_unit_test(a_user_id_is_printable_utf8_without_spaces),
        cmocka_unit_test(what_is_not_utf8_is_no_user_id),
        TEST(a_right_body_is_taken_as_it_is),
        TEST(everything_wrong_is_told_at_once),
        TEST(nothing_is_coerced),
        TEST(absent_members_have_their_fallback),
        TEST(a_plugin_adds_rules_of_its_own),
        TEST(unknown_members_are_refused_in_strict_mode_alone),
        TEST(a_string_with_nul_is_refused),
        TEST(other_media_types_are_415),
        TEST(what_is_no_json_is_400_with_its_place),
        TEST(an_empty_body_is_400),
        TEST(duplicate_members_are_400),
        TEST(a_body_that_is_no_object_is_422),
        TEST(a_number_beyond_all_bounds_is_422),
        TEST(nesting_is_capped_before_parsing),
        TEST(brackets_in_strings_are_not_nesting),
        TEST(at_most_a_hundred_errors_are_told),
        TEST(query_integers_have_bounds_and_a_fallback),
        TEST(path_parameters_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
