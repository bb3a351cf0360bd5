/* The cookie that carries a session id (RFC 6265; the prefix: draft-ietf-httpbis-rfc6265bis).
 *
 *   __Host-sid=<id>; Path=/; Secure; HttpOnly; SameSite=Lax
 *
 * It has neither Max-Age nor Expires: it goes with the browser's own session, and its end in Redis
 * is what counts.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_COOKIE_H
#define SESSION_COOKIE_H

#include <sluice/plugin.h>

#include "session.h"

/* The id that came as a cookie, or NULL. */
const char *cookie_read(sluice_request *req, const struct session *session);

/* Has the answer set the cookie, or take it away. */
void cookie_set(sluice_request *req, const struct session *session, const char *id);
void cookie_clear(sluice_request *req, const struct session *session);

#endif
