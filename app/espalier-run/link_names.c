/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "carried.h"
#include "next.h"

/*
 * if_nametoindex() and if_indextoname(). The C library asks the kernel for these with an ioctl: the
 * name of a port would get the number of a stranger in the caller's namespace, and a route sent by
 * that number would leave by another port. With the ROUTE family carried, the gateway is asked.
 */

#define ANSWER_BYTES_MAX 8192

struct question {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct rtattr attribute; /* only with a name */
	char name[IFNAMSIZ];
};

/* The field that is asked for is 0 or empty. */
struct port {
	unsigned index;
	char name[IFNAMSIZ];
};

/* False: that is no link. */
static bool
read_answer(struct nlmsghdr *header, size_t bytes, struct port *port)
{
	if (!NLMSG_OK(header, bytes) || header->nlmsg_type != RTM_NEWLINK ||
		header->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return false;
	struct ifinfomsg *link = NLMSG_DATA(header);
	struct rtattr *attribute = IFLA_RTA(link);
	size_t left = IFLA_PAYLOAD(header);

	port->index = (unsigned)link->ifi_index;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		size_t length = RTA_PAYLOAD(attribute);

		if (attribute->rta_type != IFLA_IFNAME || length > sizeof(port->name))
			continue;
		memcpy(port->name, RTA_DATA(attribute), length);
		port->name[sizeof(port->name) - 1] = '\0';
		return true;
	}
	return false;
}

/* Asks for what is missing of it. False: the gateway has no such port, or does not say. */
static bool
ask(struct port *port)
{
	const size_t text = strlen(port->name) + 1;
	struct question question = {
		.header = { .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
		.link = { .ifi_index = (int)port->index },
		.attribute = { .rta_type = IFLA_IFNAME, .rta_len = RTA_LENGTH(text) },
	};
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES_MAX];
	ssize_t bytes = -1;
	int fd = carried_open(SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return false;
	memcpy(question.name, port->name, text);
	question.header.nlmsg_len = port->index == 0 ? offsetof(struct question, name) + text
						     : offsetof(struct question, attribute);
	if (next()->send(fd, &question, question.header.nlmsg_len, MSG_NOSIGNAL) >= 0)
		do
			bytes = next()->recv(fd, answer, sizeof(answer), 0);
		while (bytes < 0 && errno == EINTR);
	close(fd);
	return bytes > 0 && read_answer((struct nlmsghdr *)answer, (size_t)bytes, port);
}

EXPORT unsigned
if_nametoindex(const char *name)
{
	struct port port = { 0 };
	size_t length = strlen(name);
	int error = errno;

	if (!carried_protocol(NETLINK_ROUTE))
		return next()->if_nametoindex(name);
	if (length > 0 && length < sizeof(port.name))
		memcpy(port.name, name, length);
	if (port.name[0] == '\0' || !ask(&port)) {
		errno = ENODEV;
		return 0;
	}
	errno = error;
	return port.index;
}

EXPORT char *
if_indextoname(unsigned index, char name[IFNAMSIZ])
{
	struct port port = { .index = index };
	int error = errno;

	if (!carried_protocol(NETLINK_ROUTE))
		return next()->if_indextoname(index, name);
	if (index == 0 || !ask(&port)) {
		errno = ENXIO;
		return NULL;
	}
	errno = error;
	return memcpy(name, port.name, IFNAMSIZ);
}
