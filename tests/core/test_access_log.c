/* Request ids, trace ids and the access log's lines.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "access_log.h"
#include "request_id.h"

static void a_good_id_of_the_client_is_kept(void **state)
{
    (void)state;
    char id[REQUEST_ID_SIZE];
    request_id_take(id, "Ab-9_x.7");
    assert_string_equal(id, "Ab-9_x.7");
}

static void a_bad_id_is_replaced_by_a_new_one_each_time(void **state)
{
    (void)state;
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[129] = '\0';
    const char *bad[] = {NULL, "", "a b", "a\"b", "a\nb", "\xc3\xa4", longest};
    char last[REQUEST_ID_SIZE] = "";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char id[REQUEST_ID_SIZE];
        request_id_take(id, bad[i]);
        assert_int_equal(strlen(id), 32);
        assert_int_equal(strspn(id, "0123456789abcdef"), 32);
        assert_string_not_equal(id, last);
        memcpy(last, id, sizeof last);
    }
}

static void a_traceparent_gives_its_trace_id(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_string_equal(
        request_trace(&arena, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        "4bf92f3577b34da6a3ce929d0e0e4736");
    static const char *const bad[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_null(request_trace(&arena, bad[i]));
    assert_null(request_trace(&arena, NULL));
    arena_release(&arena);
}

static json_t *format(const struct access_entry *entry)
{
    struct text text;
    text_init(&text, NULL);
    access_log_format(&text, entry);
    assert_null(strchr(text.data, '\n'));
    json_t *line = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    text_release(&text);
    return line;
}

static void a_line_is_json_and_says_who_what_and_how_long(void **state)
{
    (void)state;
    struct access_entry entry = {
        .time_ms = INT64_C(1795417855007),
        .request_id = "id-1",
        .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
        .method = "GE\"T\n",
        .route = "/leaderboard/rank/{userId}",
        .status = 200,
        .bytes = 31,
        .duration_us = 412,
        .client = "acme",
        .address = "192.0.2.7",
    };
    json_t *line = format(&entry);
    assert_string_equal(json_string_value(json_object_get(line, "time")),
                        "2026-11-23T07:10:55.007Z");
    assert_string_equal(json_string_value(json_object_get(line, "method")), "GE\"T\n");
    assert_string_equal(json_string_value(json_object_get(line, "route")), entry.route);
    assert_string_equal(json_string_value(json_object_get(line, "client")), "acme");
    assert_int_equal(json_integer_value(json_object_get(line, "us")), 412);
    json_decref(line);
    entry.time_ms += 1234; /* the seconds are cached */
    entry.client = entry.trace_id = NULL;
    line = format(&entry);
    assert_string_equal(json_string_value(json_object_get(line, "time")),
                        "2026-11-23T07:10:56.241Z");
    assert_null(json_object_get(line, "client"));
    assert_null(json_object_get(line, "trace"));
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_id_of_the_client_is_kept),
        cmocka_unit_test(a_bad_id_is_replaced_by_a_new_one_each_time),
        cmocka_unit_test(a_traceparent_gives_its_trace_id),
        cmocka_unit_test(a_line_is_json_and_says_who_what_and_how_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
