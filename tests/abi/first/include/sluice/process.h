/* Processes of a plugin: a loop beside the http workers, and executors for what may block or crash.
 *
 *   configure: sluice_add_process -> (forked) start -> sluice_block, sluice_worker_ask, timers ...
 *              executor_start -> started -> executor_send -> received ... -> ended
 *
 * See sluice_process in sluice/abi.h for what each call is for. The jobs plugin is built on it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_PROCESS_H
#define SLUICE_PROCESS_H

#include <sluice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called in `configure`; `process` is copied. */
static inline void sluice_add_process(sluice_host *host, const sluice_process *process)
{
    host->api->process(host, process);
}

/* A command that waits in Redis, on a connection for such commands alone. */
#define sluice_block(worker, timeout_ms, then, state, ...)                                         \
    sluice_block_v((worker), (timeout_ms), (then), (state), SLUICE_ARGS(__VA_ARGS__))
static inline void sluice_block_v(sluice_worker *worker, int64_t timeout_ms,
                                  sluice_worker_step *then, void *state, const sluice_arg *argv,
                                  uint32_t argc, uint32_t stride)
{
    worker->api->block(worker, then, state, argv, argc, stride, timeout_ms);
}

static inline void sluice_drained(sluice_worker *worker)
{
    worker->api->drained(worker);
}

static inline const sluice_job_handler *sluice_job_handler_at(sluice_worker *worker, uint32_t i)
{
    return worker->api->job_handler(worker, i);
}

static inline void sluice_executor_start(sluice_worker *worker, uint32_t slot)
{
    worker->api->executor_start(worker, slot);
}

static inline void sluice_executor_send(sluice_worker *worker, uint32_t slot, const void *message,
                                        uint64_t len)
{
    worker->api->executor_send(worker, slot, message, len);
}

static inline void sluice_executor_signal(sluice_worker *worker, uint32_t slot, int32_t number)
{
    worker->api->executor_signal(worker, slot, number);
}

/* ---- In the executor ---------------------------------------------------------------------- */

/* Asks Redis and waits for the answer; the reply is never NULL and lives until `forget`. */
#define sluice_executor_ask(executor, timeout_ms, ...)                                             \
    sluice_executor_ask_v((executor), (timeout_ms), SLUICE_ARGS(__VA_ARGS__))
static inline const sluice_reply *sluice_executor_ask_v(sluice_executor *executor,
                                                        int64_t timeout_ms, const sluice_arg *argv,
                                                        uint32_t argc, uint32_t stride)
{
    return executor->api->ask(executor, argv, argc, stride, timeout_ms);
}

#ifdef __cplusplus
}
#endif
#endif
