/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "clock.h"
#include "compiler.h"
#include "log.h"

#define DATAGRAM_BYTES 65536 /* more than the kernel puts into one */
#define DATAGRAMS_PER_TURN 64
/* What happens at once is found by one listing, and listings take a quarter of the time at most. */
#define GATHER_NS (20 * MILLISECOND_NS)
#define LISTING_SHARE 3

/* --- asking --- */

/* 0, or -errno and said. */
static int
ask(struct kernel *kernel, uint16_t type, const void *header, size_t bytes)
{
	_Alignas(4) uint8_t buffer[64];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, type, NLM_F_REQUEST | NLM_F_DUMP, ++kernel->sequence, 0);
	netlink_put(&writer, header, bytes);
	netlink_commit(&writer);
	if (send(kernel->watcher.fd, buffer, writer.used, 0) >= 0)
		return 0;
	int error = -errno;
	log_error("the kernel cannot be asked for its routes: %s", strerror(-error));
	return error;
}

static void
list_again_after(struct kernel *kernel, uint64_t pause_ns)
{
	uint64_t due_ns = clock_now_ns() + pause_ns;

	if (due_ns < kernel->earliest_ns)
		due_ns = kernel->earliest_ns;
	if (kernel->again_ns > due_ns)
		kernel->again_ns = due_ns;
}

/* Routes may be missing, or there too long. */
static void
fail(struct kernel *kernel)
{
	feed_unsure(kernel->feed);
	list_again_after(kernel, SECOND_NS);
}

/* The listing does not come about, or not to its end. */
static void
give_up(struct kernel *kernel)
{
	kernel->stage = KERNEL_FOLLOWS;
	rib_round_abandon(&kernel->feed->rib);
	fail(kernel);
}

static void
list_nexthops(struct kernel *kernel)
{
	const struct nhmsg header = { .nh_family = AF_UNSPEC };

	rib_round_begin(&kernel->feed->rib);
	nexthops_round_begin(&kernel->feed->nexthops);
	kernel->stage = KERNEL_NEXTHOPS;
	kernel->interrupted = false;
	kernel->again_ns = NEVER_NS;
	kernel->started_ns = clock_now_ns();
	if (ask(kernel, RTM_GETNEXTHOP, &header, sizeof(header)) < 0)
		give_up(kernel);
}

static void
list_routes(struct kernel *kernel)
{
	const struct rtmsg header = { .rtm_family = AF_INET };

	kernel->stage = KERNEL_ROUTES;
	if (ask(kernel, RTM_GETROUTE, &header, sizeof(header)) < 0)
		give_up(kernel);
}

/* The listing is through. */
static void
finish(struct kernel *kernel)
{
	uint64_t now_ns = clock_now_ns();

	kernel->stage = KERNEL_FOLLOWS;
	kernel->earliest_ns = now_ns + LISTING_SHARE * (now_ns - kernel->started_ns);
	if (kernel->interrupted) {
		/* What it did not say may be there all the same. */
		rib_round_abandon(&kernel->feed->rib);
		list_again_after(kernel, GATHER_NS);
		return;
	}
	nexthops_round_end(&kernel->feed->nexthops);
	rib_round_end(&kernel->feed->rib);
	if (kernel->again_ns == NEVER_NS) {
		kernel->lost_some = false;
		feed_whole(kernel->feed);
	}
}

/* --- what it says --- */

static enum rib_saying
saying(const struct kernel *kernel, const struct netlink_message *message)
{
	if (kernel->stage == KERNEL_ROUTES && message->sequence == kernel->sequence &&
		(message->flags & NLM_F_MULTI) != 0)
		return RIB_LISTED;
	if ((message->flags & NLM_F_REPLACE) != 0)
		return RIB_REPLACED;
	return (message->flags & NLM_F_APPEND) != 0 ? RIB_APPENDED : RIB_ADDED;
}

static void
take_route(struct kernel *kernel, const struct netlink_message *message)
{
	static struct learned_route route;

	if (!learned_read_route(message, &route) || route.table != kernel->table || route.cached)
		return;
	if (message->type == RTM_DELROUTE)
		rib_remove(&kernel->feed->rib, &route);
	else if (!rib_set(&kernel->feed->rib, &route, saying(kernel, message)))
		fail(kernel);
}

static void
take_nexthop(struct kernel *kernel, const struct netlink_message *message)
{
	static struct learned_nexthop nexthop;

	if (!learned_read_nexthop(message, &nexthop))
		return;
	if (message->type == RTM_DELNEXTHOP) {
		/* Routes that named it have gone, without a word. */
		nexthops_remove(&kernel->feed->nexthops, nexthop.id);
		list_again_after(kernel, GATHER_NS);
	} else if (!nexthops_set(&kernel->feed->nexthops, &nexthop)) {
		fail(kernel);
	}
}

