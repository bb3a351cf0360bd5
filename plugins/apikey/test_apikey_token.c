/* Tokens: their form, their checksum, their digest. Expected values were computed independently,
 * with Python's integers, zlib and hashlib.
 *
 * SPDX-License-Identifier: MIT */
#include "token.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shared/hasher.h"

#define COUNTED "slc_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf_0VHkBt" /* of 0, 1, 2, ... 31 */

static void the_checksum_is_crc_32(void **state)
{
    (void)state;
    assert_int_equal(crc32("123456789", 9), 0xcbf43926);
}

static void random_bytes_become_base62(void **state)
{
    uint8_t random[TOKEN_RANDOM];
    char token[TOKEN_SIZE];
    (void)state;
    memset(random, 0, sizeof random);
    token_write(random, token);
    assert_string_equal(token, "slc_0000000000000000000000000000000000000000000_0ztfFZ");
    memset(random, 0xff, sizeof random);
    token_write(random, token);
    assert_string_equal(token, "slc_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1_2sJ7Nx");
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)i;
    token_write(random, token);
    assert_string_equal(token, COUNTED);
    assert_true(token_is_whole(token));
}

static void every_changed_character_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOKEN_SIZE - 1; i++) {
        char token[TOKEN_SIZE] = COUNTED;
        token[i] = token[i] == 'x' ? 'y' : 'x';
        assert_false(token_is_whole(token));
    }
}

static void another_length_is_no_token(void **state)
{
    char token[TOKEN_SIZE + 1] = COUNTED;
    (void)state;
    token[TOKEN_SIZE - 1] = '0';
    assert_false(token_is_whole(token));
    token[TOKEN_SIZE - 2] = '\0';
    assert_false(token_is_whole(token));
}

static void classic_tokens_are_43_characters_of_base64url(void **state)
{
    (void)state;
    assert_true(token_is_unprefixed("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL-_0-9"));
    assert_false(token_is_unprefixed("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL-_0-98"));
    assert_false(token_is_unprefixed("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL-_0-"));
    assert_false(token_is_unprefixed("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL+/0-9"));
    assert_false(token_is_unprefixed(""));
}

static void a_token_is_stored_as_its_sha_256(void **state)
{
    struct hasher hasher;
    char hash[HASH_SIZE];
    (void)state;
    assert_true(hasher_init(&hasher));
    for (int i = 0; i < 2; i++) { /* the context is used again */
        assert_true(hasher_hash(&hasher, COUNTED, hash));
        assert_string_equal(hash,
                            "e7225823b7f85799dea8d742d095729e89d774a09a311c1f1ec9da118771dac8");
    }
    hasher_release(&hasher);
    hasher_release(&hasher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_crc_32),
        cmocka_unit_test(random_bytes_become_base62),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(another_length_is_no_token),
        cmocka_unit_test(classic_tokens_are_43_characters_of_base64url),
        cmocka_unit_test(a_token_is_stored_as_its_sha_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
