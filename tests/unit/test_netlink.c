/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The netlink codec against a stranger, libmnl: what one writes the other reads. And against bytes
 * that lie about their lengths, each read from a buffer of exactly its size, so that a sanitizer
 * sees the first byte too far.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "netlink.h"
#include "socket_path.h"

#define TYPE 0xF0F0

static const struct netlink_rule rules[] = {
	[1] = { "number", NETLINK_BYTES, 4, 4 },
	[2] = { "name", NETLINK_TEXT, 2, 8 },
	[4] = { "blob", NETLINK_BYTES, 0, 64, .required = true },
};

static struct netlink_refusal why;

static struct netlink_span
span(const void *at, size_t bytes)
{
	return (struct netlink_span) { .at = at, .bytes = bytes };
}

/* A copy whose end is the end of its memory; the caller frees it. */
static uint8_t *
exact(const void *bytes, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	return copy;
}

/* Reads a datagram to its end, attributes and their nested attributes included; messages seen. */
static unsigned
walk(struct netlink_span datagram)
{
	struct netlink_attribute found[ARRAY_LEN(rules)];
	struct netlink_message message;
	struct netlink_refusal words;
	unsigned messages = 0;

	while (netlink_next_message(&datagram, &message, &words) > 0) {
		struct netlink_span attributes = message.body;
		struct netlink_attribute attribute;

		messages++;
		netlink_status(&message, &words);
		netlink_parse(message.body, rules, found, ARRAY_LEN(rules), &words);
		while (netlink_next_attribute(&attributes, &attribute, &words) > 0) {
			struct netlink_span inside = span(attribute.data, attribute.bytes);
			struct netlink_attribute nested;

			while (netlink_next_attribute(&inside, &nested, &words) > 0)
				netlink_u32(&nested);
		}
	}
	return messages;
}

/* Two messages with attributes, written by libmnl. */
static size_t
write_sample(void *buffer)
{
	struct nlmsghdr *first = mnl_nlmsg_put_header(buffer);

	first->nlmsg_type = TYPE;
	first->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	first->nlmsg_seq = 7;
	first->nlmsg_pid = 9;
	mnl_attr_put_u32(first, 1, 0xdeadbeef);
	mnl_attr_put_strz(first, 2, "conn1");
	mnl_attr_put(first, 4, 3, "abc");

	struct nlmsghdr *second = mnl_nlmsg_put_header((char *)buffer + first->nlmsg_len);
	second->nlmsg_type = TYPE + 1;
	struct nlattr *nest = mnl_attr_nest_start(second, 4);
	mnl_attr_put_u16(second, 1, 17);
	mnl_attr_put_strz(second, 3, "x");
	mnl_attr_nest_end(second, nest);
	return first->nlmsg_len + second->nlmsg_len;
}

