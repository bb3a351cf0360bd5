/* redis.url: what it means, and why it is refused.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "redis.h"

static struct arena arena = ARENA_INIT;

static int tear_down(void **unused)
{
    (void)unused;
    arena_release(&arena);
    return 0;
}

static struct redis_target parsed(const char *url)
{
    struct redis_target target = {0};
    const char *why = "no reason given";
    if (redis_target_parse(&target, &arena, url, &why) != 0)
        fail_msg("%s: %s", url, why);
    return target;
}

/* Expects a refusal that has `part` in its reason, and `target` untouched. */
static void refused(const char *url, const char *part)
{
    struct redis_target target = {.port = 1};
    const char *why = "";
    assert_int_equal(redis_target_parse(&target, &arena, url, &why), -EINVAL);
    if (!strstr(why, part))
        fail_msg("%s: \"%s\" was expected in: %s", url, part, why);
    assert_int_equal(target.port, 1);
}

static void a_host_alone_gets_the_default_port(void **unused)
{
    (void)unused;
    struct redis_target target = parsed("redis://redis.example");
    assert_string_equal(target.host, "redis.example");
    assert_int_equal(target.port, 6379);
    assert_int_equal(target.database, 0);
    assert_null(target.user);
    assert_null(target.password);
    assert_null(target.path);
}

static void every_part_of_a_url_is_taken(void **unused)
{
    (void)unused;
    struct redis_target target = parsed("redis://me:secret@10.0.0.7:7000/15");
    assert_string_equal(target.user, "me");
    assert_string_equal(target.password, "secret");
    assert_string_equal(target.host, "10.0.0.7");
    assert_int_equal(target.port, 7000);
    assert_int_equal(target.database, 15);
}

static void a_password_needs_no_user(void **unused)
{
    (void)unused;
    struct redis_target target = parsed("redis://:secret@h/");
    assert_null(target.user);
    assert_string_equal(target.password, "secret");
    assert_null(parsed("redis://:@h").password);
    assert_null(parsed("redis://@h").user);
}

static void a_user_without_password_has_an_empty_one(void **unused)
{
    (void)unused;
    struct redis_target target = parsed("redis://me@h");
    assert_string_equal(target.user, "me");
    assert_string_equal(target.password, "");
}

static void user_and_password_are_percent_decoded(void **unused)
{
    (void)unused;
    struct redis_target target = parsed("redis://m%C3%bc:p%3a%2F%40%25s:x@y@h:1");
    assert_string_equal(target.user, "m\xC3\xBC");
    assert_string_equal(target.password, "p:/@%s:x@y");
    assert_string_equal(target.host, "h");
}

static void an_ipv6_address_stands_in_brackets(void **unused)
{
    (void)unused;
    struct redis_target target = parsed("redis://[2001:db8::1]:7000/2");
    assert_string_equal(target.host, "2001:db8::1");
    assert_int_equal(target.port, 7000);
    assert_int_equal(parsed("redis://[::1]").port, 6379);
    refused("redis://[::1", "']'");
    refused("redis://[::1]x", "only a port");
}

static void a_unix_socket_may_name_its_database(void **unused)
{
    (void)unused;
    struct redis_target target = parsed("unix:///run/my%20redis.sock?db=4");
    assert_string_equal(target.path, "/run/my redis.sock");
    assert_int_equal(target.database, 4);
    assert_null(target.host);
    assert_int_equal(parsed("unix:///s").database, 0);
    assert_string_equal(parsed("unix://:pw@/s").password, "pw");
}

static void bad_escapes_are_refused(void **unused)
{
    (void)unused;
    refused("redis://:100%@h", "%25");
    refused("redis://:a%4@h", "%25");
    refused("redis://:a%zz@h", "%25");
    refused("redis://:a%00b@h", "other than 00");
    refused("unix:///a%", "%25");
}

static void ports_and_databases_are_numbers_in_range(void **unused)
{
    (void)unused;
    const char *const ports[] = {"redis://h:", "redis://h:0", "redis://h:65536", "redis://h:6x",
                                 "redis://h:-1"};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        refused(ports[i], "1 to 65535");
    refused("redis://h/x", "database must be a number");
    refused("redis://h/1/2", "database must be a number");
    refused("redis://h/99999999999999999999", "database must be a number");
    refused("unix:///s?db=", "database must be a number");
}

static void what_has_no_meaning_is_refused(void **unused)
{
    (void)unused;
    refused("redis://", "host is missing");
    refused("redis://:6379", "host is missing");
    refused("redis://me:pa#ss@h", "%23");
    refused("redis://h/0?timeout=1", "'?'");
    refused("unix://run/redis.sock", "must be absolute");
    refused("unix:///", "must be absolute");
    refused("unix:///s?timeout=1", "?db=n");
    refused("http://h", "expected \"embedded\", redis://");
    refused("", "expected \"embedded\", redis://");
}

static void a_socket_path_must_fit_the_kernels_limit(void **unused)
{
    (void)unused;
    char url[7 + 108 + 1] = "unix:///";
    memset(url + 8, 'a', 106);
    assert_int_equal(strlen(parsed(url).path), 107);
    memset(url + 8, 'a', 107);
    refused(url, "107 bytes");
}

static void tls_is_refused_with_a_way_out(void **unused)
{
    (void)unused;
    refused("rediss://h:6380", "needs hiredis 1.0 or newer built with TLS");
    refused("rediss://h:6380", "stunnel");
}

#define target_test(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        target_test(a_host_alone_gets_the_default_port),
        target_test(every_part_of_a_url_is_taken),
        target_test(a_password_needs_no_user),
        target_test(a_user_without_password_has_an_empty_one),
        target_test(user_and_password_are_percent_decoded),
        target_test(an_ipv6_address_stands_in_brackets),
        target_test(a_unix_socket_may_name_its_database),
        target_test(bad_escapes_are_refused),
        target_test(ports_and_databases_are_numbers_in_range),
        target_test(what_has_no_meaning_is_refused),
        target_test(a_socket_path_must_fit_the_kernels_limit),
        target_test(tls_is_refused_with_a_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
