/* The Redis session against a scripted server: both sides run in one loop of the test, so a test
 * is the conversation itself: hears() what was sent, says() what comes back.
 *
 * SPDX-License-Identifier: MIT */
#include "redis_peer.h"

static struct world *ready_world(void **state)
{
    struct world *world = *state;
    start(world);
    becomes_ready(world);
    return world;
}

/* ---- Replies ------------------------------------------------------------------------------ */

static void replies_go_to_commands_in_order(void **state)
{
    struct world *world = ready_world(state);
    ask(world, "a");
    ask(world, "b");
    ask(world, "c");
    assert_int_equal(redis_pending(world->redis), 3);
    hears(world, "GET a");
    hears(world, "GET b");
    hears(world, "GET c");
    says(world, ":1\r\n$3\r\ntwo\r\n$-1\r\n");
    answered(world, "a=1 b=two c=nil ");
    assert_int_equal(redis_pending(world->redis), 0);
}

static void a_reply_may_come_byte_by_byte(void **state)
{
    struct world *world = ready_world(state);
    const char *reply = "*3\r\n$5\r\nhe\r\nl\r\n*2\r\n+OK\r\n-ERR no\r\n*0\r\n";
    ask(world, "a");
    hears(world, "GET a");
    for (const char *at = reply; *at; at++) {
        assert_int_equal(world->answers.len, 0);
        says(world, (char[2]){*at, '\0'});
        turn(world);
    }
    answered(world, "a=[he\r\nl,[OK,!ERR no],[]] ");
}

static void a_pipeline_of_many_wraps_around_the_ring(void **state)
{
    struct world *world = ready_world(state);
    struct text expected;
    text_init(&expected, &world->arena);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 150; i++)
            ask(world, "x");
        for (int i = 0; i < 150; i++) {
            hears(world, "GET x");
            char reply[16];
            (void)snprintf(reply, sizeof reply, ":%d\r\n", i);
            says(world, reply);
            text_add_format(&expected, "x=%d ", i);
        }
        answered(world, expected.data);
        text_clear(&expected);
    }
}

static void a_group_is_answered_by_one_array(void **state)
{
    struct world *world = ready_world(state);
    const sluice_arg get[] = {sluice_arg_text("GET"), sluice_arg_text("k")};
    const sluice_command commands[] = {{get, 2, sizeof *get}, {get, 2, sizeof *get}};
    struct redis_call call = call_of(world, "g");
    redis_send_all(world->redis, &call, commands, 2, sizeof *commands);
    ask(world, "b");
    hears(world, "GET k");
    hears(world, "GET k");
    says(world, "$1\r\nv\r\n");
    turn(world);
    assert_int_equal(world->answers.len, 0);
    says(world, "-WRONGTYPE\r\n:2\r\n");
    answered(world, "g=[v,!WRONGTYPE] b=2 ");
}

static void what_redis_would_not_answer_is_not_sent(void **state)
{
    struct world *world = ready_world(state);
    struct redis_call call = call_of(world, "a");
    redis_send(world->redis, &call);
    redis_send_all(world->redis, &call, &(sluice_command){0}, 1, sizeof(sluice_command));
    redis_send_all(world->redis, &call, NULL, 0, sizeof(sluice_command));
    assert_int_equal(world->answers.len, 0);
    answered(world, "a=<invalid> a=<invalid> a=<invalid> ");
}

static void a_done_may_send(void **state)
{
    struct world *world = ready_world(state);
    world->send_in_done = "DBSIZE";
    ask(world, "a");
    hears(world, "GET a");
    says(world, "$5\r\nfirst\r\n");
    hears(world, "DBSIZE");
    answered(world, "a=first DBSIZE=<timeout> ");
    says(world, ":2\r\n");
    answered(world, "DBSIZE=<late>2 ");
}

