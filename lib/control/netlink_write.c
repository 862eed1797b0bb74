/* SPDX-License-Identifier: BSD-3-Clause */

/* Messages of the control socket put together. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "netlink.h"

void
netlink_writer_init(struct netlink_writer *writer, void *buffer, size_t room)
{
	*writer = (struct netlink_writer) { .buffer = buffer, .room = room };
}

/* Appends to the draft; NULL data are zeroes. */
static void
append(struct netlink_writer *writer, const void *data, size_t bytes)
{
	if (bytes > writer->room - writer->used - writer->draft)
		writer->full = true;
	if (writer->full || bytes == 0)
		return;
	uint8_t *to = writer->buffer + writer->used + writer->draft;
	if (data != NULL)
		memcpy(to, data, bytes);
	else
		memset(to, 0, bytes);
	writer->draft += bytes;
}

static void
pad(struct netlink_writer *writer)
{
	append(writer, NULL, NLMSG_ALIGN(writer->draft) - writer->draft);
}

void
netlink_begin(struct netlink_writer *writer, uint16_t type, uint16_t flags, uint32_t sequence,
	uint32_t pid)
{
	struct nlmsghdr header = {
		.nlmsg_type = type,
		.nlmsg_flags = flags,
		.nlmsg_seq = sequence,
		.nlmsg_pid = pid,
	};

	writer->draft = 0;
	writer->full = false;
	append(writer, &header, sizeof(header));
}

void
netlink_put(struct netlink_writer *writer, const void *data, size_t bytes)
{
	pad(writer);
	append(writer, data, bytes);
}

void
netlink_put_attribute(
	struct netlink_writer *writer, uint16_t type, const void *data, uint16_t bytes)
{
	struct nlattr header = {
		.nla_len = (uint16_t)(sizeof(header) + bytes),
		.nla_type = type,
	};

	if (header.nla_len < bytes) /* wrapped: no attribute is that long */
		writer->full = true;
	pad(writer);
	append(writer, &header, sizeof(header));
	append(writer, data, bytes);
	pad(writer); /* belongs to the message, as in the kernel's: iproute2 complains without it */
}

void
netlink_put_u8(struct netlink_writer *writer, uint16_t type, uint8_t value)
{
	netlink_put_attribute(writer, type, &value, sizeof(value));
}

void
netlink_put_u16(struct netlink_writer *writer, uint16_t type, uint16_t value)
{
	netlink_put_attribute(writer, type, &value, sizeof(value));
}

void
netlink_put_u32(struct netlink_writer *writer, uint16_t type, uint32_t value)
{
	netlink_put_attribute(writer, type, &value, sizeof(value));
}

void
netlink_put_text(struct netlink_writer *writer, uint16_t type, const char *text)
{
	size_t bytes = strlen(text) + 1;

	if (bytes > UINT16_MAX)
		writer->full = true;
	else
		netlink_put_attribute(writer, type, text, (uint16_t)bytes);
}

size_t
netlink_nest_begin(struct netlink_writer *writer, uint16_t type)
{
	pad(writer);
	size_t nest = writer->draft;
	netlink_put_attribute(writer, type, NULL, 0);
	return nest;
}

void
netlink_nest_end(struct netlink_writer *writer, size_t nest)
{
	/* With the padding of what lies in it, or iproute2 finds too little. */
	uint16_t length = (uint16_t)(writer->draft - nest);

	if (length != writer->draft - nest)
		writer->full = true;
	if (!writer->full)
		memcpy(writer->buffer + writer->used + nest + offsetof(struct nlattr, nla_len),
			&length, sizeof(length));
}

void
netlink_put_hop(struct netlink_writer *writer, uint32_t ifindex, uint32_t weight, uint32_t gateway)
{
	struct rtnexthop header = {
		.rtnh_len = sizeof(header),
		.rtnh_hops = weight > UINT8_MAX ? UINT8_MAX : (uint8_t)(weight - 1),
		.rtnh_ifindex = (int)ifindex,
	};

	if (gateway != 0)
		header.rtnh_len += sizeof(struct nlattr) + sizeof(gateway);
	netlink_put(writer, &header, sizeof(header));
	if (gateway != 0)
		netlink_put_u32(writer, RTA_GATEWAY, htonl(gateway));
}

/* Ends a message of `length` bytes, and aligns the next one. */
static int
commit(struct netlink_writer *writer, uint32_t length)
{
	pad(writer);
	if (writer->full) {
		/* There may be keys in what was taken back. */
		explicit_bzero(writer->buffer + writer->used, writer->draft);
		writer->draft = 0;
		return -EMSGSIZE;
	}
	memcpy(writer->buffer + writer->used + offsetof(struct nlmsghdr, nlmsg_len), &length,
		sizeof(length));
	writer->last = writer->used;
	writer->used += writer->draft;
	writer->draft = 0;
	return 0;
}

int
netlink_commit(struct netlink_writer *writer)
{
	return commit(writer, (uint32_t)NLMSG_ALIGN(writer->draft));
}

int
netlink_commit_exact(struct netlink_writer *writer)
{
	return commit(writer, (uint32_t)writer->draft);
}

void
netlink_add_flags(struct netlink_writer *writer, uint16_t flags)
{
	uint8_t *at = writer->buffer + writer->last + offsetof(struct nlmsghdr, nlmsg_flags);
	uint16_t before;

	memcpy(&before, at, sizeof(before));
	flags |= before;
	memcpy(at, &flags, sizeof(flags));
}

int
netlink_write_ack(struct netlink_writer *writer, const struct netlink_message *request, int error,
	const struct netlink_refusal *why)
{
	/* As the kernel does with NETLINK_CAP_ACK: the request's header alone comes back, because
	 * charon reads into 4096 bytes. */
	struct nlmsgerr body = {
		.error = error,
		.msg = {
			.nlmsg_len = request->length,
			.nlmsg_type = request->type,
			.nlmsg_flags = request->flags,
			.nlmsg_seq = request->sequence,
			.nlmsg_pid = request->pid,
		},
	};
	uint16_t flags = NLM_F_CAPPED;

	if (error != 0)
		flags |= NLM_F_ACK_TLVS;
	netlink_begin(writer, NLMSG_ERROR, flags, request->sequence, request->pid);
	netlink_put(writer, &body, sizeof(body));
	if (error != 0)
		netlink_put_text(writer, NLMSGERR_ATTR_MSG, why->text);
	return netlink_commit(writer);
}

int
netlink_write_done(struct netlink_writer *writer, const struct netlink_message *request, int error,
	const struct netlink_refusal *why)
{
	uint16_t flags = NLM_F_MULTI;
	int32_t status = error;

	if (error != 0)
		flags |= NLM_F_ACK_TLVS;
	netlink_begin(writer, NLMSG_DONE, flags, request->sequence, request->pid);
	netlink_put(writer, &status, sizeof(status));
	if (error != 0)
		netlink_put_text(writer, NLMSGERR_ATTR_MSG, why->text);
	return netlink_commit(writer);
}
