/* The last words of a process: which plugin and step ran when it crashed.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_CRASH_H
#define SLUICE_CORE_CRASH_H

/* Logs SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT with plugin and step, then dies of the signal.
 * Signals that a sanitizer watches stay its own. */
void crash_watch(void);

/* What runs now; NULL: nothing of a plugin. Both are kept. Costs two stores. */
void crash_note(const char *plugin, const char *step);

#endif
