/* The guard: every message it refuses, by the code it refuses it with, and many that it lets pass.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "message.h"

#define HEADERS_MAX 5

/* Headers are "Name: value"; the name ends at the first colon, so that a space before it stays. */
struct example {
    const char *method, *target, *version;
    const char *headers[HEADERS_MAX];
    const char *code; /* NULL: passes */
    unsigned status;
};

static const struct example refused[] = {
    /* framing */
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Content-Length: 1", "Content-Length: 1"},
     "duplicate_content_length",
     400},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Content-Length: 1", "content-length: 2"},
     "duplicate_content_length",
     400},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"},
     "ambiguous_length",
     400},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Content-Length: +1"}, "bad_content_length", 400},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Content-Length: 1, 1"}, "bad_content_length", 400},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Content-Length: 0x10"}, "bad_content_length", 400},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Content-Length: "}, "bad_content_length", 400},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Content-Length: 99999999999999999999"},
     "bad_content_length",
     400},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"},
     "transfer_encoding_not_implemented",
     501},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Transfer-Encoding: gzip, chunked"},
     "transfer_encoding_not_implemented",
     501},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Transfer-Encoding: xchunked"},
     "transfer_encoding_not_implemented",
     501},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Transfer-Encoding: "},
     "transfer_encoding_not_implemented",
     501},
    {"POST", "/", "HTTP/1.0", {"Transfer-Encoding: chunked"}, "transfer_encoding_on_1_0", 400},
    /* host */
    {"GET", "/", "HTTP/1.1", {0}, "missing_host", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a", "Host: b"}, "duplicate_host", 400},
    {"GET", "/", "HTTP/1.0", {"Host: a", "host: a"}, "duplicate_host", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a/b"}, "bad_host", 400},
    {"GET", "/", "HTTP/1.1", {"Host: user@a"}, "bad_host", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a b"}, "bad_host", 400},
    /* header names and values */
    {"GET", "/", "HTTP/1.1", {"Host: a", "Transfer-Encoding : chunked"}, "bad_header_name", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a", "X\tY: 1"}, "bad_header_name", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a", ": 1"}, "bad_header_name", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a", "X(Y): 1"}, "bad_header_name", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a", "X: a\001b"}, "bad_header_value", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a", "X: a\x7f"}, "bad_header_value", 400},
    {"GET", "/", "HTTP/1.1", {"Host: a", "X: a\rb"}, "bad_header_value", 400},
    /* request line */
    {"TRACE", "/", "HTTP/1.1", {"Host: a"}, "method_not_implemented", 501},
    {"CONNECT", "a:80", "HTTP/1.1", {"Host: a"}, "method_not_implemented", 501},
    {"GET", "/", "HTTP/2.0", {"Host: a"}, "version_not_supported", 505},
    {"GET", "/", "HTTP/0.9", {0}, "version_not_supported", 505},
    {"GET", "http://a/", "HTTP/1.1", {"Host: a"}, "bad_target", 400},
    {"GET", "*", "HTTP/1.1", {"Host: a"}, "bad_target", 400},
    {"GET", "", "HTTP/1.1", {"Host: a"}, "bad_target", 400},
    {"GET", "/a#b", "HTTP/1.1", {"Host: a"}, "bad_target", 400},
    {"GET", "/a\x01", "HTTP/1.1", {"Host: a"}, "bad_target", 400},
    {"GET", "/\xc3\xa4", "HTTP/1.1", {"Host: a"}, "bad_target", 400},
    /* expectation */
    {"POST", "/", "HTTP/1.1", {"Host: a", "Expect: 200-ok"}, "expectation_failed", 417},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Expect: 100-continue", "Expect: 200-ok"},
     "expectation_failed",
     417},
    {"POST",
     "/",
     "HTTP/1.1",
     {"Host: a", "Expect: 100-continue, 200-ok"},
     "expectation_failed",
     417},
};

