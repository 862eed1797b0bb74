/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

struct netlink_refusal;
struct session;

/*
 * Refusals in the log. charon and pluto show their operator the errno alone ("Operation not
 * supported (95)"): the words that came with it are to be found here. Control only.
 */
struct refusal_log {
	uint64_t minute;
	unsigned told, untold; /* in that minute */
};

/* Logs that the message of that name was refused, if `error` says that it never will be granted
 * as it is, and not too much was logged in this minute. */
void refusal_log_tell(struct refusal_log *log, const struct session *session, const char *name,
	int error, const struct netlink_refusal *why);