static void a_done_may_close(void **state)
{
    struct world *world = ready_world(state);
    ask(world, "a");
    ask(world, "b");
    hears(world, "GET a");
    world->close_in_done = true;
    says(world, "$5\r\nfirst\r\n:2\r\n");
    UNTIL(world, world->answers.len > 0);
    assert_string_equal(world->answers.data, "b=<canceled> a=first ");
    world->redis = NULL;
}

static void a_session_closed_for_a_refused_command_answers_the_others_too(void **state)
{
    struct world *world = *state;
    start(world);
    ask(world, "a");
    ask(world, "b");
    world->close_in_done = true;
    UNTIL(world, world->answers.len > 0);
    assert_string_equal(world->answers.data, "b=<notconn> a=<notconn> ");
    world->redis = NULL;
}

static void closing_cancels_what_is_pending(void **state)
{
    struct world *world = ready_world(state);
    ask(world, "a");
    ask(world, "b");
    redis_close(world->redis);
    assert_string_equal(world->answers.data, "a=<canceled> b=<canceled> ");
    world->redis = NULL;
}

/* ---- Time --------------------------------------------------------------------------------- */

static void a_late_reply_follows_a_timeout(void **state)
{
    struct world *world = ready_world(state);
    ask(world, "slow");
    command_within(world, SHORT_MS, "a", SLUICE_ARGS("GET", "a"));
    answered(world, "a=<timeout> ");
    says(world, ":1\r\n:2\r\n");
    answered(world, "slow=1 a=<late>2 ");
}

static void a_command_sent_on_a_timeout_has_its_own_time(void **state)
{
    struct world *world = ready_world(state);
    world->send_in_done = "b";
    command_within(world, SHORT_MS, "a", SLUICE_ARGS("GET", "a"));
    answered(world, "a=<timeout> b=<timeout> ");
}

static void a_late_reply_that_never_comes_ends_with_its_connection(void **state)
{
    struct world *world = ready_world(state);
    command_within(world, SHORT_MS, "a", SLUICE_ARGS("GET", "a"));
    ask(world, "b");
    answered(world, "a=<timeout> ");
    peer_hang_up(world->peer);
    answered(world, "a=<late> b=<reset> ");
}

static void a_peer_that_falls_silent_is_pinged_and_dropped(void **state)
{
    struct world *world = *state;
    struct redis_config config = config_of(world, world->peer->url);
    config.timeout_ms = 50;
    world->redis = redis_new(&world->loop, &config);
    becomes_ready(world);
    hears(world, "PING");
    says(world, "+PONG\r\n");
    hears(world, "PING");
    UNTIL(world, world->unready == 1);
    assert_non_null(strstr(redis_why_not(world->redis), "has not answered for"));
    becomes_ready(world);
}

/* ---- Trouble ------------------------------------------------------------------------------ */

static void commands_without_a_connection_fail_in_the_next_turn(void **state)
{
    struct world *world = *state;
    start(world);
    ask(world, "a");
    assert_int_equal(world->answers.len, 0);
    answered(world, "a=<notconn> ");
}

static void a_lost_connection_answers_all_and_comes_back(void **state)
{
    struct world *world = ready_world(state);
    ask(world, "a");
    ask(world, "b");
    hears(world, "GET a");
    peer_hang_up(world->peer);
    answered(world, "a=<reset> b=<reset> ");
    assert_int_equal(world->unready, 1);
    assert_non_null(strstr(redis_why_not(world->redis), "closed the connection"));
    becomes_ready(world);
    ask(world, "c");
    hears(world, "GET c");
    says(world, ":3\r\n");
    answered(world, "c=3 ");
}

/* Says `bytes` and expects the connection to be dropped because of them. */
static void is_dropped_for(void **state, bool pending, const char *bytes, const char *why)
{
    struct world *world = ready_world(state);
    if (pending) {
        ask(world, "a");
        hears(world, "GET a");
    }
    says(world, bytes);
    UNTIL(world, world->unready == 1);
    assert_non_null(strstr(redis_why_not(world->redis), why));
    assert_string_equal(world->answers.data, pending ? "a=<reset> " : "");
    becomes_ready(world);
    assert_int_equal(world->peer->connections, 2);
}

