/* Log lines: one JSON object a line on stderr, from every process.
 *
 *   {"time":"...","level":"warn","process":"worker 0","pid":42,"message":"..."}
 *
 * log_message writes at once. log_line queues a finished line (the access log's) and log_flush
 * writes the queue in whole lines; a worker flushes once per turn of its loop.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_LOG_H
#define SLUICE_CORE_LOG_H

#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR }; /* as SLUICE_LOG_* */

/* Names this process in its lines ("master", "generation 2", "worker 0"); copied. */
void log_role(const char *role);
void log_threshold(enum log_level least);

void log_message(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void log_line(const char *line, size_t len); /* without its newline; copied */
void log_flush(void);

#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_message(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_message(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_message(LOG_ERROR, __VA_ARGS__)

#endif
