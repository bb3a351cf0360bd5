/* Answers that are secrets, stored so that Redis does not know them.
 *
 * SPDX-License-Identifier: MIT */
#include "seal.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

bool seal_close(const unsigned char key[SEAL_KEY_SIZE], const unsigned char nonce[SEAL_NONCE_SIZE],
                sluice_bytes text, unsigned char *ret_sealed)
{
    int len = 0, rest = 0;
    unsigned char *tag = ret_sealed + SEAL_NONCE_SIZE, *cipher = ret_sealed + SEAL_EXTRA;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool made = context && text.len <= INT_MAX &&
                EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                EVP_EncryptUpdate(context, cipher, &len, text.data, (int)text.len) == 1 &&
                EVP_EncryptFinal_ex(context, cipher + len, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_SIZE, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    memcpy(ret_sealed, nonce, SEAL_NONCE_SIZE);
    return made;
}

bool seal_open(const unsigned char key[SEAL_KEY_SIZE], sluice_bytes sealed, unsigned char *ret_text,
               size_t *ret_len)
{
    int len = 0, rest = 0;
    unsigned char tag[SEAL_TAG_SIZE];
    const unsigned char *nonce = sealed.data, *cipher = nonce + SEAL_EXTRA;
    if (sealed.len < SEAL_EXTRA || sealed.len > INT_MAX)
        return false;
    memcpy(tag, nonce + SEAL_NONCE_SIZE, sizeof tag);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool opened =
        context && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_DecryptUpdate(context, ret_text, &len, cipher, (int)(sealed.len - SEAL_EXTRA)) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, sizeof tag, tag) == 1 &&
        EVP_DecryptFinal_ex(context, ret_text + len, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    if (opened)
        *ret_len = (size_t)(len + rest);
    return opened;
}
