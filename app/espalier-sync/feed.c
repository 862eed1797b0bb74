/* SPDX-License-Identifier: BSD-3-Clause */
#include "feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "feed_parts.h"
#include "log.h"
#include "protocol.h"

/* --- asking --- */

/* Of a request; 0 would be none. */
static uint32_t
next_sequence(struct feed *feed)
{
	if (++feed->sequence == 0)
		feed->sequence++;
	return feed->sequence;
}

static void
ask(struct feed *feed, enum feed_stage stage, struct netlink_writer *writer)
{
	feed->stage = stage;
	feed->asked = feed->sequence;
	if (netlink_commit(writer) < 0 ||
		channel_send(&feed->channel, writer->buffer, writer->used) != 0)
		channel_break(&feed->channel, "a request cannot be sent");
}

#define REQUEST_BYTES 128

static void
ask_listing(struct feed *feed, enum feed_stage stage)
{
	_Alignas(4) uint8_t buffer[REQUEST_BYTES];
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	const struct ifaddrmsg address = { .ifa_family = AF_INET };
	const struct rtmsg route = { .rtm_family = AF_INET };
	struct netlink_writer writer;
	uint16_t flags = NLM_F_REQUEST | NLM_F_DUMP;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	if (stage == FEED_LINKS) {
		netlink_begin(&writer, RTM_GETLINK, flags, next_sequence(feed), 0);
		netlink_put(&writer, &link, sizeof(link));
	} else if (stage == FEED_ADDRESSES) {
		netlink_begin(&writer, RTM_GETADDR, flags, next_sequence(feed), 0);
		netlink_put(&writer, &address, sizeof(address));
	} else {
		netlink_begin(&writer, RTM_GETROUTE, flags, next_sequence(feed), 0);
		netlink_put(&writer, &route, sizeof(route));
	}
	ask(feed, stage, &writer);
}

static void
ask_own(struct feed *feed, enum feed_stage stage, uint16_t type)
{
	_Alignas(4) uint8_t buffer[REQUEST_BYTES];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, type, NLM_F_REQUEST | NLM_F_ACK, next_sequence(feed), 0);
	if (type == ESPALIER_BEGIN)
		netlink_put_text(&writer, ESPALIER_OWNER_NAME, feed->owner);
	ask(feed, stage, &writer);
}

/* --- stages --- */

static void
mark_all(struct rib *rib, struct rib_entry *entry, void *context)
{
	(void)context;
	/* Espalier may be another than the one that had it. */
	entry->installed = false;
	rib_mark(rib, entry);
}

/* What was asked for has come to its end. */
static void
step(struct feed *feed)
{
	switch (feed->stage) {
	case FEED_LINKS:
		ask_listing(feed, FEED_ADDRESSES);
		break;
	case FEED_ADDRESSES:
		interfaces_settle(&feed->interfaces);
		if (feed->learn != NULL && !feed->learned) {
			ask_listing(feed, FEED_ROUTES);
			break;
		}
		ask_own(feed, FEED_BEGINS, ESPALIER_BEGIN);
		break;
	case FEED_ROUTES:
		feed->learned = true;
		if (feed->purpose == FEED_TO_LOOK)
			feed->stage = FEED_LOOKS;
		else
			ask_own(feed, FEED_BEGINS, ESPALIER_BEGIN);
		break;
	case FEED_BEGINS:
		channel_settle(&feed->channel);
		feed->stage = FEED_ROUND;
		feed->announce = true;
		rib_each(&feed->rib, mark_all, NULL);
		break;
	case FEED_COMMITS:
		feed->stage = FEED_IN_STEP;
		break;
	default:
		break;
	}
}

static void
up(struct channel *channel)
{
	struct feed *feed = channel->context;

	interfaces_clear(&feed->interfaces);
	feed->n_flights = 0;
	ask_listing(feed, FEED_LINKS);
}

static void
down(struct channel *channel)
{
	struct feed *feed = channel->context;

	feed->stage = FEED_DOWN;
	feed->n_flights = 0;
	feed->pending_bytes = 0;
	feed->asked = 0;
}

/* Everything again, on a new connection. */
static void
start_over(struct feed *feed, const char *why)
{
	channel_break(&feed->channel, why);
}

/* --- answers --- */

static void
take_row(struct feed *feed, const struct netlink_message *message)
{
	static struct learned_route route;
	struct learned_address address;
	struct learned_link link;
	bool kept = true;

	if (feed->stage == FEED_LINKS && message->type == RTM_NEWLINK) {
		if (learned_read_link(message, &link))
			kept = interfaces_add_link(&feed->interfaces, &link);
	} else if (feed->stage == FEED_ADDRESSES && message->type == RTM_NEWADDR) {
		if (learned_read_address(message, &address))
			kept = interfaces_add_address(&feed->interfaces, &address);
	} else if (feed->stage == FEED_ROUTES && message->type == RTM_NEWROUTE) {
		if (learned_read_route(message, &route))
			feed->learn(feed, &route);
	}
	if (!kept)
		start_over(feed, "there is no memory for Espalier's interfaces");
}

