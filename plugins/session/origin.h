/* Whether a browser's request was made by a page that may write with the user's cookie.
 *
 *   named in `origins`? -> Sec-Fetch-Site? -> same host as the gateway? -> neither: no browser
 *
 * A cookie goes along with requests of any site; SameSite=Lax stops most, this the others. The
 * order is that of Go's CrossOriginProtection (F. Valsorda, "Cross-Site Request Forgery", 2025);
 * Referer stands in for a missing Origin, as OWASP's CSRF cheat sheet has it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_ORIGIN_H
#define SESSION_ORIGIN_H

#include <stdbool.h>

#include <sluice/abi.h>

/* Headers of a request, NULL where absent. */
struct sender {
    const char *origin, *referer, *site /* Sec-Fetch-Site */, *host;
};

/* True when `sender` may write. */
bool origin_may_write(const struct sender *sender, const sluice_texts *origins);

/* True for scheme://host or scheme://host:port and nothing else. */
bool origin_is_whole(const char *origin);

#endif
