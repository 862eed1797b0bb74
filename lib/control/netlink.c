/* SPDX-License-Identifier: BSD-3-Clause */
#include "netlink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/netlink.h>

#include "text.h"

#define ALIGN_BYTES 4u /* NLMSG_ALIGNTO, NLA_ALIGNTO */
#define HEADER_BYTES sizeof(struct nlmsghdr)
#define ATTRIBUTE_HEADER_BYTES sizeof(struct nlattr)

static size_t
align(size_t bytes)
{
	return (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
}

int
netlink_refuse(struct netlink_refusal *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	text_mask(why->text); /* names in it may be a client's */
	return -error;
}

/* Moves past `bytes` and their padding; padding may be missing at the very end. */
static void
skip(struct netlink_span *span, size_t bytes)
{
	size_t padded = align(bytes);

	if (padded > span->bytes)
		padded = span->bytes;
	span->at += padded;
	span->bytes -= padded;
}

bool
netlink_take(struct netlink_span *span, void *to, size_t bytes)
{
	if (span->bytes < bytes)
		return false;
	memcpy(to, span->at, bytes);
	skip(span, bytes);
	return true;
}

bool
netlink_split(struct netlink_span *span, size_t bytes, struct netlink_span *part)
{
	if (span->bytes < bytes)
		return false;
	*part = (struct netlink_span) { .at = span->at, .bytes = bytes };
	skip(span, bytes);
	return true;
}

int
netlink_next_message(
	struct netlink_span *datagram, struct netlink_message *message, struct netlink_refusal *why)
{
	struct nlmsghdr header = { 0 };
	size_t there = datagram->bytes < HEADER_BYTES ? datagram->bytes : HEADER_BYTES;

	if (there == 0)
		return 0;
	memcpy(&header, datagram->at, there);
	*message = (struct netlink_message) {
		.length = header.nlmsg_len,
		.type = header.nlmsg_type,
		.flags = header.nlmsg_flags,
		.sequence = header.nlmsg_seq,
		.pid = header.nlmsg_pid,
	};
	if (there < HEADER_BYTES)
		return netlink_refuse(why, EINVAL,
			"%zu bytes are left of the datagram, a message header has %zu", there,
			HEADER_BYTES);
	if (header.nlmsg_len < HEADER_BYTES)
		return netlink_refuse(why, EINVAL,
			"the message says it is %u bytes long, less than its header of %zu",
			header.nlmsg_len, HEADER_BYTES);
	if (header.nlmsg_len > datagram->bytes)
		return netlink_refuse(why, EINVAL,
			"the message says it is %u bytes long, the datagram holds %zu",
			header.nlmsg_len, datagram->bytes);
	message->body = (struct netlink_span) {
		.at = datagram->at + HEADER_BYTES,
		.bytes = header.nlmsg_len - HEADER_BYTES,
	};
	skip(datagram, header.nlmsg_len);
	return 1;
}

int
netlink_next_attribute(struct netlink_span *attributes, struct netlink_attribute *attribute,
	struct netlink_refusal *why)
{
	struct nlattr header;

	*attribute = (struct netlink_attribute) { 0 };
	if (attributes->bytes == 0)
		return 0;
	if (attributes->bytes < ATTRIBUTE_HEADER_BYTES)
		return netlink_refuse(why, EINVAL,
			"%zu bytes are left of the message, an attribute header has %zu",
			attributes->bytes, ATTRIBUTE_HEADER_BYTES);
	memcpy(&header, attributes->at, ATTRIBUTE_HEADER_BYTES);
	if (header.nla_len < ATTRIBUTE_HEADER_BYTES || header.nla_len > attributes->bytes)
		return netlink_refuse(why, EINVAL,
			"attribute %u says it is %u bytes long, %zu are left of the message",
			header.nla_type & NLA_TYPE_MASK, header.nla_len, attributes->bytes);
	attribute->type = header.nla_type & NLA_TYPE_MASK;
	attribute->data = attributes->at + ATTRIBUTE_HEADER_BYTES;
	attribute->bytes = (uint16_t)(header.nla_len - ATTRIBUTE_HEADER_BYTES);
	skip(attributes, header.nla_len);
	return 1;
}

static int
check(const struct netlink_rule *rule, const struct netlink_attribute *attribute,
	struct netlink_refusal *why)
{
	if (attribute->bytes < rule->min_bytes || attribute->bytes > rule->max_bytes) {
		if (rule->min_bytes == rule->max_bytes)
			return netlink_refuse(why, EINVAL,
				"attribute '%s' has %u bytes, it must have %u", rule->name,
				attribute->bytes, rule->min_bytes);
		return netlink_refuse(why, EINVAL,
			"attribute '%s' has %u bytes, it must have %u to %u", rule->name,
			attribute->bytes, rule->min_bytes, rule->max_bytes);
	}
	if (rule->content == NETLINK_TEXT &&
		memchr(attribute->data, 0, attribute->bytes) !=
			attribute->data + attribute->bytes - 1)
		return netlink_refuse(
			why, EINVAL, "attribute '%s' is no text that ends with a zero", rule->name);
	return 0;
}

int
netlink_parse(struct netlink_span attributes, const struct netlink_rule rules[],
	struct netlink_attribute found[], unsigned n, struct netlink_refusal *why)
{
	struct netlink_attribute attribute;
	int got;

	memset(found, 0, n * sizeof(found[0]));
	while ((got = netlink_next_attribute(&attributes, &attribute, why)) > 0) {
		if (attribute.type >= n || rules[attribute.type].name == NULL)
			return netlink_refuse(
				why, EINVAL, "attribute %u is not known here", attribute.type);
		int error = check(&rules[attribute.type], &attribute, why);
		if (error < 0)
			return error;
		found[attribute.type] = attribute;
	}
	if (got < 0)
		return got;
	for (unsigned type = 0; type < n; type++)
		if (rules[type].required && found[type].data == NULL)
			return netlink_refuse(
				why, EINVAL, "attribute '%s' is missing", rules[type].name);
	return 0;
}

static void
read_value(const struct netlink_attribute *attribute, void *value, size_t bytes)
{
	if (attribute->data != NULL && attribute->bytes >= bytes)
		memcpy(value, attribute->data, bytes);
}

uint8_t
netlink_u8(const struct netlink_attribute *attribute)
{
	uint8_t value = 0;

	read_value(attribute, &value, sizeof(value));
	return value;
}

uint16_t
netlink_u16(const struct netlink_attribute *attribute)
{
	uint16_t value = 0;

	read_value(attribute, &value, sizeof(value));
	return value;
}

uint32_t
netlink_u32(const struct netlink_attribute *attribute)
{
	uint32_t value = 0;

	read_value(attribute, &value, sizeof(value));
	return value;
}

int
netlink_status(const struct netlink_message *message, struct netlink_refusal *words)
{
	static const struct netlink_rule rules[NLMSGERR_ATTR_MSG + 1] = {
		[NLMSGERR_ATTR_MSG] = { "message", NETLINK_TEXT, 1, UINT16_MAX },
	};
	struct netlink_attribute found[ARRAY_LEN(rules)];
	struct netlink_span body = message->body;
	struct netlink_refusal ignored;
	struct nlmsghdr request;
	int32_t error;

	words->text[0] = '\0';
	if (!netlink_take(&body, &error, sizeof(error)))
		return EBADMSG;
	if (message->type == NLMSG_ERROR && !netlink_take(&body, &request, sizeof(request)))
		return EBADMSG;
	if ((message->flags & NLM_F_ACK_TLVS) != 0 &&
		netlink_parse(body, rules, found, ARRAY_LEN(rules), &ignored) == 0 &&
		found[NLMSGERR_ATTR_MSG].data != NULL)
		snprintf(words->text, sizeof(words->text), "%s",
			(const char *)found[NLMSGERR_ATTR_MSG].data);
	return error > 0 || error == INT32_MIN ? EBADMSG : -error;
}

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
	append(writer, NULL, align(writer->draft) - writer->draft);
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
		.nla_len = (uint16_t)(ATTRIBUTE_HEADER_BYTES + bytes),
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
	writer->used += writer->draft;
	writer->draft = 0;
	return 0;
}

int
netlink_commit(struct netlink_writer *writer)
{
	return commit(writer, (uint32_t)align(writer->draft));
}

int
netlink_commit_exact(struct netlink_writer *writer)
{
	return commit(writer, (uint32_t)writer->draft);
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
	uint16_t flags = error == 0 ? NLM_F_CAPPED : NLM_F_CAPPED | NLM_F_ACK_TLVS;

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
	uint16_t flags = error == 0 ? NLM_F_MULTI : NLM_F_MULTI | NLM_F_ACK_TLVS;
	int32_t status = error;

	netlink_begin(writer, NLMSG_DONE, flags, request->sequence, request->pid);
	netlink_put(writer, &status, sizeof(status));
	if (error != 0)
		netlink_put_text(writer, NLMSGERR_ATTR_MSG, why->text);
	return netlink_commit(writer);
}
