/* The answers to what a script refused.
 *
 *   "space_taken" -> 409 space_taken, in words
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "apikey.h"

static const struct refusal {
    uint32_t status;
    const char *code;
    const char *detail;
} refusals[] = {
#define REFUSE(status, code, detail)                                                               \
    {                                                                                              \
        status, code, detail                                                                       \
    }
    REFUSE(401, "invalid_api_key",
           "the API key of this request was revoked, or its client disabled, a moment ago"),
    REFUSE(403, "scope_not_granted",
           "a key can have only scopes that its client was granted; an admin can grant more"),
    REFUSE(403, "beyond_your_key",
           "nobody can give away more than the key has that this request came with: its scopes, "
           "its addresses, its end"),
    REFUSE(404, "client_not_found", "there is no client with this id"),
    REFUSE(404, "key_not_found", "the client has no key with this id"),
    REFUSE(409, "client_exists", "there is a client with this id already; it was not changed"),
    REFUSE(409, "space_taken",
           "this space belongs to another client; an admin can name a space for a client in "
           "POST /v1/clients, but not that of one that registered itself"),
    REFUSE(409, "too_many_keys",
           "the client has as many keys as it may have; revoke some, or rotate with graceMs 0"),
#undef REFUSE
};

sluice_verdict refuse(sluice_request *req, const char *word)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        if (strcmp(word, refusal->code) != 0)
            continue;
        if (refusal->status == 401)
            sluice_set_header(req, "WWW-Authenticate",
                              "Bearer realm=\"sluice\", error=\"invalid_token\"");
        return sluice_problem(req, refusal->status, refusal->code, refusal->detail);
    }
    sluice_log(sluice_worker_of(req), SLUICE_LOG_ERROR,
               "a script answered with a word that is not known: %s (request %s)", word,
               sluice_request_id(req));
    return sluice_problem(req, 500, "internal_error", "the gateway could not answer this request");
}
