/* What Redis holds for this plugin, as names and as values.
 *
 *   client:<id>:meta      hash    name, createdAt (ms), space, grants, origin (admin or self), seq,
 *                                 disabled (1 or 0), policy
 *   client:<id>:apiKeys   zset    SHA-256 of each key, by its sequence number
 *   client:<id>:used      hash    ms of each key's last use, by its sequence number
 *   clients               zset    the ids of all clients, all with score 0
 *   space:<space>         set     the ids of those who live or lived in it
 *   apiKey:<sha256>       string  an entry; expires when the key does
 *
 * An entry is a JSON object, so that one GET says all about whoever brings a key:
 *
 *   client, space    whose key it is, and whose private things it sees
 *   scopes           names separated by spaces
 *   line             the name within which it is rotated; the classic paths use ""
 *   name             for people; absent: none
 *   seq              the highest number is the newest; in decimal it is the key's public id
 *   createdAt        ms since 1970, as text
 *   expiresAt        the key's own end, likewise; the entry's may come sooner, by a rotation
 *   cidrs            networks it may be used from, as cidr.h writes them; absent: anywhere
 *   policy           the client's limit policy; absent: the default
 *   disabled         true when the client is
 *   origin           "self" when the client registered itself; else absent
 *
 * Members that are not known here are kept by rotation. The classic server's entries are the bare
 * id of the client.
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_STORE_H
#define APIKEY_STORE_H

#include <stdbool.h>

#include <sluice/plugin.h>

/* Key names, in the request's memory. */
const char *store_meta(sluice_request *req, const char *client);
const char *store_index(sluice_request *req, const char *client);
const char *store_used(sluice_request *req, const char *client);
const char *store_entry(sluice_request *req, const char *hash);
const char *store_space(sluice_request *req, const char *space);
const char *store_clients(sluice_request *req);

/* What is known about a key. All texts may be NULL but client, space and scopes. */
struct entry {
    const char *client;
    const char *space;
    const char *scopes;
    const char *key; /* its public id; NULL of a bare entry */
    const char *policy;
    const char *cidrs;
    const char *line;
    const char *name;
    const char *created_at; /* ms since 1970 */
    bool disabled;
    bool self_made;
};

/* False when `text` is no entry. What it points to lives as long as the request. */
bool entry_read(sluice_request *req, sluice_bytes text, struct entry *ret_entry);

/* The same for the classic server's: a client id and nothing else. */
bool entry_read_bare(sluice_request *req, sluice_bytes text, struct entry *ret_entry);

#endif
