/* Addresses: networks, clients behind proxies, listening sockets.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* A peer's address, of either family. */
static struct sockaddr_storage peer(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
    return storage;
}

static bool within(const char *network, const char *address)
{
    struct network parsed;
    struct sockaddr_storage storage = peer(address);
    assert_int_equal(network_parse(network, &parsed), 0);
    return network_has(&parsed, (struct sockaddr *)&storage);
}

static void a_network_has_its_addresses_and_no_others(void **state)
{
    (void)state;
    assert_true(within("10.0.0.0/8", "10.255.1.2"));
    assert_false(within("10.0.0.0/8", "11.0.0.1"));
    assert_true(within("192.168.1.128/25", "192.168.1.200"));
    assert_false(within("192.168.1.128/25", "192.168.1.100"));
    assert_true(within("127.0.0.1", "127.0.0.1"));
    assert_false(within("127.0.0.1", "127.0.0.2"));
    assert_true(within("0.0.0.0/0", "203.0.113.9"));
    assert_true(within("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(within("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(within("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_false(within("0.0.0.0/0", "2001:db8::1"));
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "10.0.0.0/33", "10.0.0/8",   "::/129",
                                      "10.0.0.0/", "10.0.0.0/x",  "localhost",  "10.0.0.0/-1",
                                      "/8",        "10.0.0.0/8 ", "1.2.3.4/08x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct network network;
        if (network_parse(bad[i], &network) == 0)
            fail_msg("taken: %s", bad[i]);
    }
}

static void the_client_is_the_rightmost_address_that_is_no_trusted_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *forwarded, *client;
    } rows[] = {
        {"203.0.113.5", NULL, "203.0.113.5"},
        {"203.0.113.5", "198.51.100.1", "203.0.113.5"}, /* not a proxy: not believed */
        {"10.0.0.1", NULL, "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"}, /* its own claim is ignored */
        {"10.0.0.1", "198.51.100.1, 10.0.0.2,10.0.0.3", "198.51.100.1"},
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", "198.51.100.1, garbage, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", "2001:db8::7", "2001:db8::7"},
        {"::ffff:10.0.0.1", " 198.51.100.1 ", "198.51.100.1"},
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", ",,", "10.0.0.1"},
    };
    struct network trusted;
    assert_int_equal(network_parse("10.0.0.0/8", &trusted), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ADDRESS_TEXT_SIZE];
        struct sockaddr_storage storage = peer(rows[i].peer);
        address_client((struct sockaddr *)&storage, rows[i].forwarded, &trusted, 1, text);
        assert_string_equal(text, rows[i].client);
    }
}

static void a_unix_peer_has_a_name(void **state)
{
    (void)state;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    char text[ADDRESS_TEXT_SIZE];
    address_client((struct sockaddr *)&path, "198.51.100.1", NULL, 0, text);
    assert_string_equal(text, "unix");
}

/* ---- Listening ---------------------------------------------------------------------------- */

static void port_zero_gets_a_port_that_can_be_told(void **state)
{
    (void)state;
    const char *why = NULL;
    char bound[ADDRESS_TEXT_SIZE + 8];
    int fd = address_listen("127.0.0.1:0", &arena, &why);
    assert_true(fd >= 0);
    assert_int_equal(address_bound(fd, bound), 0);
    assert_memory_equal(bound, "127.0.0.1:", 10);
    assert_true(atoi(bound + 10) > 0);
    close(fd);
}

static void a_port_in_use_is_told(void **state)
{
    (void)state;
    const char *why = NULL;
    char bound[ADDRESS_TEXT_SIZE + 8];
    int fd = address_listen("127.0.0.1:0", &arena, &why);
    assert_int_equal(address_bound(fd, bound), 0);
    assert_int_equal(address_listen(bound, &arena, &why), -EADDRINUSE);
    assert_non_null(strstr(why, "another process"));
    close(fd);
}

static void a_socket_that_was_left_behind_is_replaced_and_a_live_one_is_not(void **state)
{
    (void)state;
    const char *why = NULL;
    char folder[] = "/tmp/sluice-address-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(&arena, "unix:%s/s", folder);
    int first = address_listen(path, &arena, &why);
    assert_true(first >= 0);
    assert_int_equal(address_listen(path, &arena, &why), -EADDRINUSE);
    close(first);
    int second = address_listen(path, &arena, &why);
    assert_true(second >= 0);
    close(second);
    unlink(path + 5);
    rmdir(folder);
}

static void what_is_no_address_is_refused_with_examples(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "3000",  "localhost:3000", "127.0.0.1:99999",
                                      "127.0.0.1:", "[::1]", "unix:",          "127.0.0.1:30x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *why = NULL;
        assert_int_equal(address_listen(bad[i], &arena, &why), -EINVAL);
        assert_non_null(strstr(why, "[::1]:3000"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_network_has_its_addresses_and_no_others),
        TEST(what_is_no_network_is_refused),
        TEST(the_client_is_the_rightmost_address_that_is_no_trusted_proxy),
        TEST(a_unix_peer_has_a_name),
        TEST(port_zero_gets_a_port_that_can_be_told),
        TEST(a_port_in_use_is_told),
        TEST(a_socket_that_was_left_behind_is_replaced_and_a_live_one_is_not),
        TEST(what_is_no_address_is_refused_with_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
