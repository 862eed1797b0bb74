/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "faults.h"
#include "peers.h"

/*
 * ESP in tunnel mode (RFC 4303, UDP encapsulation RFC 3948) as the gateway's peers speak it.
 * Written apart from the gateway's own, which is what it tests; only the ciphers are shared.
 */

#define ESP_NO_FAULT FAULT_COUNT

/* Adds headers, padding and trailer to an mbuf that holds one IPv4 packet, and fills the op. The
 * mbuf then begins with the outer IPv4 header. */
void esp_wrap(struct rte_mbuf *pkt, const struct peer *peer, const struct sa *sa, uint64_t sequence,
	struct crypto_op *op);

/* An ESP packet that came. */
struct esp_packet {
	struct sa *sa;
	struct rte_ipv4_hdr *outer;
	uint64_t sequence; /* 64 bits where the SA has ESN */
};

/* What esp_open() finds. */
struct esp_content {
	const uint8_t *packet;
	unsigned bytes;
};

/* Is it ESP, bare or in UDP? `bytes` begin with an IPv4 header. */
bool esp_is(const struct peers *peers, const struct rte_ipv4_hdr *ip, unsigned bytes);

/*
 * Finds the SA, and judges all that can be seen from outside. ESP_NO_FAULT: `packet` and `op` are
 * ready for crypto_verify().
 */
enum fault esp_begin(const struct peers *peers, struct rte_ipv4_hdr *ip, unsigned bytes,
	struct esp_packet *packet, struct crypto_op *op);

/* For an authentic packet: its sequence number takes its place among those seen (RFC 4303 3.3.3).
 */
enum fault esp_place(const struct esp_packet *packet);

/* For a decrypted one: padding, next header (RFC 4303 2.4, 2.6), and what the gateway must copy
 * from inside to outside. */
enum fault
esp_open(const struct esp_packet *packet, const struct crypto_op *op, struct esp_content *content);
