/* Log lines: their shape, their pieces, and what happens when nobody reads.
 *
 * Standard error is a pipe for the length of each test.
 *
 * SPDX-License-Identifier: MIT */
#include "log.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

struct capture {
    int saved; /* the real standard error */
    int reader;
    char bytes[256 * 1024];
};

static int set_up(void **ret_capture)
{
    struct capture *capture = calloc(1, sizeof *capture);
    int ends[2];
    if (!capture || pipe(ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0)
        return -1;
    capture->saved = dup(STDERR_FILENO);
    capture->reader = ends[0];
    (void)dup2(ends[1], STDERR_FILENO);
    (void)close(ends[1]);
    log_role("worker 3");
    log_threshold(LOG_INFO);
    *ret_capture = capture;
    return 0;
}

static int tear_down(void **state_of_test)
{
    struct capture *capture = *state_of_test;
    (void)dup2(capture->saved, STDERR_FILENO);
    (void)close(capture->saved);
    (void)close(capture->reader);
    free(capture);
    return 0;
}

/* What one read(2) finds in the pipe; "" when it is empty. */
static char *captured(struct capture *capture)
{
    ssize_t len = read(capture->reader, capture->bytes, sizeof capture->bytes - 1);
    capture->bytes[len > 0 ? len : 0] = '\0';
    return capture->bytes;
}

/* Parses one captured line; the caller drops the reference. */
static json_t *captured_line(struct capture *capture)
{
    char *line = captured(capture);
    size_t len = strlen(line);
    assert_int_equal(line[len - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static const char *member(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

/* Fills the pipe until it takes nothing more. */
static void fill(void)
{
    char bytes[PIPE_BUF];
    memset(bytes, 'x', sizeof bytes);
    while (write(STDERR_FILENO, bytes, sizeof bytes) > 0)
        continue;
}

static void a_message_is_one_json_line(void **state_of_test)
{
    struct capture *capture = *state_of_test;
    log_warn("%s \"quoted\"\nand a second line", "with");
    json_t *json = captured_line(capture);
    assert_string_equal(member(json, "level"), "warn");
    assert_string_equal(member(json, "process"), "worker 3");
    assert_string_equal(member(json, "message"), "with \"quoted\"\nand a second line");
    assert_int_equal(strlen(member(json, "time")), 24);
    assert_int_equal(json_integer_value(json_object_get(json, "pid")), getpid());
    json_decref(json);
}

static void messages_below_the_threshold_are_not_written(void **state_of_test)
{
    struct capture *capture = *state_of_test;
    log_debug("quiet");
    assert_string_equal(captured(capture), "");
    log_threshold(LOG_ERROR);
    log_warn("quiet too");
    assert_string_equal(captured(capture), "");
    log_error("loud");
    assert_non_null(strstr(captured(capture), "loud"));
}

static void logging_keeps_errno(void **state_of_test)
{
    (void)state_of_test;
    fill();
    errno = ENOENT;
    log_info("lost");
    assert_int_equal(errno, ENOENT);
    state.dropped = 0;
}

static void a_long_message_stays_within_one_write(void **state_of_test)
{
    struct capture *capture = *state_of_test;
    char *longest = malloc(10001);
    assert_non_null(longest);
    memset(longest, 'y', 10000);
    longest[10000] = '\0';
    log_info("%s", longest);
    json_t *json = captured_line(capture);
    assert_non_null(strstr(member(json, "message"), "yyy..."));
    json_decref(json);
    memset(longest, '\x01', 10000);
    log_info("%s", longest);
    assert_in_range(strlen(captured(capture)), 1000, PIPE_BUF);
    free(longest);
}

static void queued_lines_wait_for_the_flush(void **state_of_test)
{
    struct capture *capture = *state_of_test;
    log_line("{\"a\":1}", 7);
    log_line("{\"b\":2}", 7);
    assert_string_equal(captured(capture), "");
    log_flush();
    assert_string_equal(captured(capture), "{\"a\":1}\n{\"b\":2}\n");
    log_flush();
    assert_string_equal(captured(capture), "");
}

static void pieces_end_with_a_line_and_fit_a_pipe(void **unused)
{
    (void)unused;
    char lines[3 * PIPE_BUF];
    memset(lines, 'z', sizeof lines);
    for (size_t i = 99; i < sizeof lines; i += 100)
        lines[i] = '\n';
    uint64_t count;
    assert_int_equal(piece(lines, sizeof lines, &count), PIPE_BUF / 100 * 100);
    assert_int_equal(count, PIPE_BUF / 100);
    assert_int_equal(piece(lines, 200, &count), 200);
    assert_int_equal(count, 2);
    memset(lines, 'z', sizeof lines);
    lines[5000] = lines[5100] = '\n';
    assert_int_equal(piece(lines, 5101, &count), 5001);
    assert_int_equal(count, 1);
}

static void a_full_queue_is_written_without_being_asked(void **state_of_test)
{
    struct capture *capture = *state_of_test;
    char line[1000];
    memset(line, 'l', sizeof line);
    size_t got = 0;
    for (int i = 0; i < 100; i++) {
        log_line(line, sizeof line);
        got += strlen(captured(capture));
    }
    assert_in_range(got, QUEUE_MAX, 100 * 1001 - 1);
    log_flush();
    got += strlen(captured(capture));
    assert_int_equal(got, 100 * 1001);
}

static void dropped_lines_are_counted_and_told(void **state_of_test)
{
    struct capture *capture = *state_of_test;
    fill();
    log_info("first lost");
    log_line("second lost", 11);
    log_line("third lost", 10);
    log_flush();
    log_info("fourth lost");
    (void)captured(capture);
    log_info("found");
    char *text = captured(capture);
    assert_non_null(strstr(text, "4 log lines were dropped"));
    assert_non_null(strstr(text, "found"));
    assert_null(strstr(text, "lost"));
    log_info("after");
    assert_null(strstr(captured(capture), "dropped"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_one_json_line),
        TEST(messages_below_the_threshold_are_not_written),
        TEST(logging_keeps_errno),
        TEST(a_long_message_stays_within_one_write),
        TEST(queued_lines_wait_for_the_flush),
        TEST(pieces_end_with_a_line_and_fit_a_pipe),
        TEST(a_full_queue_is_written_without_being_asked),
        TEST(dropped_lines_are_counted_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
