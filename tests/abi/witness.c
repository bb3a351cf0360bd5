/* Names every struct and table that crosses between Sluice and a plugin, so that a debugger's view of
 * this file is the whole contract. Compared with the recorded one by guard.sh; never run.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/abi.h>

struct sluice_abi {
    /* handles and their tables */
    sluice_host *host;
    sluice_worker *worker;
    sluice_request *request;
    sluice_reply *reply;
    sluice_executor *executor;
    sluice_job *job;
    const sluice_host_api *host_api;
    const sluice_worker_api *worker_api;
    const sluice_request_api *request_api;
    const sluice_reply_api *reply_api;
    const sluice_executor_api *executor_api;
    const sluice_job_api *job_api;

    /* what is handed over */
    sluice_arg *arg;
    sluice_bytes *bytes;
    sluice_command *command;
    sluice_wait *wait;
    sluice_token *token;
    sluice_identity *identity;
    sluice_exit *exit;
    sluice_list *list;
    sluice_script *script;

    /* rows */
    sluice_descriptor *descriptor;
    sluice_route *route;
    sluice_hook *hook;
    sluice_option *option;
    sluice_process *process;
    sluice_job_handler *job_handler;

    /* what options become */
    sluice_rate *rate;
    sluice_texts *texts;
    sluice_map *map;

    /* functions of a plugin */
    sluice_plugin_fn *plugin;
    sluice_step *step;
    sluice_worker_step *worker_step;
    sluice_cleanup *cleanup;
    sluice_job_run *job_run;
};

const struct sluice_abi *sluice_abi_witness(const struct sluice_abi *abi);

const struct sluice_abi *sluice_abi_witness(const struct sluice_abi *abi)
{
    return abi;
}
