/* Answers: problems, headers, and what a later answer leaves of an earlier one.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sluice/args.h>

#include "answer.h"

static struct arena arena;
static struct answer answer;

static int set_up(void **unused)
{
    (void)unused;
    answer_init(&answer, &arena);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    arena_release(&arena);
    return 0;
}

static void json(uint32_t status, const sluice_arg *pairs, uint32_t count, uint64_t stride)
{
    answer_json(&answer, status, pairs, count, (uint32_t)stride);
}

static void problem(uint32_t status, const sluice_arg *pairs, uint32_t count, uint64_t stride)
{
    const struct problem what = {status, "some_code", "say \"why\"", "/v1/x"};
    answer_problem(&answer, &what, pairs, count, (uint32_t)stride);
}

static void an_answer_starts_without_status(void **unused)
{
    (void)unused;
    assert_int_equal(answer.status, 0);
    assert_string_equal(answer.body.data, "");
    assert_null(answer_get_header(&answer, "Content-Type"));
}

static void json_answers_say_their_type(void **unused)
{
    (void)unused;
    json(201, SLUICE_ARGS("success", true, "id", "x"));
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body.data, "{\"success\":true,\"id\":\"x\"}");
    assert_string_equal(answer_get_header(&answer, "content-type"), "application/json");
}

static void problems_have_the_standard_and_the_classic_members(void **unused)
{
    (void)unused;
    problem(409, SLUICE_ARGS("fence", 7));
    assert_string_equal(answer.body.data,
                        "{\"type\":\"/problems#some_code\",\"title\":\"Conflict\",\"status\":409,"
                        "\"detail\":\"say \\\"why\\\"\",\"instance\":\"/v1/x\",\"success\":false,"
                        "\"message\":\"say \\\"why\\\"\",\"error\":\"some_code\",\"fence\":7}");
    assert_string_equal(answer_get_header(&answer, "Content-Type"), "application/problem+json");
    assert_null(answer_get_header(&answer, "Retry-After"));
    json_t *parsed = json_loads(answer.body.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed);
    json_decref(parsed);
}

static void a_problem_may_have_no_instance(void **unused)
{
    (void)unused;
    const struct problem what = {400, "bad", "why", NULL};
    answer_problem(&answer, &what, NULL, 0, sizeof(sluice_arg));
    assert_null(strstr(answer.body.data, "instance"));
}

static void a_first_member_type_replaces_the_problems_own(void **unused)
{
    (void)unused;
    problem(429, SLUICE_ARGS("type", "https://example.org/quota", "limit", 7));
    assert_non_null(strstr(answer.body.data, "{\"type\":\"https://example.org/quota\",\"title\":"));
    assert_non_null(strstr(answer.body.data, "\"error\":\"some_code\",\"limit\":7}"));
    json_t *parsed = json_loads(answer.body.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed);
    json_decref(parsed);
}

static void retry_after_comes_from_its_member(void **unused)
{
    (void)unused;
    problem(423, SLUICE_ARGS("retryAfter", 12));
    assert_string_equal(answer_get_header(&answer, "Retry-After"), "12");
    assert_non_null(strstr(answer.body.data, "\"retryAfter\":12}"));
    problem(409, SLUICE_ARGS("x", 1));
    assert_null(answer_get_header(&answer, "Retry-After"));
}

static void busy_answers_always_say_when_to_come_back(void **unused)
{
    (void)unused;
    problem(503, NULL, 0, sizeof(sluice_arg));
    assert_string_equal(answer_get_header(&answer, "Retry-After"), "1");
    problem(429, SLUICE_ARGS("retryAfter", -3));
    assert_null(answer_get_header(&answer, "Retry-After"));
    problem(429, SLUICE_ARGS("other", 3));
    assert_string_equal(answer_get_header(&answer, "Retry-After"), "1");
}

static void a_later_answer_drops_what_described_the_earlier_body(void **unused)
{
    (void)unused;
    assert_int_equal(answer_set_header(&answer, "X-Kept", "yes"), 0);
    answer_respond(&answer, 200, "text/plain", "hello", 5);
    assert_int_equal(answer_set_header(&answer, "ETag", "\"5\""), 0);
    assert_string_equal(answer.body.data, "hello");
    answer_respond(&answer, 204, NULL, NULL, 0);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.body.len, 0);
    assert_null(answer_get_header(&answer, "Content-Type"));
    assert_null(answer_get_header(&answer, "ETag"));
    assert_string_equal(answer_get_header(&answer, "x-kept"), "yes");
}

static void a_header_is_replaced_in_any_case(void **unused)
{
    (void)unused;
    char value[] = "one";
    assert_int_equal(answer_set_header(&answer, "X-Name", value), 0);
    value[0] = '!';
    assert_string_equal(answer_get_header(&answer, "X-Name"), "one");
    assert_int_equal(answer_set_header(&answer, "x-NAME", "two"), 0);
    assert_int_equal(answer.header_count, 1);
    assert_string_equal(answer_get_header(&answer, "X-Name"), "two");
}

static void headers_that_would_split_an_answer_are_refused(void **unused)
{
    (void)unused;
    assert_int_equal(answer_set_header(&answer, "X", "a\r\nSet-Cookie: b"), -EINVAL);
    assert_int_equal(answer_set_header(&answer, "X", "a\x7f"), -EINVAL);
    assert_int_equal(answer_set_header(&answer, "X Y", "a"), -EINVAL);
    assert_int_equal(answer_set_header(&answer, "X:", "a"), -EINVAL);
    assert_int_equal(answer_set_header(&answer, "", "a"), -EINVAL);
    assert_int_equal(answer_set_header(&answer, "X", NULL), -EINVAL);
    assert_int_equal(answer_set_header(&answer, "X", "tab\tand \xc3\xa9"), 0);
    assert_int_equal(answer.header_count, 1);
}

static void there_is_a_last_header(void **unused)
{
    (void)unused;
    char name[16];
    for (int i = 0; i < ANSWER_HEADERS_MAX; i++) {
        (void)snprintf(name, sizeof name, "x-%d", i);
        assert_int_equal(answer_set_header(&answer, name, "v"), 0);
    }
    assert_int_equal(answer_set_header(&answer, "one-more", "v"), -E2BIG);
    assert_int_equal(answer_set_header(&answer, "x-0", "new"), 0);
    json(200, SLUICE_ARGS("a", 1));
    assert_string_equal(answer_get_header(&answer, "Content-Type"), "application/json");
}

static void every_status_has_a_phrase(void **unused)
{
    (void)unused;
    assert_string_equal(status_phrase(404), "Not Found");
    assert_string_equal(status_phrase(423), "Locked");
    assert_string_equal(status_phrase(599), "Error");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_starts_without_status),
        TEST(json_answers_say_their_type),
        TEST(problems_have_the_standard_and_the_classic_members),
        TEST(a_problem_may_have_no_instance),
        TEST(a_first_member_type_replaces_the_problems_own),
        TEST(retry_after_comes_from_its_member),
        TEST(busy_answers_always_say_when_to_come_back),
        TEST(a_later_answer_drops_what_described_the_earlier_body),
        TEST(a_header_is_replaced_in_any_case),
        TEST(headers_that_would_split_an_answer_are_refused),
        TEST(there_is_a_last_header),
        TEST(every_status_has_a_phrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