static void a_reply_nobody_asked_for_drops_the_connection(void **state)
{
    is_dropped_for(state, false, "-ERR surprise\r\n", "nobody asked for: ERR surprise");
}

static void deep_nesting_drops_the_connection(void **state)
{
    is_dropped_for(state, true, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
                   "nested");
}

static void too_many_elements_drop_the_connection(void **state)
{
    is_dropped_for(state, true, "*2\r\n:1\r\n*1048577\r\n", "1,048,576 elements");
}

/* Sends some more of a reply, or none while the session has not read the rest. */
static bool dropped_while_sending(struct world *world)
{
    static const char block[65536];
    if (world->unready == 0)
        (void)send(world->peer->client, block, sizeof block, MSG_NOSIGNAL);
    return world->unready != 0;
}

static void a_reply_without_end_drops_the_connection(void **state)
{
    struct world *world = ready_world(state);
    ask(world, "a");
    hears(world, "GET a");
    says(world, "$99999999999\r\n");
    UNTIL(world, dropped_while_sending(world));
    assert_non_null(strstr(redis_why_not(world->redis), "more than 64 MiB"));
    assert_string_equal(world->answers.data, "a=<reset> ");
}

static void bytes_that_are_no_reply_drop_the_connection(void **state)
{
    is_dropped_for(state, true, "HTTP/1.1 400 Bad Request\r\n", "rotocol error");
}

static void a_full_socket_is_written_to_as_it_empties(void **state)
{
    struct world *world = ready_world(state);
    size_t size = (size_t)1 << 20;
    char *big = arena_alloc(&world->arena, size + 1, 1);
    memset(big, 'x', size);
    world->peer->deaf = true;
    for (int i = 0; i < 80; i++)
        command(world, "a", SLUICE_ARGS("ECHO", big));
    UNTIL(world, world->answers.len >= strlen("a=<nobufs> "));
    size_t sent = redis_pending(world->redis);
    assert_in_range(sent, 64, 70);
    text_clear(&world->answers);

    world->peer->deaf = false;
    struct text words;
    text_init(&words, NULL);
    for (size_t i = 0; i < sent; i++) {
        size_t len;
        UNTIL(world, (len = first_command(&world->peer->heard, &words)) > 0);
        assert_int_equal(words.len, 5 + size);
        assert_memory_equal(words.data + 5, big, size);
        world->peer->heard.len -= len;
        memmove(world->peer->heard.data, world->peer->heard.data + len, world->peer->heard.len + 1);
        says(world, "+\r\n");
    }
    text_release(&words);
    UNTIL(world, redis_pending(world->redis) == 0);
    assert_int_equal(world->unready, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        session_test(replies_go_to_commands_in_order),
        session_test(a_reply_may_come_byte_by_byte),
        session_test(a_pipeline_of_many_wraps_around_the_ring),
        session_test(a_group_is_answered_by_one_array),
        session_test(what_redis_would_not_answer_is_not_sent),
        session_test(a_done_may_send),
        session_test(a_done_may_close),
        session_test(a_session_closed_for_a_refused_command_answers_the_others_too),
        session_test(closing_cancels_what_is_pending),
        session_test(a_late_reply_follows_a_timeout),
        session_test(a_command_sent_on_a_timeout_has_its_own_time),
        session_test(a_late_reply_that_never_comes_ends_with_its_connection),
        session_test(a_peer_that_falls_silent_is_pinged_and_dropped),
        session_test(commands_without_a_connection_fail_in_the_next_turn),
        session_test(a_lost_connection_answers_all_and_comes_back),
        session_test(a_reply_nobody_asked_for_drops_the_connection),
        session_test(deep_nesting_drops_the_connection),
        session_test(too_many_elements_drop_the_connection),
        session_test(a_reply_without_end_drops_the_connection),
        session_test(bytes_that_are_no_reply_drop_the_connection),
        session_test(a_full_socket_is_written_to_as_it_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
