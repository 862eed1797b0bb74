/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "compiler.h"

/*
 * Messages to the operator, one line each, on stderr: "espalier: text". For start, stop and
 * control; the datapath does not log, it counts. Never pass a key: nothing here can tell.
 */

/* Sets the program's name that stands before each line; `name` must outlive the process. main()
 * only. */
void log_init(const char *name);

/* Something the operator should know, should look at, must act on. Any thread; each call is one
 * write(2). */
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