static void
take_link(struct kernel *kernel, const struct netlink_message *message)
{
	struct learned_link link;

	/* Routes go, and ways of others die, without a word, when an interface is set down; and
	 * ways live again when it is set up. A carrier that comes or goes does neither. */
	if (message->type == RTM_DELLINK || (learned_read_link(message, &link) && link.up_changed))
		list_again_after(kernel, GATHER_NS);
}

/* The end of a listing, or its refusal. */
static void
take_end(struct kernel *kernel, const struct netlink_message *message)
{
	struct netlink_refusal words;
	int error = netlink_status(message, &words);

	if (message->sequence != kernel->sequence || kernel->stage == KERNEL_FOLLOWS)
		return;
	/* It begins as soon as we have read what fills our buffer. */
	if (error == ENOBUFS && message->type == NLMSG_ERROR)
		return;
	/* A kernel before 5.3 has no nexthop objects, and no such message. */
	if (error != 0 && (kernel->stage == KERNEL_ROUTES || error != EOPNOTSUPP)) {
		log_error("the kernel does not list its %s: %s",
			kernel->stage == KERNEL_ROUTES ? "routes" : "nexthop objects",
			strerror(error));
		give_up(kernel);
	} else if (kernel->stage == KERNEL_NEXTHOPS) {
		list_routes(kernel);
	} else {
		finish(kernel);
	}
}

static void
take_message(struct kernel *kernel, const struct netlink_message *message)
{
	if ((message->flags & NLM_F_DUMP_INTR) != 0 && message->sequence == kernel->sequence)
		kernel->interrupted = true;
	switch (message->type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		take_route(kernel, message);
		break;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		take_nexthop(kernel, message);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		take_link(kernel, message);
		break;
	case RTM_DELADDR: /* routes that prefer it as their source go without a word */
		list_again_after(kernel, GATHER_NS);
		break;
	case NLMSG_ERROR:
	case NLMSG_DONE:
		take_end(kernel, message);
		break;
	default:
		break;
	}
}

/* --- reading --- */

static void
lost_some(struct kernel *kernel)
{
	if (!kernel->lost_some)
		log_info("the kernel told more than there was room for; listing its routes again");
	kernel->lost_some = true;
	feed_unsure(kernel->feed);
	list_again_after(kernel, GATHER_NS);
}

/* One datagram. False: there was none. */
static bool
receive(struct kernel *kernel)
{
	static _Alignas(4) uint8_t datagram[DATAGRAM_BYTES];
	struct sockaddr_nl sender = { 0 };
	struct iovec room = { datagram, sizeof(datagram) };
	struct msghdr header = {
		.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &room,
		.msg_iovlen = 1,
	};
	struct netlink_message message;
	struct netlink_refusal ignored;
	ssize_t bytes = recvmsg(kernel->watcher.fd, &header, 0);

	if (bytes < 0 && errno == ENOBUFS)
		lost_some(kernel);
	if (bytes < 0)
		return errno == ENOBUFS || errno == EINTR;
	if (sender.nl_pid != 0)
		return true; /* not the kernel */
	if ((header.msg_flags & MSG_TRUNC) != 0)
		lost_some(kernel);
	struct netlink_span span = { datagram, (size_t)bytes };
	while (netlink_next_message(&span, &message, &ignored) > 0)
		take_message(kernel, &message);
	return true;
}

static void
ready(struct watcher *watcher, uint32_t events)
{
	struct kernel *kernel = watcher->owner;

	(void)events;
	for (unsigned i = 0; i < DATAGRAMS_PER_TURN && receive(kernel); i++)
		;
}

/* --- life --- */

static int
open_socket(int receive_bytes)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_NEXTHOP };
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	/* Without CAP_NET_ADMIN it is smaller; then there is more to list again. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	bool good = bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0;
	for (unsigned i = 0; good && i < ARRAY_LEN(groups); i++)
		good = setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) == 0 ||
			groups[i] == RTNLGRP_NEXTHOP; /* a kernel before 5.3 has none */
	if (good)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

int
kernel_open(struct kernel *kernel, struct loop *loop, struct feed *feed, uint32_t table,
	int receive_bytes)
{
	*kernel = (struct kernel) {
		.feed = feed,
		.table = table,
		.watcher = { .fd = open_socket(receive_bytes), .ready = ready, .owner = kernel },
	};
	int error = kernel->watcher.fd;
	if (error >= 0)
		error = loop_watch(loop, &kernel->watcher, EPOLLIN);
	if (error < 0) {
		log_error("the kernel's routes cannot be watched: %s", strerror(-error));
		return error;
	}
	list_nexthops(kernel);
	return 0;
}

void
kernel_close(struct kernel *kernel, struct loop *loop)
{
	loop_forget(loop, &kernel->watcher);
}

uint64_t
kernel_tend(struct kernel *kernel, uint64_t now_ns)
{
	/* A listing that runs is not disturbed: the kernel has one at a time for us. */
	if (kernel->stage != KERNEL_FOLLOWS)
		return NEVER_NS;
	if (now_ns >= kernel->again_ns)
		list_nexthops(kernel);
	return kernel->again_ns;
}