static void
reads_what_libmnl_writes(void **state)
{
	_Alignas(8) char buffer[512];
	struct netlink_span datagram = span(buffer, write_sample(buffer));
	struct netlink_attribute found[ARRAY_LEN(rules)], attribute;
	struct netlink_message message;

	(void)state;
	assert_int_equal(netlink_next_message(&datagram, &message, &why), 1);
	assert_int_equal(message.type, TYPE);
	assert_int_equal(message.flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(message.sequence, 7);
	assert_int_equal(message.pid, 9);
	assert_int_equal(netlink_parse(message.body, rules, found, ARRAY_LEN(rules), &why), 0);
	assert_int_equal(netlink_u32(&found[1]), 0xdeadbeef);
	assert_string_equal((const char *)found[2].data, "conn1");
	assert_int_equal(found[4].bytes, 3);
	assert_memory_equal(found[4].data, "abc", 3);
	assert_null(found[3].data);

	assert_int_equal(netlink_next_message(&datagram, &message, &why), 1);
	assert_int_equal(netlink_next_attribute(&message.body, &attribute, &why), 1);
	assert_int_equal(attribute.type, 4); /* without NLA_F_NESTED */
	struct netlink_span inside = span(attribute.data, attribute.bytes);
	assert_int_equal(netlink_next_attribute(&inside, &attribute, &why), 1);
	assert_int_equal(netlink_u16(&attribute), 17);
	assert_int_equal(netlink_next_attribute(&inside, &attribute, &why), 1);
	assert_int_equal(netlink_next_attribute(&inside, &attribute, &why), 0);
	assert_int_equal(netlink_next_message(&datagram, &message, &why), 0);
}

static void
acks_are_the_kernels(void **state)
{
	_Alignas(8) uint8_t buffer[512];
	struct netlink_message request = { .length = 40, .type = TYPE, .sequence = 3, .pid = 4 };
	struct netlink_message answer;
	struct netlink_refusal words;
	struct netlink_writer writer;

	(void)state;
	netlink_writer_init(&writer, buffer, sizeof(buffer));
	int error = netlink_refuse(&why, ENOENT, "there is no tunnel '%s'", "x");
	assert_int_equal(netlink_write_ack(&writer, &request, error, &why), 0);
	size_t refusal_bytes = writer.used;
	assert_int_equal(netlink_write_ack(&writer, &request, 0, &why), 0);

	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	const struct nlmsgerr *body = mnl_nlmsg_get_payload(header);
	assert_int_equal(header->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(header->nlmsg_flags, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	assert_int_equal(body->error, -ENOENT);
	assert_int_equal(body->msg.nlmsg_len, 40);
	assert_int_equal(body->msg.nlmsg_seq, 3);
	const struct nlattr *text = mnl_nlmsg_get_payload_offset(header, sizeof(*body));
	assert_int_equal(mnl_attr_get_type(text), NLMSGERR_ATTR_MSG);
	assert_string_equal(mnl_attr_get_str(text), "there is no tunnel 'x'");

	struct netlink_span datagram = span(buffer, writer.used);
	assert_int_equal(netlink_next_message(&datagram, &answer, &why), 1);
	assert_int_equal(netlink_status(&answer, &words), ENOENT);
	assert_string_equal(words.text, "there is no tunnel 'x'");
	assert_int_equal(netlink_next_message(&datagram, &answer, &why), 1);
	assert_int_equal(answer.flags, NLM_F_CAPPED);
	assert_int_equal(netlink_status(&answer, &words), 0);
	assert_int_equal(writer.used - refusal_bytes, 36); /* as the kernel's */
}

static void
messages_that_lie_are_refused(void **state)
{
	static const struct {
		uint32_t says;
		size_t is;
		const char *words;
	} table[] = {
		{ 16, 1, "1 bytes are left" },
		{ 16, 15, "15 bytes are left" },
		{ 15, 16, "less than its header" },
		{ 0, 64, "less than its header" },
		{ 17, 16, "the datagram holds 16" },
		{ UINT32_MAX, 64, "the datagram holds 64" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		struct nlmsghdr header = { .nlmsg_len = table[i].says, .nlmsg_seq = 77 };
		uint8_t bytes[64] = { 0 };
		struct netlink_message message;

		memcpy(bytes, &header, sizeof(header));
		uint8_t *copy = exact(bytes, table[i].is);
		struct netlink_span datagram = span(copy, table[i].is);
		assert_int_equal(netlink_next_message(&datagram, &message, &why), -EINVAL);
		assert_non_null(strstr(why.text, table[i].words));
		if (table[i].is >= sizeof(header))
			assert_int_equal(message.sequence, 77); /* so the refusal finds its way */
		free(copy);
	}
}

static void
expect_refused(const void *attributes, size_t bytes, const char *words)
{
	struct netlink_attribute found[ARRAY_LEN(rules)];
	uint8_t *copy = exact(attributes, bytes);

	assert_int_equal(
		netlink_parse(span(copy, bytes), rules, found, ARRAY_LEN(rules), &why), -EINVAL);
	if (strstr(why.text, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, why.text);
	free(copy);
}

static void
attributes_that_lie_are_refused(void **state)
{
	static const uint8_t blob[] = { 4, 0, 4, 0 };

	(void)state;
	expect_refused("", 0, "'blob' is missing");
	expect_refused("\4\0\4", 3, "3 bytes are left");
	expect_refused("\3\0\4\0", 4, "3 bytes long, 4 are left");
	expect_refused("\5\0\4\0", 4, "5 bytes long, 4 are left");
	expect_refused("\4\0\3\0", 4, "attribute 3 is not known");
	expect_refused("\4\0\377\77", 4, "attribute 16383 is not known");
	expect_refused("\7\0\1\0abc\0", 8, "'number' has 3 bytes, it must have 4");
	expect_refused("\11\0\1\0abcde\0\0\0", 12, "'number' has 5 bytes, it must have 4");
	expect_refused("\5\0\2\0\0\0\0\0", 8, "'name' has 1 bytes, it must have 2 to 8");
	expect_refused("\6\0\2\0ab\0\0", 8, "'name' is no text");
	expect_refused("\7\0\2\0a\0\0\0", 8, "'name' is no text");

	struct netlink_attribute found[ARRAY_LEN(rules)];
	assert_int_equal(netlink_parse(span(blob, 4), rules, found, ARRAY_LEN(rules), &why), 0);
	assert_non_null(found[4].data);
	assert_int_equal(found[4].bytes, 0);
}

/* A nest whose inside says it is longer than the nest. */
static void
nested_lengths_stay_inside(void **state)
{
	static const uint8_t bytes[] = { 8, 0, 4, 0x80, 12, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct netlink_span attributes = span(bytes, sizeof(bytes));
	struct netlink_attribute nest, nested;

	(void)state;
	assert_int_equal(netlink_next_attribute(&attributes, &nest, &why), 1);
	struct netlink_span inside = span(nest.data, nest.bytes);
	assert_int_equal(netlink_next_attribute(&inside, &nested, &why), -EINVAL);
	assert_null(nested.data);
}

/* Each length of a buffer that is too short: the message that does not fit leaves no trace. */
static void
writing_stays_inside(void **state)
{
	(void)state;
	for (size_t room = 0; room <= 64; room++) {
		uint8_t *buffer = exact("0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
					"abcdef0123456789abcdef",
			room);
		struct netlink_writer writer;

		netlink_writer_init(&writer, buffer, room);
		netlink_begin(&writer, TYPE, 0, 1, 2);
		netlink_put_u32(&writer, 1, 3);
		bool first = netlink_commit(&writer) == 0;
		assert_int_equal(first, room >= 24);
		assert_int_equal(writer.used, first ? 24 : 0);
		netlink_begin(&writer, TYPE, 0, 1, 2);
		netlink_put_text(&writer, 2, "conn1");
		bool second = netlink_commit(&writer) == 0;
		assert_int_equal(second, room >= (first ? 24 : 0) + 28);
		assert_int_equal(writer.used, (first ? 24 : 0) + (second ? 28 : 0));
		free(buffer);
	}
}

static uint32_t
draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void
survives_mutations(void **state)
{
	_Alignas(8) uint8_t sample[512];
	size_t bytes = write_sample(sample);
	uint32_t seed = 1;
	unsigned whole = 0;

	(void)state;
	assert_int_equal(walk(span(sample, bytes)), 2);
	for (unsigned round = 0; round < 20000; round++) {
		size_t length = draw(&seed) % 4 == 0 ? draw(&seed) % (bytes + 1) : bytes;
		uint8_t *copy = exact(sample, length);

		for (unsigned flips = draw(&seed) % 6; length > 0 && flips > 0; flips--)
			copy[draw(&seed) % length] ^= (uint8_t)draw(&seed);
		whole += walk(span(copy, length)) == 2;
		free(copy);
	}
	/* Some mutations hurt nothing, most do: the walk was neither idle nor fooled. */
	assert_in_range(whole, 1000, 19000);
}

static void
read_only_sockets_have_names(void **state)
{
	static const struct {
		const char *path;
		const char *ro;
	} table[] = {
		{ "/run/espalier/control.sock", "/run/espalier/control-ro.sock" },
		{ "control.sock", "control-ro.sock" },
		{ "/run/my.dir/control", "/run/my.dir/control-ro" },
		{ "/run/a.b.c", "/run/a.b-ro.c" },
		{ "/run/.hidden", "/run/.hidden-ro" },
	};
	char ro[30];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		assert_true(socket_path_ro(table[i].path, ro, sizeof(ro)));
		assert_string_equal(ro, table[i].ro);
	}
	assert_false(socket_path_ro("/run/espalier/control1.sock", ro, sizeof(ro)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_libmnl_writes),
		cmocka_unit_test(acks_are_the_kernels),
		cmocka_unit_test(messages_that_lie_are_refused),
		cmocka_unit_test(attributes_that_lie_are_refused),
		cmocka_unit_test(nested_lengths_stay_inside),
		cmocka_unit_test(writing_stays_inside),
		cmocka_unit_test(survives_mutations),
		cmocka_unit_test(read_only_sockets_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
