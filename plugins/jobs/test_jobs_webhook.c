/* Webhooks: payloads, signatures, addresses.
 *
 * SPDX-License-Identifier: MIT */
#include "webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "shared/cidr.h"

/* ---- Signing -------------------------------------------------------------------------------- */

/* The vector of Standard Webhooks' own libraries. */
static void a_signature_is_the_one_of_the_public_vector(void **state)
{
    static const char body[] = "{\"test\": 2432232314}";
    char signature[WEBHOOK_SIGNATURE_SIZE];
    (void)state;
    assert_true(webhook_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                             "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body),
                             signature));
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void a_secret_that_is_made_signs(void **state)
{
    unsigned char bytes[WEBHOOK_SECRET_BYTES] = {1, 2, 3};
    char secret[WEBHOOK_SECRET_SIZE], signature[WEBHOOK_SIGNATURE_SIZE];
    (void)state;
    webhook_secret_write(bytes, secret);
    assert_int_equal(strncmp(secret, "whsec_AQID", 10), 0);
    assert_true(webhook_sign(secret, "id", 1, "", 0, signature));
}

static void what_is_no_secret_does_not_sign(void **state)
{
    static const char *const wrong[] = {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                        "whsec_!!!!", "whsec_MfKQ9"};
    char signature[WEBHOOK_SIGNATURE_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(webhook_sign(wrong[i], "id", 1, "x", 1, signature));
}

/* ---- Payloads ------------------------------------------------------------------------------- */

static bool is_right(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    bool right = webhook_wrong(json) == NULL;
    json_decref(json);
    return right;
}

static void payloads_are_checked(void **state)
{
    static const char *const wrong[] = {
        "[]",
        "{\"body\":1}",
        "{\"url\":\"http://a/\"}",
        "{\"url\":\"ftp://a/\",\"body\":1}",
        "{\"url\":\"http:///x\",\"body\":1}",
        "{\"url\":\"http://a/ b\",\"body\":1}",
        "{\"url\":\"http://a/\\n\",\"body\":1}",
        "{\"url\":\"http://a/\",\"body\":1,\"more\":1}",
        "{\"url\":\"http://a/\",\"body\":1,\"headers\":[]}",
        "{\"url\":\"http://a/\",\"body\":1,\"headers\":{\"x\":1}}",
        "{\"url\":\"http://a/\",\"body\":1,\"headers\":{\"x\":\"a\\r\\nb: c\"}}",
        "{\"url\":\"http://a/\",\"body\":1,\"headers\":{\"x y\":\"a\"}}",
        "{\"url\":\"http://a/\",\"body\":1,\"headers\":{\"Host\":\"b\"}}",
        "{\"url\":\"http://a/\",\"body\":1,\"headers\":{\"Webhook-Id\":\"b\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (is_right(wrong[i]))
            fail_msg("taken: %s", wrong[i]);
    assert_true(is_right("{\"url\":\"https://example.com/x?y=z\",\"body\":null}"));
    assert_true(is_right("{\"url\":\"http://[2001:db9::1]:80/\",\"body\":{},"
                         "\"headers\":{\"X-Y\":\"z\"}}"));
}

static void a_body_that_is_a_text_is_sent_as_it_is(void **state)
{
    static const char text[] = "{\"url\":\"http://a/\",\"body\":\"{ }\"}";
    static const char json[] = "{\"url\":\"http://a/\",\"body\":{\"a\": [1]}}";
    struct webhook webhook;
    (void)state;
    assert_true(webhook_read(text, strlen(text), &webhook));
    assert_string_equal(webhook.body, "{ }");
    webhook_release(&webhook);
    assert_true(webhook_read(json, strlen(json), &webhook));
    assert_string_equal(webhook.body, "{\"a\":[1]}");
    webhook_release(&webhook);
    assert_false(webhook_read("{}", 2, &webhook));
}

/* ---- Addresses ------------------------------------------------------------------------------ */

static bool is_private(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
    char networks[2048] = "", network[CIDR_SIZE];
    for (size_t i = 0; webhook_private_networks[i]; i++) {
        assert_true(cidr_read(webhook_private_networks[i], network));
        (void)strcat(strcat(networks, i ? " " : ""), network);
    }
    storage.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(storage.ss_family, text,
                               strchr(text, ':') ? (void *)&in6->sin6_addr : (void *)&in->sin_addr),
                     1);
    return webhook_address_in((struct sockaddr *)&storage, networks);
}

static void addresses_that_are_private_or_local_are_known_in_every_form(void **state)
{
    static const char *const local[] = {"127.0.0.1",
                                        "0.0.0.0",
                                        "10.1.2.3",
                                        "100.64.0.1",
                                        "169.254.169.254",
                                        "172.31.255.255",
                                        "192.168.0.1",
                                        "224.0.0.1",
                                        "255.255.255.255",
                                        "::",
                                        "::1",
                                        "::ffff:127.0.0.1",
                                        "::ffff:10.0.0.1",
                                        "::127.0.0.1",
                                        "64:ff9b::7f00:1",
                                        "64:ff9b::a9fe:a9fe",
                                        "2002:7f00:1::",
                                        "fd00::1",
                                        "fe80::1",
                                        "ff02::1"};
    static const char *const open[] = {"1.1.1.1",         "172.32.0.1",     "100.128.0.1",
                                       "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101",
                                       "2002:101:101::"};
    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (!is_private(local[i]))
            fail_msg("not known to be private: %s", local[i]);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        if (is_private(open[i]))
            fail_msg("taken for private: %s", open[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_the_one_of_the_public_vector),
        cmocka_unit_test(a_secret_that_is_made_signs),
        cmocka_unit_test(what_is_no_secret_does_not_sign),
        cmocka_unit_test(payloads_are_checked),
        cmocka_unit_test(a_body_that_is_a_text_is_sent_as_it_is),
        cmocka_unit_test(addresses_that_are_private_or_local_are_known_in_every_form),
    };
    return cmocka_run_group_tests_name("webhooks", tests, NULL, NULL);
}
