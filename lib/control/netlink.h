/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/*
 * The netlink codec, which alone knows how messages of the control socket lie in bytes. Reading
 * (netlink_read.c) never casts and never leaves the bytes it was given; writing (netlink_write.c)
 * never leaves its buffer. Knows no DPDK and no
 * socket, so the server, its clients and the fuzzer share it. Any thread.
 */

/* --- refusals --- */

#define NETLINK_TEXT_BYTES 160

/* Why a request is refused, in words, for the extended ack. */
struct netlink_refusal {
	char text[NETLINK_TEXT_BYTES];
};

/* Writes the words, fit to be shown (see text.h), and returns -error, so that a check is one
 * `return`. */
int
netlink_refuse(struct netlink_refusal *why, int error, const char *format, ...) PRINTF_LIKE(3, 4);

/* --- reading --- */

/* What is left of received bytes. */
struct netlink_span {
	const uint8_t *at;
	size_t bytes;
};

/* A message: its header taken apart, its body still bytes of the datagram. */
struct netlink_message {
	uint32_t length;
	uint16_t type;
	uint16_t flags;
	uint32_t sequence;
	uint32_t pid;
	struct netlink_span body;
};

struct netlink_attribute {
	uint16_t type;       /* without the flag bits */
	const uint8_t *data; /* NULL: absent */
	uint16_t bytes;
};

/*
 * Takes the next message off a datagram. 1: got one; 0: none left; -EINVAL: what is left is no
 * message, said in `why`; then `message` holds as much of the header as there was, zeroes for the
 * rest, and nothing behind it can be trusted.
 */
int netlink_next_message(struct netlink_span *datagram, struct netlink_message *message,
	struct netlink_refusal *why);

/* The same for attributes; nested ones are read from the span of the attribute's data. */
int netlink_next_attribute(struct netlink_span *attributes, struct netlink_attribute *attribute,
	struct netlink_refusal *why);

enum netlink_content {
	NETLINK_BYTES, /* min_bytes .. max_bytes of anything */
	NETLINK_TEXT,  /* ends with its only zero; lengths include the zero */
};

/* What an attribute must look like; a table of these is indexed by attribute type. A row without a
 * name is an attribute nobody knows. */
struct netlink_rule {
	const char *name; /* as refusals call it */
	enum netlink_content content;
	uint16_t min_bytes;
	uint16_t max_bytes;
	bool required;
};

/*
 * Reads all attributes into `found`, indexed by type; the last of equal ones counts, as in the
 * kernel. Both tables have `n` rows. 0, or -EINVAL with the attribute's name in `why`.
 */
int netlink_parse(struct netlink_span attributes, const struct netlink_rule rules[],
	struct netlink_attribute found[], unsigned n, struct netlink_refusal *why);

/* Copies the fixed part at the front of a body; false, and nothing moves, when it is shorter. */
bool netlink_take(struct netlink_span *span, void *to, size_t bytes);

/* Takes the first `bytes` and their padding off as a span of its own; false, and nothing moves,
 * when there are fewer. */
bool netlink_split(struct netlink_span *span, size_t bytes, struct netlink_span *part);

/* Values of attributes whose length a rule has checked; a shorter one reads as 0. */
uint8_t netlink_u8(const struct netlink_attribute *attribute);
uint16_t netlink_u16(const struct netlink_attribute *attribute);
uint32_t netlink_u32(const struct netlink_attribute *attribute);

/* The positive errno in an NLMSG_ERROR or NLMSG_DONE, 0 for success, and its words, empty where it
 * has none. EBADMSG when it is too short. */
int netlink_status(const struct netlink_message *message, struct netlink_refusal *words);

/* --- writing --- */

/*
 * Builds messages one behind the other. A message that does not fit leaves no trace, in the buffer
 * neither: puts after the first failure do nothing, and netlink_commit() says so.
 */
struct netlink_writer {
	uint8_t *buffer; /* aligned to 4 */
	size_t room;
	size_t used;  /* committed */
	size_t last;  /* where the last committed message begins */
	size_t draft; /* length of the message begun at `used` */
	bool full;
};

void netlink_writer_init(struct netlink_writer *writer, void *buffer, size_t room);
void netlink_begin(struct netlink_writer *writer, uint16_t type, uint16_t flags, uint32_t sequence,
	uint32_t pid);
/* Bytes of the fixed part, or a text that is the whole body. */
void netlink_put(struct netlink_writer *writer, const void *data, size_t bytes);
void netlink_put_attribute(
	struct netlink_writer *writer, uint16_t type, const void *data, uint16_t bytes);
void netlink_put_u8(struct netlink_writer *writer, uint16_t type, uint8_t value);
void netlink_put_u16(struct netlink_writer *writer, uint16_t type, uint16_t value);
void netlink_put_u32(struct netlink_writer *writer, uint16_t type, uint32_t value);
void netlink_put_text(struct netlink_writer *writer, uint16_t type, const char *text);
/* What is put between these two lies inside the attribute. */
size_t netlink_nest_begin(struct netlink_writer *writer, uint16_t type);
void netlink_nest_end(struct netlink_writer *writer, size_t nest);
/* A way in RTA_MULTIPATH, of a weight from 1; of one above 256, as much as can be said. Gateway in
 * host order, 0: none. */
void
netlink_put_hop(struct netlink_writer *writer, uint32_t ifindex, uint32_t weight, uint32_t gateway);
/* 0, or -EMSGSIZE: there was no room, and nothing was added. As the kernel's, a message's length
 * counts what pads its end: `ip` calls a shorter one a bug. */
int netlink_commit(struct netlink_writer *writer);
/* The same for what is no multiple of four bytes, and may not grow: text. */
int netlink_commit_exact(struct netlink_writer *writer);
/* Adds to the flags of the last committed message; there must be one. */
void netlink_add_flags(struct netlink_writer *writer, uint16_t flags);

/* Whole messages that end a request: the ack (error 0) or refusal, and the end of a dump. `error`
 * is 0 or -errno; `why` is looked at only with an error. 0 or -EMSGSIZE. */
int netlink_write_ack(struct netlink_writer *writer, const struct netlink_message *request,
	int error, const struct netlink_refusal *why);
int netlink_write_done(struct netlink_writer *writer, const struct netlink_message *request,
	int error, const struct netlink_refusal *why);
