/* SPDX-License-Identifier: BSD-3-Clause */
#include "refusal_log.h"

#include <errno.h>
#include <stdbool.h>

#include "clock.h"
#include "log.h"
#include "session.h"

#define NS_PER_MINUTE (60 * UINT64_C(1000000000))
#define LINES_A_MINUTE 20

/* What is there already, or is not there, daemons meet in the course of things. */
static bool
is_for_good(int error)
{
	return error == -EOPNOTSUPP || error == -EINVAL || error == -ENOSYS || error == -ENOSPC;
}

void
refusal_log_tell(struct refusal_log *log, const struct session *session, const char *name,
	int error, const struct netlink_refusal *why)
{
	uint64_t minute = clock_now_ns() / NS_PER_MINUTE;

	if (!is_for_good(error))
		return;
	if (minute != log->minute) {
		if (log->untold > 0)
			log_info("%u more refusals were not logged", log->untold);
		*log = (struct refusal_log) { .minute = minute };
	}
	if (log->told == LINES_A_MINUTE) {
		log->untold++;
		return;
	}
	log->told++;
	log_warning(
		"%s refused: %s; to uid %u, pid %d", name, why->text, session->uid, session->pid);
}
