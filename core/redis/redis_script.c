/* Lua scripts in Redis: known by their digest, loaded on every connect.
 *
 *   init: SHA-1        greeting: SCRIPT LOAD each        EVALSHA --NOSCRIPT--> SCRIPT LOAD, EVALSHA
 *
 * A script is missing when Redis was flushed of scripts or restarted behind a proxy: then all are,
 * and all are loaded anew. Nothing of an EVALSHA ran when NOSCRIPT answers it, so sending it once
 * more is safe for every script.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <openssl/evp.h>
#include <sluice/args.h>
#include <sluice/hex.h>

#include "log.h"
#include "redis_internal.h"

void redis_script_init(struct sluice_script *script, const char *name, const char *source,
                       size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    *script = (struct sluice_script){.name = name, .source = source, .len = len};
    if (EVP_Digest(source, len, digest, &digest_len, EVP_sha1(), NULL) != 1 || digest_len != 20) {
        log_error("no SHA-1 digest for script %s: OpenSSL refused; Redis knows scripts by it, so "
                  "calls of this one will fail; allow SHA-1 in OpenSSL's configuration",
                  name);
        return;
    }
    sluice_hex(digest, digest_len, script->sha1);
}

/* Replies come in the order of the scripts. The last one ends a greeting. */
static void loaded(void *context, int status, const struct reply *reply)
{
    struct redis *redis = context;
    (void)status; /* a late reply counts as well */
    if (!reply || !redis->loading)
        return;
    const struct sluice_script *script = redis->loading;
    redis->loading = script->next;
    bool greeting = redis->state == REDIS_GREETING;
    if (reply->type == SLUICE_REPLY_ERROR && greeting)
        redis_drop(redis, "Redis at %s did not take the script %s: %s", redis->name, script->name,
                   reply->u.text.data);
    else if (reply->type == SLUICE_REPLY_ERROR)
        log_error("Redis at %s did not take the script %s again: %s; its calls fail until it does",
                  redis->name, script->name, reply->u.text.data);
    else if (greeting && !redis->loading)
        redis_now_ready(redis);
}

void redis_scripts_load(struct redis *redis)
{
    redis->loading = redis->config.scripts;
    for (const struct sluice_script *script = redis->loading; script; script = script->next)
        redis_ask(redis, loaded,
                  SLUICE_ARGS("SCRIPT", "LOAD", sluice_bytes_of(script->source, script->len)));
}

bool redis_script_again(struct redis *redis, const struct reply *reply)
{
    struct pending *first = redis_pending_first(redis);
    if (!first->again || first->late || reply->type != SLUICE_REPLY_ERROR ||
        strncmp(reply->u.text.data, "NOSCRIPT", 8) != 0)
        return false;
    if (!redis->loading)
        redis_scripts_load(redis);
    first = redis_pending_first(redis); /* loading may have moved the ring */
    text_add_bytes(&redis->out, first->script.data, first->script.len);
    struct pending again = redis_pending_shift(redis);
    again.again = false;
    (void)redis_pending_push(redis, &again);
    return true;
}
