/* What the answers about sessions look like.
 *
 *   record -> {"sessionId", "userId", "data", "version", "createdAt", "expiresAt"}, ETag
 *   "data_too_large" -> 422 data_too_large, in words
 *
 * SPDX-License-Identifier: MIT */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "shared/times.h"

void answer_is_private(sluice_request *req)
{
    sluice_set_header(req, "Cache-Control", "no-store");
}

const char *answer_time(sluice_request *req, int64_t ms)
{
    char text[TIME_SIZE];
    time_write(ms, text);
    return sluice_copy(req, sluice_bytes_of(text, strlen(text)));
}

static sluice_arg data_of(sluice_request *req, const struct record *record)
{
    sluice_arg *pairs = sluice_alloc(req, (2 * record->count + 1) * sizeof *pairs);
    uint32_t count = 0;
    for (uint64_t i = 0; i < record->count; i++) {
        const char *json = record->members[i].json;
        pairs[count++] = sluice_arg_text(record->members[i].name);
        pairs[count++] = sluice_raw_json(sluice_bytes_of(json, strlen(json)));
    }
    return req->api->object(req, pairs, count, sizeof *pairs);
}

/* An ETag belongs to a body, so it comes after it: what is answered anew begins without one. */
sluice_verdict answer_session(sluice_request *req, uint32_t status, const struct record *record,
                              const char *id)
{
    sluice_verdict answered = sluice_json(
        req, status, "sessionId", id, "userId", record->user, "data", data_of(req, record),
        "version", (int64_t)strtoll(record->version, NULL, 10), "createdAt",
        answer_time(req, record->created), "expiresAt", answer_time(req, record->ends));
    answer_is_private(req);
    sluice_set_header(req, "ETag", sluice_concat(req, "\"", record->version, "\""));
    return answered;
}

sluice_verdict answer_away(sluice_request *req)
{
    return sluice_problem(req, 503, "store_unavailable",
                          "the gateway's store does not answer now; the session is not lost, try "
                          "again");
}

sluice_verdict answer_gone(sluice_request *req)
{
    sluice_set_header(req, "WWW-Authenticate", "Bearer realm=\"sluice\", error=\"invalid_token\"");
    return sluice_problem(req, 401, "invalid_session",
                          "the session of this request ended a moment ago; sign in again");
}

sluice_verdict answer_nobody(sluice_request *req)
{
    sluice_set_header(req, "WWW-Authenticate", "Bearer realm=\"sluice\"");
    return sluice_problem(req, 401, "unauthenticated",
                          "this route works on a session or for a client, whatever its auth under "
                          "routes: says, and this request came without");
}

static const struct refusal {
    uint32_t status;
    const char *code;
    const char *detail;
} refusals[] = {
#define REFUSE(status, code, detail)                                                               \
    {                                                                                              \
        status, code, detail                                                                       \
    }
    REFUSE(403, "read_only_field",
           "this member of the data belongs to the application: only a request with a client's key "
           "can change it"),
    REFUSE(409, "too_many_sessions",
           "the user has as many sessions as one may have; revoke some with DELETE "
           "/v1/users/{id}/sessions"),
    REFUSE(409, "data_contended",
           "others kept changing the same members of the data; nothing was changed, try again"),
    REFUSE(412, "version_changed",
           "the session is not of the version that If-Match names; read it, and try again with "
           "what it is now"),
    REFUSE(422, "data_too_large",
           "the data would take more than a session may hold, in bytes or in members"),
    REFUSE(422, "data_too_deep", "the data is nested more deeply than a session may hold"),
#undef REFUSE
};

sluice_verdict answer_refused(sluice_request *req, const char *word)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (strcmp(word, refusals[i].code) == 0)
            return sluice_problem(req, refusals[i].status, refusals[i].code, refusals[i].detail);
    sluice_log(sluice_worker_of(req), SLUICE_LOG_ERROR,
               "a script answered with a word that is not expected: %s (request %s)", word,
               sluice_request_id(req));
    return sluice_problem(req, 500, "internal_error", "the gateway could not answer this request");
}
