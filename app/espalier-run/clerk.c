/* SPDX-License-Identifier: BSD-3-Clause */
#include "clerk.h"

#include <errno.h>
#include <string.h>

#include <linux/xfrm.h>
#include <utlist.h>

#include "broker.h"
#include "clock.h"
#include "log.h"
#include "protocol.h"

/* How long others wait for a program that does not take what it is told of lost SAs. */
#define SLOW_NS (30 * SECOND_NS)

static struct clerk *
of_link(struct link *link)
{
	return (struct clerk *)link;
}

static void
went_down(struct link *link)
{
	struct clerk *clerk = of_link(link);

	log_warning("lost the gateway at %s; requests wait until it is back", link->server->path);
	clerk->lost = true;
	clerk->restores = 0;
	clerk->checks = 0;
	clerk->missing = 0;
}

/* Queues a request of our own; its writer holds the message. */
static void
ask(struct clerk *clerk, enum request_origin origin, const struct netlink_writer *writer)
{
	struct request *request = request_create(origin, writer->buffer, writer->used);

	if (request == NULL)
		return;
	clerk->restores += origin == REQUEST_RESTORE;
	clerk->checks += origin == REQUEST_CHECK;
	queue_append(&clerk->link.queue, request);
}

/* The link sends what is queued here when it has come up. */
static void
restore(struct clerk *clerk)
{
	const struct ledger *ledger = &clerk->broker->ledger;
	const struct standing_policy *policy = NULL;
	const struct ledger_entry *entry = NULL;
	static _Alignas(4) uint8_t buffer[65536];
	struct netlink_writer writer;

	while ((policy = standing_next(&ledger->standing, policy)) != NULL) {
		netlink_writer_init(&writer, buffer, sizeof(buffer));
		if (standing_write(policy, &writer) == 0)
			ask(clerk, REQUEST_RESTORE, &writer);
	}
	while ((entry = ledger_next(ledger, entry)) != NULL) {
		netlink_writer_init(&writer, buffer, sizeof(buffer));
		if (ledger_write_check(entry, &writer) == 0)
			ask(clerk, REQUEST_CHECK, &writer);
	}
}

static void
came_up(struct link *link)
{
	struct clerk *clerk = of_link(link);

	if (!clerk->lost)
		return;
	clerk->lost = false;
	clerk->complained = false;
	log_info("the gateway at %s is back", link->server->path);
	if (link->family == ESPALIER_FAMILY_XFRM)
		restore(clerk);
}

static bool
hears_of_lost(const struct carrier *carrier)
{
	return carrier->link.family == ESPALIER_FAMILY_XFRM &&
		(carrier->link.groups >> XFRMNLGRP_EXPIRE & 1) != 0;
}

/* To every program that listens for it. */
static void
announce_lost(struct broker *broker, const struct request *check)
{
	const struct netlink_message message = request_message(check);
	_Alignas(4) uint8_t buffer[512];
	struct netlink_writer writer;
	struct carrier *carrier;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	if (ledger_write_expire(&broker->ledger, &message, &writer) < 0)
		return;
	DL_FOREACH (broker->carriers, carrier)
		if (hears_of_lost(carrier))
			carrier_deliver(carrier, buffer, writer.used);
}

static void
checked(struct link *link, const struct request *request, int error)
{
	struct clerk *clerk = of_link(link);

	clerk->restores -= request->origin == REQUEST_RESTORE;
	if (request->origin == REQUEST_RESTORE && error != 0)
		log_error("a standing policy was lost and cannot be installed again: %s",
			strerror(error));
	if (request->origin != REQUEST_CHECK)
		return;
	if (error == ESRCH) {
		clerk->missing++;
		announce_lost(clerk->broker, request);
	}
	if (--clerk->checks == 0 && clerk->missing > 0)
		log_warning("it came back without %u of our SAs; programs are told that they "
			    "expired",
			clerk->missing);
}

/* It has no program behind it. */
static void
ignore(struct link *link, const void *datagram, size_t bytes)
{
	(void)link;
	(void)datagram;
	(void)bytes;
}

static const struct link_owner owner = {
	.up = came_up,
	.down = went_down,
	.deliver = ignore,
	.ended = checked,
};

void
clerk_open(struct clerk *clerk, struct broker *broker, uint32_t family)
{
	clerk->broker = broker;
	link_open(&clerk->link, &broker->server, family, &owner);
}

void
clerk_tend(struct clerk *clerk, uint64_t now_ns)
{
	const struct link_fault *fault = &clerk->link.fault;

	link_tend(&clerk->link, now_ns);
	/* During an outage something may be in the way that the operator must know of. */
	if (!clerk->lost || clerk->complained || !fault->lasting)
		return;
	log_error("%s", fault->text);
	clerk->complained = true;
}

bool
clerk_serves_first(const struct clerk *clerk)
{
	return clerk->lost || clerk->restores > 0;
}

void
clerk_pace(struct clerk *clerk, uint64_t now_ns)
{
	const struct carrier *carrier;
	bool slow = false;

	DL_FOREACH (clerk->broker->carriers, carrier)
		slow |= hears_of_lost(carrier) && carrier_is_slow(carrier);
	if (!slow)
		clerk->slow_ns = 0;
	else if (clerk->slow_ns == 0)
		clerk->slow_ns = now_ns;
	clerk->waits = slow && clerk->restores == 0 && clerk->checks > 0 &&
		now_ns - clerk->slow_ns < SLOW_NS;
}
