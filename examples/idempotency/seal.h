/* Answers that are secrets, stored so that Redis does not know them.
 *
 *   credentials, key -> SHA-256 -> AES-256-GCM (NIST SP 800-38D): nonce, tag, ciphertext
 *
 * What opens a seal is never stored: who sends the request again has it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SEAL_H
#define SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/abi.h>

#define SEAL_KEY_SIZE 32u
#define SEAL_NONCE_SIZE 12u
#define SEAL_TAG_SIZE 16u
#define SEAL_EXTRA (SEAL_NONCE_SIZE + SEAL_TAG_SIZE) /* bytes more than what is sealed */

/* `nonce` is random, and used once. `ret_sealed` has room for text.len + SEAL_EXTRA bytes. False when
 * OpenSSL refused. */
bool seal_close(const unsigned char key[SEAL_KEY_SIZE], const unsigned char nonce[SEAL_NONCE_SIZE],
                sluice_bytes text, unsigned char *ret_sealed);

/* `ret_text` has room for sealed.len bytes; *ret_len are used. False when the key is another, or what
 * is sealed was changed. */
bool seal_open(const unsigned char key[SEAL_KEY_SIZE], sluice_bytes sealed, unsigned char *ret_text,
               size_t *ret_len);

#endif
