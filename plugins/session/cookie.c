/* The cookie that carries a session id.
 *
 * SPDX-License-Identifier: MIT */
#include "cookie.h"

#define NAME "__Host-sid"
#define INSECURE_NAME "sid"

const char *cookie_read(sluice_request *req, const struct session *session)
{
    return sluice_cookie(req, session->insecure ? INSECURE_NAME : NAME);
}

static void set(sluice_request *req, const struct session *session, const char *value,
                const char *end)
{
    const char *cookie =
        session->insecure
            ? sluice_concat(req, INSECURE_NAME "=", value, "; Path=/; HttpOnly; SameSite=Lax", end)
            : sluice_concat(req, NAME "=", value, "; Path=/; Secure; HttpOnly; SameSite=Lax", end);
    sluice_set_header(req, "Set-Cookie", cookie);
}

void cookie_set(sluice_request *req, const struct session *session, const char *id)
{
    set(req, session, id, "");
}

void cookie_clear(sluice_request *req, const struct session *session)
{
    set(req, session, "", "; Max-Age=0");
}
