/* Sessions of browsers, end to end: the cookie as libcurl's cookie engine understands it, and who
 * may write with it.
 *
 * SPDX-License-Identifier: MIT */
#include "test_sessions.h"

#include <time.h>

#include <curl/curl.h>

/* ---- A browser ----------------------------------------------------------------------------- */

struct browser {
    struct world *world;
    CURL *curl;
    char *body;
    size_t len;
};

static size_t grow(char *bytes, size_t size, size_t count, void *data)
{
    struct browser *browser = data;
    size_t len = size * count;
    char *more = realloc(browser->body, browser->len + len + 1);
    if (!more)
        return 0;
    memcpy(more + browser->len, bytes, len);
    more[browser->len + len] = '\0';
    browser->body = more;
    browser->len += len;
    return len;
}

/* libcurl takes 127.0.0.1 for a secure context, as browsers do, so it keeps Secure cookies. */
static struct browser browser_open(struct world *world)
{
    struct browser browser = {.world = world, .curl = curl_easy_init()};
    assert_non_null(browser.curl);
    curl_easy_setopt(browser.curl, CURLOPT_COOKIEFILE, "");
    curl_easy_setopt(browser.curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(browser.curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(browser.curl, CURLOPT_TIMEOUT, HTTP_PATIENCE_S);
    curl_easy_setopt(browser.curl, CURLOPT_WRITEFUNCTION, grow);
    return browser;
}

static void browser_close(struct browser *browser)
{
    curl_easy_cleanup(browser->curl);
    free(browser->body);
}

static long visit(struct browser *browser, const char *method, const char *path, const char *header,
                  const char *body)
{
    char url[256];
    long status = 0;
    struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");
    if (header)
        headers = curl_slist_append(headers, header);
    browser->len = 0;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", browser->world->port, path);
    curl_easy_setopt(browser->curl, CURLOPT_URL, url);
    curl_easy_setopt(browser->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(browser->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(browser->curl, CURLOPT_WRITEDATA, browser);
    curl_easy_setopt(browser->curl, CURLOPT_POSTFIELDS, body);
    assert_int_equal(curl_easy_perform(browser->curl), CURLE_OK);
    curl_easy_getinfo(browser->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return status;
}

/* A cookie as the engine keeps it: a line of Netscape's format. */
struct cookie {
    char domain[128], subdomains[8], path[64], secure[8], expires[32], name[64], value[128];
};

/* False: the engine has none, or one that is over and goes with the next request. */
static bool kept(struct browser *browser, struct cookie *ret_cookie)
{
    struct curl_slist *list = NULL;
    curl_easy_getinfo(browser->curl, CURLINFO_COOKIELIST, &list);
    if (!list)
        return false;
    assert_null(list->next);
    memset(ret_cookie, 0, sizeof *ret_cookie);
    int fields = sscanf(list->data, "%127s %7s %63s %7s %31s %63s %127s", ret_cookie->domain,
                        ret_cookie->subdomains, ret_cookie->path, ret_cookie->secure,
                        ret_cookie->expires, ret_cookie->name, ret_cookie->value);
    curl_slist_free_all(list);
    assert_in_range(fields, 6, 7); /* a cookie that is taken away has no value */
    long long expires = atoll(ret_cookie->expires);
    return expires == 0 || expires > (long long)time(NULL);
}

static void sign_in_browser(struct browser *browser, const char *key)
{
    assert_int_equal(
        visit(browser, "POST", "/v1/sessions", key, "{\"userId\":\"ann\",\"cookie\":true}"), 201);
}

/* The attribute, among those that the header has behind its first semicolon. */
static bool has_attribute(const char *header, const char *attribute)
{
    size_t len = strlen(attribute);
    for (const char *at = strchr(header, ';'); at; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " ");
        if (strncasecmp(at, attribute, len) == 0 && (at[len] == ';' || at[len] == '\0'))
            return true;
    }
    return false;
}

/* ---- The cookie ---------------------------------------------------------------------------- */

static void a_cookie_parser_keeps_all_that_protects_it(struct world *world)
{
    struct cookie cookie;
    const char *key = start(world);
    struct browser browser = browser_open(world);
    sign_in_browser(&browser, key);
    assert_true(kept(&browser, &cookie));
    assert_string_equal(cookie.domain, "#HttpOnly_127.0.0.1");
    assert_string_equal(cookie.subdomains, "FALSE");
    assert_string_equal(cookie.path, "/");
    assert_string_equal(cookie.secure, "TRUE");
    assert_string_equal(cookie.expires, "0"); /* with the browser's own session */
    assert_string_equal(cookie.name, "__Host-sid");
    assert_int_equal(strlen(cookie.value), 43);
    browser_close(&browser);
    struct answer *made = make(world, key, "{\"userId\":\"ann\",\"cookie\":true}");
    assert_true(has_attribute(header_of(made, "Set-Cookie"), "SameSite=Lax"));
    assert_false(has_attribute(header_of(made, "Set-Cookie"), "SameSite=None"));
    assert_null(header_of(make(world, key, "{\"userId\":\"ann\"}"), "Set-Cookie"));
}

static void a_browser_uses_rotates_and_ends_its_session(struct world *world)
{
    struct cookie first, second;
    const char *key = start(world);
    struct browser browser = browser_open(world);
    sign_in_browser(&browser, key);
    assert_true(kept(&browser, &first));
    assert_int_equal(visit(&browser, "GET", CURRENT, NULL, NULL), 200);
    assert_int_equal(visit(&browser, "POST", CURRENT "/rotate", NULL, ""), 200);
    assert_true(kept(&browser, &second));
    assert_string_not_equal(first.value, second.value);
    assert_null(strstr(browser.body, second.value)); /* no script on a page may read it */
    assert_int_equal(visit(&browser, "GET", CURRENT, NULL, NULL), 200);
    assert_int_equal(status_of(world, header_line(world, "x-session-id: ", first.value)), 401);
    assert_int_equal(visit(&browser, "DELETE", CURRENT, NULL, NULL), 204);
    assert_false(kept(&browser, &first));
    assert_int_equal(visit(&browser, "GET", CURRENT, NULL, NULL), 401);
    browser_close(&browser);
}

static void signing_out_everywhere_takes_the_cookie_along(struct world *world)
{
    struct cookie cookie;
    const char *key = start(world);
    struct browser browser = browser_open(world);
    sign_in_browser(&browser, key);
    assert_int_equal(visit(&browser, "DELETE", OF_ANN "?except=current", NULL, NULL), 204);
    assert_true(kept(&browser, &cookie));
    assert_int_equal(visit(&browser, "DELETE", OF_ANN, NULL, NULL), 204);
    assert_false(kept(&browser, &cookie));
    browser_close(&browser);
}

static void for_development_the_cookie_goes_without_tls(struct world *world)
{
    struct cookie cookie;
    const char *key = start(world);
    struct browser browser = browser_open(world);
    sign_in_browser(&browser, key);
    assert_true(kept(&browser, &cookie));
    assert_string_equal(cookie.name, "sid");
    assert_string_equal(cookie.secure, "FALSE");
    assert_string_equal(cookie.domain, "#HttpOnly_127.0.0.1");
    assert_int_equal(visit(&browser, "GET", CURRENT, NULL, NULL), 200);
    browser_close(&browser);
}

static void a_header_wins_over_the_cookie(struct world *world)
{
    const char *key = start(world);
    const char *ann = by_cookie(world, make(world, key, "{\"userId\":\"ann\"}"));
    const char *bob = by_id(world, make(world, key, "{\"userId\":\"bob\"}"));
    assert_string_equal(text_of(get(world, CURRENT, lines(world, ann, bob)), "userId"), "bob");
    assert_int_equal(status_of(world, lines(world, ann, NOBODY)), 401);
}

/* ---- Who may write ------------------------------------------------------------------------- */

static long write_from(struct world *world, const char *session, const char *from)
{
    return patch(world, lines(world, session, from), "{\"data\":{\"a\":1}}")->status;
}

static void a_cookie_writes_from_pages_of_the_gateway_and_the_named_ones_alone(struct world *world)
{
    char own[64], near[64];
    const char *key = start(world);
    const char *cookie = by_cookie(world, make(world, key, "{\"userId\":\"ann\"}"));
    (void)snprintf(own, sizeof own, "Origin: http://127.0.0.1:%u", world->port);
    (void)snprintf(near, sizeof near, "Origin: http://127.0.0.1:%u1", world->port);
    assert_problem(
        patch(world, lines(world, cookie, "Origin: https://evil.example"), "{\"data\":{\"a\":1}}"),
        403, "csrf");
    assert_int_equal(write_from(world, cookie, own), 200);
    assert_int_equal(write_from(world, cookie, near), 403);
    assert_int_equal(write_from(world, cookie, "Origin: null"), 403);
    assert_int_equal(write_from(world, cookie, "Referer: https://evil.example/page"), 403);
    assert_int_equal(write_from(world, cookie, "Sec-Fetch-Site: cross-site"), 403);
    assert_int_equal(write_from(world, cookie, "Sec-Fetch-Site: same-site"), 403);
    assert_int_equal(write_from(world, cookie, "Sec-Fetch-Site: same-origin"), 200);
    assert_int_equal(write_from(world, cookie, "Origin: https://app.example.com"), 200);
    assert_int_equal(write_from(world, cookie, "Origin: https://app.example.com.evil.example"),
                     403);
    assert_int_equal(write_from(world, cookie, "User-Agent: no browser"), 200);
}

static void other_pages_may_neither_rotate_nor_end_a_session(struct world *world)
{
    const char *key = start(world);
    const char *cookie = by_cookie(world, make(world, key, "{\"userId\":\"ann\"}"));
    const char *evil = lines(world, cookie, "Origin: https://evil.example");
    assert_problem(http(world, "POST", CURRENT "/rotate", evil, NULL), 403, "csrf");
    assert_problem(http(world, "DELETE", CURRENT, evil, NULL), 403, "csrf");
    assert_problem(http(world, "DELETE", "/session/delete", evil, NULL), 403, "csrf");
    assert_problem(http(world, "DELETE", OF_ANN, evil, NULL), 403, "csrf");
    assert_status(get(world, CURRENT, evil), 200); /* what it reads, CORS keeps from the page */
}

static void another_plugins_route_is_protected_too(struct world *world)
{
    const char *key = start(world);
    struct answer *made = make(world, key, "{\"userId\":\"ann\"}");
    const char *from = "Origin: https://evil.example";
    assert_problem(
        http(world, "POST", "/probe/body", lines(world, by_cookie(world, made), from), "{}"), 403,
        "csrf");
    assert_status(http(world, "POST", "/probe/body", lines(world, by_id(world, made), from), "{}"),
                  200);
}

#define NAMED CONFIG_WITH("origins: [https://app.example.com]")

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_cookie_parser_keeps_all_that_protects_it, CONFIG),
        E2E(a_browser_uses_rotates_and_ends_its_session, CONFIG),
        E2E(signing_out_everywhere_takes_the_cookie_along, CONFIG),
        E2E(for_development_the_cookie_goes_without_tls, CONFIG_WITH("cookie: { insecure: true }")),
        E2E(a_header_wins_over_the_cookie, CONFIG),
        E2E(a_cookie_writes_from_pages_of_the_gateway_and_the_named_ones_alone, NAMED),
        E2E(other_pages_may_neither_rotate_nor_end_a_session, CONFIG),
        E2E(another_plugins_route_is_protected_too, CONFIG),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
