/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes from whoever connects to espalier-sync's FPM port, without the port: frames, the messages
 * in them, the table, nexthop objects, and what is written to Espalier because of them.
 *
 * The first byte says whether the rest is a stream of frames, or the body of a single one, so that
 * the fuzzer gets to the messages.
 */

#include <stdint.h>
#include <stdlib.h>

#include <linux/rtnetlink.h>

#include "fpm.h"
#include "translate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What the bytes name is an interface of Espalier's more often than not. */
static const struct learned_link links[] = { { 1, false, false }, { 2, true, false },
	{ 3, true, false } };

static struct feed feed;
static struct fpm fpm = { .feed = &feed, .table = RT_TABLE_MAIN };

static void
take(const uint8_t *data, size_t bytes)
{
	struct netlink_span stream = { data, bytes }, body;
	struct netlink_refusal why;

	if (bytes == 0)
		return;
	stream.at++;
	stream.bytes--;
	if (data[0] % 2 == 0)
		fpm_take_frame(&fpm, stream, &why);
	else
		while (fpm_next_frame(&stream, &body, &why) > 0 &&
			fpm_take_frame(&fpm, body, &why) == 0)
			;
}

/* All that a sender would write. */
static void
send_all(void)
{
	const struct translation translation = { &feed.interfaces, &feed.nexthops, PROTOCOLS_ALL };
	_Alignas(4) static uint8_t buffer[4096];
	static struct espalier_route route;
	struct rib_entry *entry;

	while ((entry = rib_take_dirty(&feed.rib)) != NULL) {
		enum rib_verdict verdict = translate_entry(&translation, entry, &route);
		struct netlink_writer writer;

		netlink_writer_init(&writer, buffer, sizeof(buffer));
		if (verdict == RIB_CARRIED &&
			translate_write_new(&writer, 1, entry->prefix, &route) != 0)
			abort(); /* it must fit, whatever it is */
		rib_judge(&feed.rib, entry, verdict);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	feed = (struct feed) { 0 };
	if (rib_open(&feed.rib) != 0)
		return 0;
	for (unsigned i = 0; i < ARRAY_LEN(links); i++)
		interfaces_add_link(&feed.interfaces, &links[i]);
	interfaces_settle(&feed.interfaces);
	if (bytes > 0 && (data[0] & 2) != 0)
		rib_round_begin(&feed.rib);
	take(data, bytes);
	send_all();
	if (feed.rib.in_round)
		rib_round_end(&feed.rib);
	send_all();
	uint32_t entries = feed.rib.n_entries, routes = feed.rib.n_routes;
	if (entries > routes || feed.rib.n_stale > routes)
		abort(); /* empty ones go, and none is counted twice */
	interfaces_clear(&feed.interfaces);
	nexthops_close(&feed.nexthops);
	rib_close(&feed.rib);
	return 0;
}
