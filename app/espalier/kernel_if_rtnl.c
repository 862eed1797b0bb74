/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel_if_rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>

#define REQUEST_BYTES 512
#define ANSWER_BYTES 32768 /* at least what the kernel puts into one datagram of a dump */
#define STALE_ADDRESSES_MAX 64
#define LISTINGS_MAX 10

int
rtnl_open(struct rtnl *rtnl)
{
	int on = 1;

	rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (rtnl->socket == NULL)
		return -errno;
	/* So one link's addresses can be asked for; a kernel before 4.20 lists all, each time. */
	(void)mnl_socket_setsockopt(rtnl->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	int error = -errno;
	rtnl_close(rtnl);
	return error;
}

void
rtnl_close(struct rtnl *rtnl)
{
	if (rtnl->socket != NULL)
		mnl_socket_close(rtnl->socket);
	rtnl->socket = NULL;
}

/* Begins a request in `buffer`, with its fixed header behind. */
static struct nlmsghdr *
begin(struct rtnl *rtnl, void *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = ++rtnl->sequence;
	return request;
}

/* Was what is listed changed under our hands? Takes the mark away, at which libmnl would stop, with
 * the rest of the listing left for the next request to find. */
static bool
take_interruption(void *answer, size_t bytes)
{
	bool interrupted = false;
	int left = (int)bytes;

	for (struct nlmsghdr *message = answer; mnl_nlmsg_ok(message, left);
		message = mnl_nlmsg_next(message, &left)) {
		interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		message->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
	return interrupted;
}

/* Sends a request and reads what comes back, until its end. 0 or -errno; -EINTR: a listing that
 * is not one of a single moment, and may lack something. */
static int
call(struct rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t row, void *context)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
	unsigned port = mnl_socket_get_portid(rtnl->socket);
	bool interrupted = false;
	int result;

	/* Both of its bits: one of them is also NLM_F_REPLACE. */
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(rtnl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(rtnl->socket, answer, sizeof(answer));

		if (n < 0)
			return -errno;
		interrupted |= take_interruption(answer, (size_t)n);
		result = mnl_cb_run(answer, (size_t)n, request->nlmsg_seq, port, row, context);
	} while (result > MNL_CB_STOP);
	if (result < 0)
		return -errno;
	return interrupted ? -EINTR : 0;
}

static int
set_link(struct rtnl *rtnl, const struct ifinfomsg *link, const struct rte_ether_addr *mac,
	uint16_t mtu)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	struct nlmsghdr *request = begin(rtnl, buffer, RTM_NEWLINK, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	*header = *link;
	if (mac != NULL)
		mnl_attr_put(request, IFLA_ADDRESS, sizeof(mac->addr_bytes), mac->addr_bytes);
	mnl_attr_put_u32(request, IFLA_MTU, mtu);
	return call(rtnl, request, NULL, NULL);
}

int
rtnl_set_up(struct rtnl *rtnl, uint32_t ifindex, const struct rte_ether_addr *mac, uint16_t mtu)
{
	const struct ifinfomsg up = {
		.ifi_index = (int)ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};

	return set_link(rtnl, &up, mac, mtu);
}

int
rtnl_set_mtu(struct rtnl *rtnl, uint32_t ifindex, uint16_t mtu)
{
	const struct ifinfomsg same = { .ifi_index = (int)ifindex };

	return set_link(rtnl, &same, NULL, mtu);
}

static int
change_address(struct rtnl *rtnl, uint16_t type, uint32_t ifindex, struct prefix prefix)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	struct nlmsghdr *request =
		begin(rtnl, buffer, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	header->ifa_family = AF_INET;
	header->ifa_prefixlen = prefix.bits;
	header->ifa_index = ifindex;
	mnl_attr_put_u32(request, IFA_LOCAL, htonl(prefix.address));
	mnl_attr_put_u32(request, IFA_ADDRESS, htonl(prefix.address));
	return call(rtnl, request, NULL, NULL);
}

/* The addresses of a link that it should not have. */
struct stale {
	uint32_t ifindex;
	const struct prefix *wanted;
	unsigned n_wanted;
	struct prefix found[STALE_ADDRESSES_MAX];
	unsigned n;
};

static int
note_stale(const struct nlmsghdr *row, void *context)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(row);
	struct stale *stale = context;
	struct nlattr *attribute;
	struct prefix prefix = { 0, header->ifa_prefixlen };

	if (header->ifa_family != AF_INET || header->ifa_index != stale->ifindex)
		return MNL_CB_OK;
	mnl_attr_for_each (attribute, row, sizeof(*header))
		if (mnl_attr_get_type(attribute) == IFA_LOCAL &&
			mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
			prefix.address = ntohl(mnl_attr_get_u32(attribute));
	for (unsigned i = 0; i < stale->n_wanted; i++)
		if (stale->wanted[i].address == prefix.address &&
			stale->wanted[i].bits == prefix.bits)
			return MNL_CB_OK;
	if (stale->n < STALE_ADDRESSES_MAX)
		stale->found[stale->n++] = prefix;
	return MNL_CB_OK;
}

static int
list_stale(struct rtnl *rtnl, struct stale *stale)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	struct nlmsghdr *request = begin(rtnl, buffer, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	header->ifa_family = AF_INET;
	header->ifa_index = stale->ifindex;
	stale->n = 0;
	return call(rtnl, request, note_stale, stale);
}

static int
remove_stale(struct rtnl *rtnl, struct stale *stale)
{
	int error = -EINTR;

	for (unsigned i = 0; error == -EINTR && i < LISTINGS_MAX; i++)
		error = list_stale(rtnl, stale);
	/* Others change theirs without a pause; ours are hardly among what that hides. */
	if (error == -EINTR)
		error = 0;
	for (unsigned i = 0; error == 0 && i < stale->n; i++) {
		error = change_address(rtnl, RTM_DELADDR, stale->ifindex, stale->found[i]);
		/* A secondary address goes with its primary. */
		if (error == -EADDRNOTAVAIL)
			error = 0;
	}
	return error;
}

int
rtnl_set_addresses(struct rtnl *rtnl, uint32_t ifindex, const struct prefix addresses[], unsigned n)
{
	struct stale stale = { .ifindex = ifindex, .wanted = addresses, .n_wanted = n };
	int error = remove_stale(rtnl, &stale);

	for (unsigned i = 0; error == 0 && i < n; i++)
		error = change_address(rtnl, RTM_NEWADDR, ifindex, addresses[i]);
	return error;
}

int
rtnl_use_neighbor(struct rtnl *rtnl, uint32_t ifindex, uint32_t address)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_BYTES];
	struct nlmsghdr *request = begin(rtnl, buffer, RTM_NEWNEIGH, NLM_F_CREATE);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));

	header->ndm_family = AF_INET;
	header->ndm_ifindex = (int)ifindex;
	header->ndm_state = NUD_NONE;
	header->ndm_flags = NTF_USE;
	mnl_attr_put_u32(request, NDA_DST, htonl(address));
	return call(rtnl, request, NULL, NULL);
}
