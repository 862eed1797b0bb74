/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * THE list of what can be wrong with a packet that arrives: name, then what was seen in one
 * sentence. Counters, table, JSON and --allow are made from it. What does not arrive at all is
 * lost, which is counted by flow and not here.
 */
#define FAULTS(X) \
	X(duplicate, "a packet arrived a second time") \
	X(reordered, "a packet arrived after a later one of its flow") \
	X(late, "so far behind its flow that nobody remembers whether it came before") \
	X(corrupted, "the content is not what was sent") \
	X(wrong_length, "longer or shorter than it was sent") \
	X(wrong_header, "addresses, ports, protocol, TOS or fragment field are not those sent") \
	X(bad_checksum, "the IPv4 header's checksum is wrong") \
	X(wrong_ttl, "the TTL was not lowered by --hops") \
	X(wrong_tunnel, "through a tunnel that no next hop of its route names") \
	X(moved, "a flow changed from one tunnel to another") \
	X(wrong_port, "arrived at a port that does not lead there") \
	X(cleartext, "left the gateway unencrypted, though its route is a tunnel") \
	X(unknown_spi, "ESP with an SPI and destination that no SA of the file has") \
	X(wrong_encapsulation, \
		"UDP around the ESP of an SA without, or none with, or other ports") \
	X(bad_outer, \
		"outer IPv4 header with a wrong length, checksum, source, TTL or fragment field") \
	X(tos_lost, "outer TOS or DF are not the inner ones") \
	X(short_esp, "ESP too short, or of a length its cipher cannot have") \
	X(bad_icv, "the integrity check value is wrong (RFC 4303 3.4.4)") \
	X(esp_zero, "ESP sequence number zero (RFC 4303 3.3.3)") \
	X(esp_duplicate, "an ESP sequence number was used twice (RFC 4303 3.3.3)") \
	X(esp_late, "an ESP sequence number so far behind that no window remembers it") \
	X(repeated_iv, "an IV was used twice under a key (RFC 3602 3, RFC 4106 3.1)") \
	X(bad_padding, "padding or pad length are wrong (RFC 4303 2.4)") \
	X(bad_next_header, "the content is not IPv4")

enum fault {
#define FAULT_ENUM(name, description) FAULT_##name,
	FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
		FAULT_COUNT
};

/* Static strings; NULL past the last. Any thread. */
const char *fault_name(enum fault fault);
const char *fault_description(enum fault fault);

/* The fault of that name, or FAULT_COUNT. */
enum fault fault_find(const char *name);
