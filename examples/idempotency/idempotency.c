/* idempotency: a POST that is sent again under the same Idempotency-Key is done once
 * (draft-ietf-httpapi-idempotency-key-header).
 *
 *   body hook:   claim --claim.lua--> claimed -> the handler, or the answer of the first time
 *   handler:     somebody else's
 *   after hook:  settle --store.lua or release.lua--> settled
 *
 * Redis: idempotency:<hash of client and key> is a hash of fingerprint, owner and, once there is an
 * answer, status, body (sealed, where it is a secret) and header:<name>. It expires `in_flight` after the claim, then `keep` after
 * the answer.
 *
 * Invariant: only the request that holds the claim writes the record: every script compares the
 * owner.
 *
 * SPDX-License-Identifier: MIT */
#include "idempotency.h"

#include <stddef.h>

#include "claim.lua.h"
#include "release.lua.h"
#include "store.lua.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static const char *const store_errors[] = {"closed", "open", NULL};

static const sluice_option options[] = {
    {.name = "keep",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct idempotency, keep),
     .fallback = "24h",
     .min = DAY_MS,
     .max = 31 * DAY_MS,
     .help = "how long an answer is replayed"},
    {.name = "in_flight",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct idempotency, in_flight),
     .fallback = "1m",
     .min = 1000,
     .max = HOUR_MS,
     .help = "how long a key is taken by a request whose gateway died; longer than any request"},
    {.name = "answer_max",
     .type = SLUICE_SIZE,
     .offset = offsetof(struct idempotency, answer_max),
     .fallback = "256k",
     .max = 16 << 20,
     .help = "a longer answer is not kept"},
    {.name = "headers",
     .type = SLUICE_TEXTS,
     .offset = offsetof(struct idempotency, headers),
     .fallback = "[Location, ETag]",
     .max = 16,
     .help = "answer headers that are replayed besides Content-Type"},
    {.name = "sealed",
     .type = SLUICE_TEXTS,
     .offset = offsetof(struct idempotency, sealed),
     .fallback = "[/clients/, /v1/clients, /session/, /v1/sessions]",
     .max = 100,
     .help = "beginnings of routes that answer with secrets: their answers are stored encrypted, "
             "and told again to the same credentials alone"},
    {.name = "on_store_error",
     .type = SLUICE_CHOICE,
     .offset = offsetof(struct idempotency, on_store_error),
     .fallback = "closed",
     .choices = store_errors,
     .help = "without Redis: 503, or done as if there were no key"},
};

static const sluice_hook hooks[] = {
    {SLUICE_BODY, 0, SLUICE_STEP(claim)},
    {SLUICE_AFTER, 0, SLUICE_STEP(settle)},
};

static int32_t configure(sluice_host *host, void *self)
{
    struct idempotency *plugin = self;
    plugin->claim = sluice_add_script(host, "claim", claim_lua);
    plugin->store = sluice_add_script(host, "store", store_lua);
    plugin->release = sluice_add_script(host, "release", release_lua);
    sluice_hooks(host, hooks);
    return 0;
}

static const sluice_descriptor descriptor = {
    .size = sizeof descriptor,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "idempotency",
    .version = "1.0.0",
    .summary = "a POST that is sent again under the same Idempotency-Key is done once",
    .self_size = sizeof(struct idempotency),
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_stride = sizeof options[0],
    .configure = configure,
};

const sluice_descriptor *sluice_plugin(void)
{
    return &descriptor;
}