static const struct example accepted[] = {
    {"GET", "/", "HTTP/1.1", {"Host: a"}, NULL, 0},
    {"GET", "/", "HTTP/1.1", {"Host: "}, NULL, 0},
    {"GET", "/", "HTTP/1.0", {0}, NULL, 0},
    {"GET", "/a/%20b?q=1&r=[2]", "HTTP/1.1", {"Host: example.org:3000"}, NULL, 0},
    {"GET", "/", "HTTP/1.1", {"Host: [2001:db8::1]:80"}, NULL, 0},
    {"OPTIONS", "*", "HTTP/1.1", {"Host: a"}, NULL, 0},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Content-Length: 0"}, NULL, 0},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Content-Length: 18446744073709551600"}, NULL, 0},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Transfer-Encoding: Chunked"}, NULL, 0},
    {"POST", "/", "HTTP/1.1", {"Host: a", "Expect: 100-Continue", "Content-Length: 5"}, NULL, 0},
    {"GET", "/", "HTTP/1.1", {"Host: a", "X-Odd!#$%&'*+.^_`|~: \t\xff"}, NULL, 0},
    {"GET", "/", "HTTP/1.1", {"Host: a", "Cookie: a=1", "Cookie: b=2"}, NULL, 0},
};

static const struct refusal *judge(const struct example *example)
{
    struct header headers[HEADERS_MAX];
    char names[HEADERS_MAX][64];
    size_t count = 0;
    for (; count < HEADERS_MAX && example->headers[count]; count++) {
        const char *line = example->headers[count];
        size_t len = strcspn(line, ":");
        memcpy(names[count], line, len);
        names[count][len] = '\0';
        const char *value = line + len + 2;
        headers[count] = (struct header){names[count], value, len, strlen(value)};
    }
    struct message message = {example->method, example->target, example->version, headers, count};
    return guard_check(&message);
}

static void what_is_ambiguous_or_dangerous_is_refused_by_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct refusal *refusal = judge(&refused[i]);
        if (!refusal)
            fail_msg("passed: %s %s, %s", refused[i].method, refused[i].target, refused[i].code);
        assert_string_equal(refusal->code, refused[i].code);
        assert_int_equal(refusal->status, refused[i].status);
    }
}

static void what_is_clear_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const struct refusal *refusal = judge(&accepted[i]);
        if (refusal)
            fail_msg("refused: %s %s: %s", accepted[i].method, accepted[i].target, refusal->code);
    }
}

/* Where a name or a value ends is told by its length, not by a NUL in it. */
static void a_nul_in_a_header_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    struct header headers[] = {{"Host", "a", 4, 1}, {"Content-Length", "1\0002", 14, 3}};
    struct message message = {"POST", "/", "HTTP/1.1", headers, 2};
    assert_string_equal(guard_check(&message)->code, "bad_header_value");
    headers[1] = (struct header){"Content-Length\0x", "1", 16, 1};
    assert_string_equal(guard_check(&message)->code, "bad_header_name");
    headers[0] = (struct header){"Host", "a\0/", 4, 3};
    message.header_count = 1;
    assert_string_equal(guard_check(&message)->code, "bad_header_value");
}

static void a_bodys_length_is_read_once_the_guard_has_passed(void **state)
{
    (void)state;
    int chunked;
    struct header length = {"content-length", "1234", 14, 4};
    struct header coding = {"transfer-encoding", "chunked", 17, 7};
    struct message message = {"POST", "/", "HTTP/1.1", &length, 1};
    assert_int_equal(message_body_length(&message, &chunked), 1234);
    assert_false(chunked);
    message.headers = &coding;
    assert_int_equal(message_body_length(&message, &chunked), 0);
    assert_true(chunked);
    message.header_count = 0;
    assert_int_equal(message_body_length(&message, &chunked), 0);
    assert_false(chunked);
}

static void headers_are_found_in_any_case_and_the_first_wins(void **state)
{
    (void)state;
    struct header headers[] = {{"X-One", "1", 5, 1}, {"x-one", "2", 5, 1}, {"X-On", "3", 4, 1}};
    struct message message = {"GET", "/", "HTTP/1.1", headers, 3};
    assert_string_equal(message_header(&message, "X-ONE")->value, "1");
    assert_string_equal(message_header(&message, "x-on")->value, "3");
    assert_null(message_header(&message, "x-o"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ambiguous_or_dangerous_is_refused_by_its_code),
        cmocka_unit_test(what_is_clear_passes),
        cmocka_unit_test(a_nul_in_a_header_is_refused_wherever_it_stands),
        cmocka_unit_test(a_bodys_length_is_read_once_the_guard_has_passed),
        cmocka_unit_test(headers_are_found_in_any_case_and_the_first_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