static void
take_asked_status(struct feed *feed, int error, const char *words)
{
	enum feed_stage stage = feed->stage;
	char text[NETLINK_TEXT_BYTES + 64];

	feed->asked = 0;
	if (error == ESTALE) {
		feed->overtaken = true;
		return;
	}
	if (error == 0) {
		step(feed);
		return;
	}
	const char *what = stage == FEED_BEGINS ? "to begin a round"
		: stage == FEED_COMMITS         ? "to end a round"
						: "to list what it has";
	snprintf(text, sizeof(text), "espalier refuses %s: %s", what, words);
	start_over(feed, text);
}

static void
take_message(struct channel *channel, const struct netlink_message *message)
{
	struct feed *feed = channel->context;
	struct netlink_refusal words;

	if (message->type == NLMSG_OVERRUN) {
		start_over(feed, "espalier lost messages to us");
		return;
	}
	if (message->type != NLMSG_ERROR && message->type != NLMSG_DONE) {
		if (feed->asked != 0 && message->sequence == feed->asked)
			take_row(feed, message);
		return;
	}
	int error = netlink_status(message, &words);
	const char *text = words.text[0] != '\0' ? words.text : strerror(error);
	if (feed->asked != 0 && message->sequence == feed->asked)
		take_asked_status(feed, error, text);
	else if (message->sequence == 0)
		start_over(feed, text);
	else
		feed_take_answer(feed, message->sequence, error, text);
	feed_send(feed);
}

static void
room(struct channel *channel)
{
	feed_send(channel->context);
}

static const struct channel_owner channel_owner = {
	.up = up,
	.down = down,
	.message = take_message,
	.room = room,
};

/* --- sending --- */

static void
finish_round(struct feed *feed)
{
	if (feed->stage == FEED_ROUND && feed->whole)
		ask_own(feed, FEED_COMMITS, ESPALIER_COMMIT);
	if (feed->stage == FEED_IN_STEP && feed->whole && feed->announce) {
		feed->announce = false;
		feed_log(feed, "in step");
	}
}

void
feed_send(struct feed *feed)
{
	if (feed->stage != FEED_ROUND && feed->stage != FEED_IN_STEP)
		return;
	if (feed_send_news(feed))
		finish_round(feed);
}

/* --- for the source --- */

int
feed_open(struct feed *feed, struct loop *loop, const char *socket_path)
{
	int error = rib_open(&feed->rib);

	channel_open(&feed->channel, loop, socket_path, &channel_owner, feed);
	return error;
}

void
feed_close(struct feed *feed)
{
	channel_close(&feed->channel);
	interfaces_clear(&feed->interfaces);
	nexthops_close(&feed->nexthops);
	rib_close(&feed->rib);
}

void
feed_whole(struct feed *feed)
{
	feed->whole = true;
}

void
feed_unsure(struct feed *feed)
{
	feed->whole = false;
	feed->announce = true;
}

uint64_t
feed_tend(struct feed *feed, uint64_t now_ns)
{
	uint64_t refusals_ns, channel_ns = channel_tend(&feed->channel, now_ns);
	uint32_t unsaid = ration_tend(&feed->refusals, now_ns, &refusals_ns);

	if (unsaid > 0)
		log_warning("%u more were refused", unsaid);
	feed_send(feed);
	return refusals_ns < channel_ns ? refusals_ns : channel_ns;
}

void
feed_log(const struct feed *feed, const char *what)
{
	static const char *const names[RIB_VERDICTS] = {
		[RIB_OWN] = "Espalier's own",
		[RIB_FOREIGN] = "of other interfaces",
		[RIB_DEFERRED] = "left to another source",
		[RIB_STRANGE] = "of kinds that Espalier has not",
		[RIB_UNKNOWN] = "with unknown nexthop objects",
		[RIB_REFUSED] = "refused",
	};
	char text[400];
	int used = snprintf(text, sizeof(text), "%s: %s, %u routes", what, feed->owner,
		feed->rib.n_verdicts[RIB_CARRIED]);

	for (unsigned i = 0; i < RIB_VERDICTS; i++)
		if (names[i] != NULL && feed->rib.n_verdicts[i] > 0)
			used += snprintf(text + used, sizeof(text) - (size_t)used, "; %u %s",
				feed->rib.n_verdicts[i], names[i]);
	log_info("%s", text);
}
