/* The Redis session against a real redis-server, on a unix socket in a directory of its own.
 *
 * SPDX-License-Identifier: MIT */
#include "redis_world.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/wait.h>

#define BACK_WITHIN_MS 2000

struct server {
    struct world world; /* first */
    char dir[64], socket[96], url[112];
    pid_t pid;
};

static void start_server(struct server *server)
{
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid)
        return;
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server->socket, "--save",
           "", "--dir", server->dir, "--logfile", "/dev/null", (char *)NULL);
    perror("redis-server");
    _exit(127);
}

static void end_server(struct server *server, int sig)
{
    int status;
    assert_int_equal(kill(server->pid, sig), 0);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
}

static const char count_source[] = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
static const char list_source[] = "return {1, {ARGV[1], false}, redis.status_reply('FINE')}";
static struct sluice_script count_script, list_script;

static void start_session(struct server *server, const char *url)
{
    struct redis_config config = config_of(&server->world, url);
    config.reconnect_min_ms = 50;
    config.reconnect_max_ms = 500;
    config.scripts = &count_script;
    server->world.redis = redis_new(&server->world.loop, &config);
}

static int set_up(void **state)
{
    struct server *server = calloc(1, sizeof *server);
    world_init(&server->world);
    strcpy(server->dir, "/tmp/sluice-test-XXXXXX");
    assert_non_null(mkdtemp(server->dir));
    (void)snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->dir);
    (void)snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    redis_script_init(&count_script, "test/count", count_source, strlen(count_source));
    redis_script_init(&list_script, "test/list", list_source, strlen(list_source));
    count_script.next = &list_script;
    start_server(server);
    start_session(server, server->url);
    UNTIL(&server->world, redis_is_ready(server->world.redis));
    *state = server;
    return 0;
}

static int tear_down(void **state)
{
    struct server *server = *state;
    world_release(&server->world);
    end_server(server, SIGTERM);
    (void)unlink(server->socket);
    (void)rmdir(server->dir);
    free(server);
    return 0;
}

static void run(struct world *world, const struct sluice_script *script, const char *name,
                const char *value)
{
    struct redis_call call = call_of(world, name);
    const sluice_arg argv[] = {sluice_arg_text("key"), sluice_arg_text(value)};
    call.script = script;
    call.keys = 1;
    call.argv = argv;
    call.argc = 2;
    call.stride = sizeof *argv;
    redis_send(world->redis, &call);
}

static void commands_and_scripts_are_answered_in_order(void **state)
{
    struct world *world = *state;
    command(world, "set", SLUICE_ARGS("SET", "key", 40));
    run(world, &count_script, "count", "2");
    run(world, &list_script, "list", "x");
    command(world, "wrong", SLUICE_ARGS("LPUSH", "key", "v"));
    command(world, "get", SLUICE_ARGS("GET", "key"));
    answered(world, "set=OK count=42 list=[1,[x,nil],FINE] "
                    "wrong=!WRONGTYPE Operation against a key holding the wrong kind of value "
                    "get=42 ");
}

static void a_large_value_comes_back_whole(void **state)
{
    struct world *world = *state;
    size_t size = 3000000;
    char *big = arena_alloc(&world->arena, size + 1, 1);
    memset(big, 'x', size);
    command(world, "echo", SLUICE_ARGS("ECHO", big));
    UNTIL(world, world->answers.len == size + strlen("echo= "));
    assert_memory_equal(world->answers.data + 5, big, size);
}

static void flushed_scripts_are_loaded_again_unnoticed(void **state)
{
    struct world *world = *state;
    command(world, "flush", SLUICE_ARGS("SCRIPT", "FLUSH"));
    run(world, &count_script, "a", "1");
    run(world, &count_script, "b", "1");
    run(world, &list_script, "c", "x");
    answered(world, "flush=OK a=1 b=2 c=[1,[x,nil],FINE] ");
}

static void a_killed_redis_is_used_again_when_it_is_back(void **state)
{
    struct server *server = *state;
    struct world *world = &server->world;
    command(world, "blocked", SLUICE_ARGS("BLPOP", "nothing", 0));
    run(world, &count_script, "behind", "1");
    turn(world);
    end_server(server, SIGKILL);
    answered(world, "blocked=<reset> behind=<reset> ");
    assert_int_equal(world->unready, 1);
    command(world, "down", SLUICE_ARGS("PING"));
    answered(world, "down=<notconn> ");

    start_server(server);
    int64_t restarted = clock_monotonic_ms();
    UNTIL(world, redis_is_ready(world->redis));
    assert_true(clock_monotonic_ms() - restarted < BACK_WITHIN_MS);
    run(world, &count_script, "again", "5");
    answered(world, "again=5 ");
}

static void a_password_set_at_redis_must_be_in_the_url(void **state)
{
    struct server *server = *state;
    struct world *world = &server->world;
    command(world, "user",
            SLUICE_ARGS("ACL", "SETUSER", "me", "on", ">secret", "~*", "&*", "+@all"));
    command(world, "default", SLUICE_ARGS("CONFIG", "SET", "requirepass", "master"));
    command(world, "db", SLUICE_ARGS("SET", "where", "database 0"));
    answered(world, "user=OK default=OK db=OK ");
    redis_close(world->redis);

    start_session(server, server->url);
    UNTIL(world, strstr(redis_why_not(world->redis), "wants a password"));
    redis_close(world->redis);

    char url[160];
    (void)snprintf(url, sizeof url, "unix://me:wrong@%s", server->socket);
    start_session(server, url);
    UNTIL(world, strstr(redis_why_not(world->redis), "refused the user or password"));
    redis_close(world->redis);

    (void)snprintf(url, sizeof url, "unix://me:secret@%s?db=1", server->socket);
    start_session(server, url);
    UNTIL(world, redis_is_ready(world->redis));
    command(world, "get", SLUICE_ARGS("GET", "where"));
    answered(world, "get=nil ");
}

static void a_command_can_be_late_without_losing_its_reply(void **state)
{
    struct world *world = *state;
    command_within(world, SHORT_MS, "late", SLUICE_ARGS("BLPOP", "nothing", 0.1));
    answered(world, "late=<timeout> ");
    answered(world, "late=<late>nil ");
}

#define server_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        server_test(commands_and_scripts_are_answered_in_order),
        server_test(a_large_value_comes_back_whole),
        server_test(flushed_scripts_are_loaded_again_unnoticed),
        server_test(a_killed_redis_is_used_again_when_it_is_back),
        server_test(a_password_set_at_redis_must_be_in_the_url),
        server_test(a_command_can_be_late_without_losing_its_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
