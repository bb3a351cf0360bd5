/* Request ids, trace ids and the access log's lines.
 *
 * SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access_log.h"
#include "log.h"
#include "request_id.h"

static void a_good_id_of_the_client_is_kept(void **state)
{
    (void)state;
    char id[REQUEST_ID_SIZE];
    request_id_take(id, "Ab-9_x.7");
    assert_string_equal(id, "Ab-9_x.7");
    char longest[REQUEST_ID_SIZE] = {0};
    memset(longest, 'z', sizeof longest - 1);
    request_id_take(id, longest);
    assert_string_equal(id, longest);
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

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* More of them than one stock of random bytes makes. */
static void ids_do_not_repeat(void **state)
{
    (void)state;
    static char ids[1000][REQUEST_ID_SIZE];
    for (size_t i = 0; i < 1000; i++)
        request_id_take(ids[i], NULL);
    qsort(ids, 1000, sizeof ids[0], by_text);
    for (size_t i = 1; i < 1000; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

static void a_child_that_resets_makes_other_ids_than_its_parent(void **state)
{
    (void)state;
    char ours[REQUEST_ID_SIZE], theirs[REQUEST_ID_SIZE] = "";
    int ends[2], status = 0;
    request_id_reset();
    request_id_take(ours, NULL); /* there is a stock to share */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        request_id_reset();
        request_id_take(theirs, NULL);
        _exit(write(ends[1], theirs, 32) == 32 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], theirs, 32), 32);
    request_id_take(ours, NULL);
    assert_string_not_equal(ours, theirs);
    close(ends[0]);
    close(ends[1]);
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

/* What the process writes to stderr meanwhile. */
static size_t written(void (*doing)(void), char *ret_bytes, size_t size)
{
    int ends[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    doing();
    dup2(kept, STDERR_FILENO);
    ssize_t len = read(ends[0], ret_bytes, size - 1);
    close(kept);
    close(ends[0]);
    close(ends[1]);
    ret_bytes[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

static void log_two(void)
{
    struct access_entry entry = {
        .request_id = "one", .method = "GET", .route = "", .status = 404, .address = "unix"};
    access_log(&entry);
    entry.request_id = "two";
    access_log(&entry);
}

static void lines_wait_for_the_flush(void **state)
{
    (void)state;
    char lines[1024];
    assert_int_equal(written(log_two, lines, sizeof lines), 0);
    assert_true(written(log_flush, lines, sizeof lines) > 0);
    char *second = strchr(lines, '\n') + 1;
    assert_int_equal(strcspn(second, "\n"), strlen(second) - 1);
    json_t *line = json_loads(second, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(line, "id")), "two");
    assert_string_equal(json_string_value(json_object_get(line, "route")), "");
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_id_of_the_client_is_kept),
        cmocka_unit_test(a_bad_id_is_replaced_by_a_new_one_each_time),
        cmocka_unit_test(ids_do_not_repeat),
        cmocka_unit_test(a_child_that_resets_makes_other_ids_than_its_parent),
        cmocka_unit_test(a_traceparent_gives_its_trace_id),
        cmocka_unit_test(a_line_is_json_and_says_who_what_and_how_long),
        cmocka_unit_test(lines_wait_for_the_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
