/* How the Redis session comes to be ready, and why not: the greeting and the scripts, against a
 * scripted server.
 *
 * SPDX-License-Identifier: MIT */
#include "redis_peer.h"

/* ---- Greeting ----------------------------------------------------------------------------- */

static void the_greeting_is_auth_select_ping(void **state)
{
    struct world *world = *state;
    char url[160];
    (void)snprintf(url, sizeof url, "unix://me:p%%40ss@%s?db=3", world->peer->path);
    struct redis_config config = config_of(world, url);
    world->redis = redis_new(&world->loop, &config);
    hears(world, "AUTH me p@ss");
    hears(world, "SELECT 3");
    says(world, "+OK\r\n+OK\r\n");
    becomes_ready(world);
}

/* Answers the greeting with `reply` and expects the reason `why`, then a new attempt. */
static void is_not_ready_for(void **state, const char *userinfo, const char *greeting,
                             const char *reply, const char *why)
{
    struct world *world = *state;
    char url[160];
    (void)snprintf(url, sizeof url, "unix://%s%s", userinfo, world->peer->path);
    struct redis_config config = config_of(world, url);
    world->redis = redis_new(&world->loop, &config);
    hears(world, greeting);
    says(world, reply);
    UNTIL(world, world->peer->connections == 2);
    assert_non_null(strstr(redis_why_not(world->redis), why));
    assert_int_equal(world->ready, 0);
    assert_int_equal(world->unready, 0);
}

static void a_wrong_password_is_said_plainly(void **state)
{
    is_not_ready_for(state, ":wrong@", "AUTH wrong",
                     "-WRONGPASS invalid username-password pair\r\n",
                     "refused the user or password of redis.url: WRONGPASS");
}

static void a_missing_password_is_said_plainly(void **state)
{
    is_not_ready_for(state, "", "PING", "-NOAUTH Authentication required.\r\n",
                     "wants a password; put it into redis.url");
}

static void a_redis_that_is_loading_is_asked_again(void **state)
{
    is_not_ready_for(state, "", "PING", "-LOADING Redis is loading the dataset in memory\r\n",
                     "can't serve now: LOADING");
    becomes_ready(*state);
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
    struct world *world = *state;
    start(world);
    hears(world, "PING");
    UNTIL(world, world->peer->connections == 2);
    assert_non_null(strstr(redis_why_not(world->redis), "did not answer within 2000 ms"));
}

static void a_host_name_is_resolved_and_its_addresses_tried(void **state)
{
    struct world *world = *state;
    peer_listen_tcp(world->peer, "localhost");
    start(world);
    becomes_ready(world);
}

static void an_address_that_refuses_is_named_with_the_reason(void **state)
{
    struct world *world = *state;
    peer_listen_tcp(world->peer, "127.0.0.1");
    close(world->peer->listener);
    world->peer->listener = -1;
    start(world);
    UNTIL(world, strstr(redis_why_not(world->redis), "can't be reached: Connection refused"));
    assert_non_null(strstr(redis_why_not(world->redis), "127.0.0.1:"));
}

static void a_session_may_close_while_its_host_is_looked_up(void **state)
{
    struct world *world = *state;
    struct redis_config config = config_of(world, "redis://localhost:1");
    world->redis = redis_new(&world->loop, &config);
    (void)uv_run(&world->loop, UV_RUN_NOWAIT);
    redis_close(world->redis);
    world->redis = NULL;
}

/* ---- Scripts ------------------------------------------------------------------------------ */

#define SHA_RETURN_1 "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" /* of "return 1" */

static struct sluice_script script;

static struct world *world_with_script(void **state)
{
    struct world *world = *state;
    redis_script_init(&script, "test/one", "return 1", strlen("return 1"));
    struct redis_config config = config_of(world, world->peer->url);
    config.scripts = &script;
    world->redis = redis_new(&world->loop, &config);
    hears(world, "PING");
    says(world, "+PONG\r\n");
    hears(world, "SCRIPT LOAD return 1");
    return world;
}

static void run(struct world *world, const char *name)
{
    struct redis_call call = call_of(world, name);
    const sluice_arg argv[] = {sluice_arg_text("key"), sluice_arg_int(5)};
    call.script = &script;
    call.keys = 1;
    call.argv = argv;
    call.argc = 2;
    call.stride = sizeof *argv;
    redis_send(world->redis, &call);
}

static void scripts_are_loaded_before_the_session_is_ready(void **state)
{
    struct world *world = world_with_script(state);
    assert_string_equal(script.sha1, SHA_RETURN_1);
    assert_false(redis_is_ready(world->redis));
    says(world, "$40\r\n" SHA_RETURN_1 "\r\n");
    UNTIL(world, world->ready == 1);
    run(world, "a");
    hears(world, "EVALSHA " SHA_RETURN_1 " 1 key 5");
    says(world, ":1\r\n");
    answered(world, "a=1 ");
}

static void a_script_that_does_not_compile_is_named(void **state)
{
    struct world *world = world_with_script(state);
    says(world, "-ERR Error compiling script\r\n");
    UNTIL(world, world->peer->connections == 2);
    assert_non_null(strstr(redis_why_not(world->redis),
                           "did not take the script test/one: ERR Error compiling"));
}

static void missing_scripts_are_loaded_once_and_run_again(void **state)
{
    struct world *world = world_with_script(state);
    says(world, "+sha\r\n");
    UNTIL(world, world->ready == 1);
    run(world, "a");
    run(world, "b");
    ask(world, "c");
    hears(world, "EVALSHA " SHA_RETURN_1 " 1 key 5");
    says(world, "-NOSCRIPT No matching script.\r\n-NOSCRIPT No matching script.\r\n:3\r\n");
    hears(world, "EVALSHA " SHA_RETURN_1 " 1 key 5");
    hears(world, "GET c");
    hears(world, "SCRIPT LOAD return 1");
    hears(world, "EVALSHA " SHA_RETURN_1 " 1 key 5");
    hears(world, "EVALSHA " SHA_RETURN_1 " 1 key 5");
    says(world, "+sha\r\n:1\r\n-NOSCRIPT still missing\r\n");
    answered(world, "c=3 a=1 b=!NOSCRIPT still missing ");
    assert_int_equal(redis_pending(world->redis), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        session_test(the_greeting_is_auth_select_ping),
        session_test(a_wrong_password_is_said_plainly),
        session_test(a_missing_password_is_said_plainly),
        session_test(a_redis_that_is_loading_is_asked_again),
        session_test(a_server_that_does_not_answer_is_given_up),
        session_test(a_host_name_is_resolved_and_its_addresses_tried),
        session_test(an_address_that_refuses_is_named_with_the_reason),
        session_test(a_session_may_close_while_its_host_is_looked_up),
        session_test(scripts_are_loaded_before_the_session_is_ready),
        session_test(a_script_that_does_not_compile_is_named),
        session_test(missing_scripts_are_loaded_once_and_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
