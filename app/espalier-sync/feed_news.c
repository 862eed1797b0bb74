/* SPDX-License-Identifier: BSD-3-Clause */

/* News from a feed's rib on its way to Espalier, and what came back. */

#include <errno.h>

#include <linux/netlink.h>

#include "feed_parts.h"
#include "log.h"

/* Of a route with as many ways as can be read. */
#define MESSAGE_BYTES_MAX 4096

/* --- sending --- */

/* The message that an entry needs, if any. 1: written, 0: needs none. One whose nexthop object has
 * not come yet keeps what Espalier has. */
static int
write_entry(struct feed *feed, struct rib_entry *entry, struct netlink_writer *writer)
{
	const struct translation translation = {
		.interfaces = &feed->interfaces,
		.nexthops = &feed->nexthops,
		.protocols = feed->protocols,
	};
	static struct espalier_route route;
	bool was_refused = entry->refused;
	enum rib_verdict verdict =
		was_refused ? RIB_REFUSED : translate_entry(&translation, entry, &route);
	struct feed_flight *flight =
		&feed->flights[(feed->first_flight + feed->n_flights) % FEED_FLIGHTS];
	struct feed_message *sent = &flight->messages[flight->n];
	int written = 0;

	*sent = (struct feed_message) {
		.prefix = entry->prefix,
		.was_installed = entry->installed,
		.was_protocol = entry->installed_protocol,
	};
	if (verdict == RIB_CARRIED) {
		translate_write_new(writer, ++feed->sequence, entry->prefix, &route);
		entry->installed = true;
		entry->installed_protocol = route.protocol;
		written = 1;
	} else if (entry->installed && verdict != RIB_UNKNOWN) {
		/* Only if it is still of that protocol: else it is another owner's by now. */
		translate_write_delete(
			writer, ++feed->sequence, entry->prefix, entry->installed_protocol);
		entry->installed = false;
		sent->deletes = true;
		written = 1;
	}
	if (written != 0)
		entry->sequence = feed->sequence;
	rib_judge(&feed->rib, entry, verdict);
	return written;
}

/* Writes one datagram of news. False: there is none. */
static bool
write_batch(struct feed *feed)
{
	struct feed_flight *flight =
		&feed->flights[(feed->first_flight + feed->n_flights) % FEED_FLIGHTS];
	struct netlink_writer writer;
	struct rib_entry *entry;

	netlink_writer_init(&writer, feed->pending, sizeof(feed->pending));
	/* 0 is what Espalier says by itself: no message of a batch may bear it. */
	if (feed->sequence > UINT32_MAX - FEED_BATCH_MAX)
		feed->sequence = 0;
	flight->sequence = feed->sequence + 1;
	flight->n = 0;
	while (flight->n < FEED_BATCH_MAX &&
		writer.used + MESSAGE_BYTES_MAX <= sizeof(feed->pending) &&
		(entry = rib_take_dirty(&feed->rib)) != NULL)
		if (write_entry(feed, entry, &writer) != 0)
			flight->n++;
	if (flight->n == 0)
		return false;
	/* The last message of a datagram asks for an answer, which tells the end of all. */
	netlink_add_flags(&writer, NLM_F_ACK);
	feed->n_flights++;
	feed->pending_bytes = writer.used;
	return true;
}

/* Sends the datagram that is pending, or the next. False: there is none, or no room for it. */
static bool
send_batch(struct feed *feed)
{
	if (feed->pending_bytes == 0 && (feed->n_flights == FEED_FLIGHTS || !write_batch(feed)))
		return false;
	if (channel_send(&feed->channel, feed->pending, feed->pending_bytes) != 0)
		return false;
	feed->pending_bytes = 0;
	return true;
}

bool
feed_send_news(struct feed *feed)
{
	feed_mark_concerned(feed);
	while (send_batch(feed))
		;
	return feed->n_flights == 0 && feed->rib.first_dirty == NULL;
}

/* --- answers --- */

/* Puts the books right after a message that was refused. */
static void
take_back(struct feed *feed, const struct feed_message *sent, uint32_t sequence)
{
	struct rib_entry *entry = rib_find(&feed->rib, sent->prefix);

	if (sent->deletes || entry == NULL || entry->sequence != sequence)
		return; /* something newer is on its way */
	/* What Espalier had before is not what the source wants any more. */
	bool has_news = entry->dirty;
	entry->installed = sent->was_installed;
	entry->installed_protocol = sent->was_protocol;
	if (has_news)
		return;
	rib_mark(&feed->rib, entry);
	entry->refused = true;
}

static void
say_refused(struct feed *feed, struct prefix prefix, const char *words)
{
	char text[PREFIX_TEXT_BYTES];

	if (ration_take(&feed->refusals))
		log_warning("%s is refused: %s", prefix_format(prefix, text), words);
}

static void
refused(struct feed *feed, const struct feed_flight *flight, uint32_t at, int error,
	const char *words)
{
	if (error == ESTALE) {
		feed->overtaken = true;
		return;
	}
	/* What is not there, or another's by now, is as good as deleted. */
	const struct feed_message *sent = &flight->messages[at];
	if (!sent->deletes || error != ESRCH)
		say_refused(feed, sent->prefix, words);
	take_back(feed, sent, flight->sequence + at);
}

void
feed_take_answer(struct feed *feed, uint32_t sequence, int error, const char *words)
{
	for (uint32_t i = 0; i < feed->n_flights; i++) {
		struct feed_flight *flight =
			&feed->flights[(feed->first_flight + i) % FEED_FLIGHTS];
		uint32_t at = sequence - flight->sequence;

		if (at >= flight->n)
			continue;
		if (error != 0)
			refused(feed, flight, at, error, words);
		/* Answers come in order, and the last message asked for one. */
		if (at == flight->n - 1) {
			feed->first_flight = (feed->first_flight + i + 1) % FEED_FLIGHTS;
			feed->n_flights -= i + 1;
		}
		return;
	}
}
