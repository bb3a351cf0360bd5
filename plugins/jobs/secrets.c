/* Secrets that webhooks are signed with.
 *
 *   make_secret --secret.lua--> made -> 201 {secret}
 *
 * A secret has to sign, so it is kept as it is; it is shown once, and is nothing that opens a door
 * here.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/input.h>

#include "job_json.h"
#include "jobs.h"
#include "webhook.h"

static sluice_step made;

sluice_verdict make_secret(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    unsigned char bytes[WEBHOOK_SECRET_BYTES];
    char *secret = sluice_alloc(req, WEBHOOK_SECRET_SIZE);
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *client = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    sluice_random(sluice_worker_of(req), bytes, sizeof bytes);
    webhook_secret_write(bytes, secret);
    return sluice_run(
        req, made, secret, jobs->secret, 2, sluice_key(req, "client:", client, ":webhook"),
        sluice_key(req, "client:", client, ":meta"), (const char *)secret, jobs->webhooks.grace);
}

static sluice_verdict made(sluice_request *req, void *state, const sluice_reply *ends)
{
    const char *secret = state;
    if (strcmp(sluice_text(ends), "absent") == 0)
        return sluice_problem(req, 404, "client_not_found", "there is no such client");
    return sluice_json(req, 201, "secret", secret, "previousUntil",
                       job_time(req, sluice_int(ends)));
}
