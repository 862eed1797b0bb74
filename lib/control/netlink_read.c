/* SPDX-License-Identifier: BSD-3-Clause */

/* Messages of the control socket taken apart. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/netlink.h>

#include "netlink.h"
#include "text.h"

#define HEADER_BYTES sizeof(struct nlmsghdr)
#define ATTRIBUTE_HEADER_BYTES sizeof(struct nlattr)

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
	size_t padded = NLMSG_ALIGN(bytes);

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
