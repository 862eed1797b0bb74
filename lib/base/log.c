/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_BYTES 1024

static const char *program = "espalier";

void
log_init(const char *name)
{
	program = name;
}

/* One write per line, so that lines of several threads do not mix. */
static void
emit(const char *severity, const char *format, va_list args)
{
	char line[LINE_BYTES];
	int used = snprintf(line, sizeof(line), "%s: %s", program, severity);
	int room = (int)sizeof(line) - used - 1; /* the newline's place is kept */
	int text = vsnprintf(line + used, (size_t)room, format, args);

	if (text < 0)
		return;
	used += text < room ? text : room - 1;
	line[used++] = '\n';
	/* Nothing can be done about an error channel that fails. */
	ssize_t written = write(STDERR_FILENO, line, (size_t)used);
	(void)written;
}

#define DEFINE_LOG(function, severity) \
	void function(const char *format, ...) \
	{ \
		va_list args; \
		va_start(args, format); \
		emit(severity, format, args); \
		va_end(args); \
	}

DEFINE_LOG(log_info, "")
DEFINE_LOG(log_warning, "warning: ")
DEFINE_LOG(log_error, "error: ")
