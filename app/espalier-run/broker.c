/* SPDX-License-Identifier: BSD-3-Clause */
#include "broker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <utlist.h>

#include "clock.h"
#include "log.h"
#include "protocol.h"

#define CARRIERS_MAX 128
/* How late a thing may be that is due by the clock. */
#define TICK_MS 10

static const uint32_t protocol_family[RENDEZVOUS_FAMILIES] = {
	[RENDEZVOUS_XFRM] = ESPALIER_FAMILY_XFRM,
	[RENDEZVOUS_ROUTE] = ESPALIER_FAMILY_ROUTE,
};

/* --- beginning and end --- */

void
broker_init(struct broker *broker, const struct server *server, unsigned families)
{
	memset(broker, 0, sizeof(*broker));
	broker->server = *server;
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++) {
		broker->rendezvous.doors[i].fd = -1;
		if ((families >> i & 1) == 0)
			continue;
		clerk_open(&broker->clerks[i], broker, protocol_family[i]);
	}
}

int
broker_listen(struct broker *broker)
{
	unsigned families = 0;

	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		families |= (unsigned)clerk_carries(&broker->clerks[i]) << i;
	return rendezvous_open(&broker->rendezvous, families);
}

bool
broker_idle(const struct broker *broker)
{
	return broker->carriers == NULL;
}

void
broker_close(struct broker *broker)
{
	struct carrier *carrier, *after;

	rendezvous_close(&broker->rendezvous);
	DL_FOREACH_SAFE(broker->carriers, carrier, after)
	carrier_destroy(carrier);
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		if (clerk_carries(&broker->clerks[i]))
			link_close(&broker->clerks[i].link);
	ledger_clear(&broker->ledger);
}

/* --- the loop --- */

/* What is waited for, and on whose behalf: a door, a clerk's link, or an end of a carrier. */
struct wait_list {
	struct pollfd fds[1 + 2 * RENDEZVOUS_FAMILIES + 2 * CARRIERS_MAX];
	nfds_t n;
};

static void
await(struct wait_list *list, int fd, short events)
{
	/* poll() passes over -1; a descriptor with no events would still report its hanging up. */
	list->fds[list->n++] = (struct pollfd) {
		.fd = events != 0 ? fd : -1,
		.events = events,
	};
}

static void
fill(struct wait_list *list, const struct broker *broker, int wake_fd)
{
	const struct carrier *carrier;

	list->n = 0;
	await(list, wake_fd, POLLIN);
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++) {
		const struct link *link = &broker->clerks[i].link;
		short events = (short)((broker->clerks[i].waits ? 0 : POLLIN) |
			(link->queue.unsent != NULL ? POLLOUT : 0));

		await(list, broker->rendezvous.doors[i].fd,
			broker->n_carriers < CARRIERS_MAX ? POLLIN : 0);
		await(list, clerk_carries(&broker->clerks[i]) ? link->fd : -1, events);
	}
	DL_FOREACH (broker->carriers, carrier) {
		await(list, carrier->fd, carrier_program_events(carrier));
		await(list, carrier->link.fd, carrier_link_events(carrier));
	}
}

static void
admit(struct broker *broker, unsigned family)
{
	int fd = accept4(
		broker->rendezvous.doors[family].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	struct carrier *carrier =
		carrier_create(fd, &broker->server, protocol_family[family], &broker->ledger);
	if (carrier == NULL)
		return;
	DL_PREPEND(broker->carriers, carrier);
	broker->n_carriers++;
}

static void
serve_link(struct link *link, short events)
{
	if ((events & POLLOUT) != 0)
		link_send(link);
	if ((events & ~POLLOUT) != 0)
		link_receive(link, clock_now_ns());
}

static void
serve_carrier(struct carrier *carrier, short program_events, short link_events)
{
	if ((program_events & POLLOUT) != 0)
		outbox_flush(&carrier->outbox, carrier->fd);
	if ((program_events & ~POLLOUT) != 0)
		carrier_receive(carrier, clock_now_ns());
	serve_link(&carrier->link, link_events);
}

/* In the order of fill(). Carriers are admitted last: nobody asked for their ends yet. */
static void
serve(struct broker *broker, const struct wait_list *list)
{
	const struct pollfd *fds = &list->fds[1];
	const struct pollfd *of_carriers = &fds[2 * RENDEZVOUS_FAMILIES];
	struct carrier *carrier;

	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		if (fds[2 * i + 1].revents != 0)
			serve_link(&broker->clerks[i].link, fds[2 * i + 1].revents);
	DL_FOREACH (broker->carriers, carrier) {
		serve_carrier(carrier, of_carriers[0].revents, of_carriers[1].revents);
		of_carriers += 2;
	}
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		if (fds[2 * i].revents != 0)
			admit(broker, i);
}

/* The clerk of a carrier's family. */
static const struct clerk *
clerk_of(const struct broker *broker, const struct carrier *carrier)
{
	unsigned family = 0;

	while (protocol_family[family] != carrier->link.family)
		family++;
	return &broker->clerks[family];
}

static void
tend(struct broker *broker)
{
	struct carrier *carrier, *after;
	uint64_t time = clock_now_ns();

	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		if (clerk_carries(&broker->clerks[i]))
			clerk_tend(&broker->clerks[i], time);
	DL_FOREACH_SAFE(broker->carriers, carrier, after)
	{
		carrier->link.held = clerk_serves_first(clerk_of(broker, carrier));
		if (carrier_tend(carrier, time))
			continue;
		DL_DELETE(broker->carriers, carrier);
		broker->n_carriers--;
		carrier_destroy(carrier);
	}
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		if (clerk_carries(&broker->clerks[i]))
			clerk_pace(&broker->clerks[i], time);
}

/* Does something happen by the clock alone? */
static bool
restless(const struct broker *broker)
{
	const struct carrier *carrier;

	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++)
		if (clerk_carries(&broker->clerks[i]) &&
			(broker->clerks[i].link.state != LINK_UP || broker->clerks[i].waits))
			return true;
	DL_FOREACH (broker->carriers, carrier)
		if (carrier->state == CARRIER_OPENING || carrier->state == CARRIER_LEFT ||
			carrier->link.state != LINK_UP || carrier_is_full(carrier))
			return true;
	return false;
}

void
broker_turn(struct broker *broker, int wake_fd)
{
	static struct wait_list list;

	fill(&list, broker, wake_fd);
	if (poll(list.fds, list.n, restless(broker) ? TICK_MS : -1) > 0)
		serve(broker, &list);
	tend(broker);
}

int
broker_wait(struct broker *broker, int patience_ms)
{
	const uint64_t begin = clock_now_ns(), end = begin + (uint64_t)patience_ms * MILLISECOND_NS;
	bool said = false;

	tend(broker);
	for (unsigned i = 0; i < RENDEZVOUS_FAMILIES; i++) {
		struct clerk *clerk = &broker->clerks[i];
		const struct link_fault *fault = &clerk->link.fault;

		while (clerk_carries(clerk) && clerk->link.state != LINK_UP) {
			broker_turn(broker, -1);
			if (fault->lasting || clock_now_ns() >= end) {
				log_error("%s",
					fault->error != 0 ? fault->text
							  : "the gateway does not answer");
				return -1;
			}
			if (!said && fault->error != 0 && clock_now_ns() > begin + SECOND_NS) {
				log_info("%s; waiting", fault->text);
				said = true;
			}
		}
	}
	return 0;
}
