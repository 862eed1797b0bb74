/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/*
 * THE list of reasons for which Espalier drops a packet: name, then what happened in one sentence.
 * Counters, `espalierctl show drops`, documentation and tests are all made from it. The unit is
 * packets. DROP_NONE is not a reason: it is what a packet that survives carries.
 */
#define DROP_REASONS(X) \
	X(not_ip, "the frame carries neither IPv4 nor anything this version can forward") \
	X(bad_header, "IPv4 header with a wrong version, length, checksum, address or option") \
	X(martian, "source or destination address that may not be forwarded (RFC 1812 5.3.7)") \
	X(ttl_expired, "TTL reached zero; its sender is told by ICMP, within a rate limit") \
	X(too_big, "larger than the next hop's MTU with DF set; its sender is told likewise") \
	X(no_route, "no route covers the destination; its sender is told likewise") \
	X(blackhole, "the route says drop") \
	X(unreachable, "the route says unreachable; its sender is told likewise") \
	X(prohibited, "the route says prohibit; its sender is told likewise") \
	X(no_neighbor, "the next hop's link-layer address is not known") \
	X(no_sa, "the tunnel has no usable outbound security association, or is held down") \
	X(policy_out, "outside the tunnel's outbound selectors") \
	X(sequence_exhausted, \
		"the SA used up its sequence numbers and sends no more (RFC 4303 3.3.3)") \
	X(sa_expired, "the SA reached its lifetime in packets, bytes or seconds") \
	X(unknown_spi, "ESP to one of our addresses, but no SA has that SPI (RFC 4303 3.4.2)") \
	X(short_esp, "ESP packet too short, or of a length its cipher cannot have") \
	X(esp_fragment, \
		"a piece of an ESP packet whose others did not come, or do not fit together") \
	X(reassembly_full, "a piece of an ESP packet, while too many others waited for theirs") \
	X(replay_duplicate, "sequence number seen before (RFC 4303 3.4.3)") \
	X(replay_late, "sequence number left of the replay window (RFC 4303 3.4.3)") \
	X(bad_icv, "integrity check failed: forged or damaged (RFC 4303 3.4.4)") \
	X(bad_padding, "authentic, but its padding or pad length is wrong (RFC 4303 2.4)") \
	X(bad_next_header, "authentic, but its content is not an IPv4 packet") \
	X(bad_inner, "authentic, but the inner IPv4 header or length is wrong") \
	X(bad_ecn, \
		"congestion marked outside, but the inner packet, or another piece, does not do " \
		"ECN (RFC 6040, 3168)") \
	X(dummy, "a dummy packet: next header 59 (RFC 4303 2.6)") \
	X(unprotected, "came in the clear, but its source is behind a tunnel (RFC 4301 5.2)") \
	X(policy, "inner packet outside the tunnel's inbound selectors (RFC 4301 5.2)") \
	X(natt_keepalive, "NAT-T keepalive, consumed (RFC 3948 2.3)") \
	X(local_undeliverable, "for the gateway itself, and no kernel interface takes it") \
	X(punt_limited, \
		"for the gateway itself, but more of its kind than the control core takes") \
	X(punt_full, "the ring to the control core was full") \
	X(kernel_refused, "the kernel did not take it: the interface is down, or memory ran out") \
	X(icmp_limited, "an ICMP error that the rate limit held back") \
	X(handover_full, "the ring to the worker that owns the flow, SA or queue was full") \
	X(tx_full, "the NIC's transmit queue was full, or it has no link") \
	X(no_mbuf, \
		"no packet buffer was free for a fragment or an ICMP error, or it would take " \
		"more than 16 fragments")

enum drop_reason {
	DROP_NONE = 0,
#define DROP_ENUM(name, description) DROP_##name,
	DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
		DROP_REASON_COUNT
};

/* Name and description of a reason; any thread. The strings are static. NULL for DROP_NONE and
 * values out of range. */
const char *drop_name(enum drop_reason reason);
const char *drop_description(enum drop_reason reason);
