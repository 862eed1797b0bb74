/* SPDX-License-Identifier: BSD-3-Clause */
#include "obey.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xfrm.h>

#include "carrier.h"
#include "order.h"
#include "protocol.h"

void
obey_answer(int fd, int error)
{
	const struct order_answer said = { .error = error };

	send(fd, &said, sizeof(said), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The groups that there are, as a mask of bind() has them: group n is bit n - 1. */
static uint32_t
known_groups(uint32_t family)
{
	return family == ESPALIER_FAMILY_XFRM ? (1u << XFRMNLGRP_MAX) - 1 : UINT32_MAX;
}

/* One group; the descriptor is answered when that is done. */
static void
change_group(struct carrier *carrier, const struct order *order, int answer_fd)
{
	enum request_origin origin = order->verb == ORDER_JOIN ? REQUEST_JOIN : REQUEST_LEAVE;
	bool known = order->value > 0 && order->value < LINK_GROUPS;
	struct request *request = known ? request_group(origin, order->value) : NULL;

	if (request == NULL) {
		obey_answer(answer_fd, known ? ENOMEM : EINVAL);
		close(answer_fd);
		return;
	}
	request->answer_fd = answer_fd;
	request->answer_error = true;
	link_request(&carrier->link, request);
}

/* The groups of bind(); those that the server does not have matter as little as to the kernel. */
static void
join_mask(struct carrier *carrier, uint32_t mask, int answer_fd)
{
	mask &= known_groups(carrier->link.family);
	while (mask != 0) {
		struct request *request =
			request_group(REQUEST_JOIN, (uint32_t)__builtin_ctz(mask) + 1);

		mask &= mask - 1;
		if (request == NULL)
			continue;
		if (mask == 0) {
			request->answer_fd = answer_fd;
			answer_fd = -1;
		}
		link_request(&carrier->link, request);
	}
	if (answer_fd >= 0) {
		obey_answer(answer_fd, 0);
		close(answer_fd);
	}
}

void
obey_order(struct carrier *carrier, const struct order *order, int answer_fd, uint64_t now_ns)
{
	if (order->verb == ORDER_OPEN && carrier->state == CARRIER_KNOCKING) {
		carrier->state = CARRIER_OPENING;
		carrier->due_ns = now_ns + CARRIER_PATIENCE_NS;
	}
	if (answer_fd < 0)
		return;
	if (order->verb == ORDER_JOIN || order->verb == ORDER_LEAVE)
		change_group(carrier, order, answer_fd);
	else if (order->verb == ORDER_MASK)
		join_mask(carrier, order->value, answer_fd);
	else
		close(answer_fd);
}
