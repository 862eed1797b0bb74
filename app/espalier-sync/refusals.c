/* SPDX-License-Identifier: BSD-3-Clause */
#include "refusals.h"

#include <arpa/inet.h>

#include "clock.h"
#include "log.h"

#define SAID_PER_WINDOW 5
#define WINDOW_NS (10 * SECOND_NS)

void
refusals_say(struct refusals *refusals, struct prefix prefix, const char *words)
{
	struct in_addr address = { htonl(prefix.address) };
	char text[INET_ADDRSTRLEN];

	if (refusals->window_ends_ns == 0)
		*refusals = (struct refusals) { .window_ends_ns = clock_now_ns() + WINDOW_NS };
	if (refusals->said == SAID_PER_WINDOW) {
		refusals->unsaid++;
		return;
	}
	refusals->said++;
	log_warning("%s/%u is refused: %s", inet_ntop(AF_INET, &address, text, sizeof(text)),
		prefix.bits, words);
}

uint64_t
refusals_tend(struct refusals *refusals, uint64_t now_ns)
{
	if (refusals->window_ends_ns == 0)
		return NEVER_NS;
	if (now_ns < refusals->window_ends_ns)
		return refusals->window_ends_ns;
	if (refusals->unsaid > 0)
		log_warning("%u more were refused", refusals->unsaid);
	refusals->window_ends_ns = 0;
	return NEVER_NS;
}
