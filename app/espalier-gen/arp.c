/* SPDX-License-Identifier: BSD-3-Clause */
#include "arp.h"

#include <stdint.h>

#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "address.h"
#include "log.h"

#define ARP_BYTES (RTE_ETHER_HDR_LEN + sizeof(struct rte_arp_hdr))
#define FRAME_BYTES 60 /* the shortest on Ethernet, without its FCS */
#define ASK_TIMES 10
#define ASK_PAUSE_US 100000

/* Does the gateway have this address on the port? */
static bool
is_gateway(const struct wire *wire, uint32_t address)
{
	for (unsigned i = 0; i < wire->gateway->n_addresses; i++)
		if (wire->gateway->addresses[i].address == address)
			return true;
	return false;
}

static bool
is_connected(const struct wire *wire, uint32_t address)
{
	for (unsigned i = 0; i < wire->gateway->n_addresses; i++)
		if (prefix_covers(wire->gateway->addresses[i], address))
			return true;
	return false;
}

bool
arp_take(struct wire *wire, struct rte_mbuf *frame)
{
	struct rte_ether_hdr *ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(ether + 1);

	if (frame->data_len < ARP_BYTES || arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
		arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return false;

	uint32_t sender = rte_be_to_cpu_32(arp->arp_data.arp_sip);
	uint32_t target = rte_be_to_cpu_32(arp->arp_data.arp_tip);
	if (!wire->known && is_gateway(wire, sender)) {
		rte_ether_addr_copy(&arp->arp_data.arp_sha, &wire->gateway_mac);
		wire->known = true;
	}
	if (arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) || is_gateway(wire, target) ||
		!is_connected(wire, target))
		return false;

	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sip = rte_cpu_to_be_32(target);
	rte_ether_addr_copy(&arp->arp_data.arp_sha, &arp->arp_data.arp_tha);
	rte_ether_addr_copy(&wire->mac, &arp->arp_data.arp_sha);
	rte_ether_addr_copy(&arp->arp_data.arp_tha, &ether->dst_addr);
	rte_ether_addr_copy(&wire->mac, &ether->src_addr);
	return true;
}

/* A host next to the gateway in one of its networks: whose question it will answer. */
static uint32_t
neighbor_of(struct prefix gateway)
{
	uint32_t host = gateway.address & ~prefix_mask(gateway.bits);

	return (gateway.address & prefix_mask(gateway.bits)) | (host == 2 ? 1 : 2);
}

static void
ask(const struct wires *wires, const struct wire *wire)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(wires->pool);
	struct rte_ether_hdr *ether;
	struct rte_arp_hdr *arp;

	if (frame == NULL)
		return;
	frame->data_len = FRAME_BYTES;
	frame->pkt_len = FRAME_BYTES;
	ether = rte_pktmbuf_mtod(frame, struct rte_ether_hdr *);
	memset(ether, 0, FRAME_BYTES);
	arp = (struct rte_arp_hdr *)(ether + 1);
	memset(&ether->dst_addr, 0xff, sizeof(ether->dst_addr));
	rte_ether_addr_copy(&wire->mac, &ether->src_addr);
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = sizeof(uint32_t);
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST);
	rte_ether_addr_copy(&wire->mac, &arp->arp_data.arp_sha);
	arp->arp_data.arp_sip = rte_cpu_to_be_32(neighbor_of(wire->gateway->addresses[0]));
	arp->arp_data.arp_tip = rte_cpu_to_be_32(wire->gateway->addresses[0].address);
	if (rte_eth_tx_burst(wire->id, 0, &frame, 1) == 0)
		rte_pktmbuf_free(frame);
}

/* Answers, and drops what is not ARP: no traffic runs yet. */
static void
hear(struct wire *wire)
{
	for (uint16_t queue = 0; queue < wire->rx_queues; queue++) {
		struct rte_mbuf *frame[32];
		unsigned n = rte_eth_rx_burst(wire->id, queue, frame, RTE_DIM(frame));

		for (unsigned i = 0; i < n; i++) {
			const struct rte_ether_hdr *ether =
				rte_pktmbuf_mtod(frame[i], const struct rte_ether_hdr *);

			if (ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_ARP) ||
				!arp_take(wire, frame[i]) ||
				rte_eth_tx_burst(wire->id, 0, &frame[i], 1) == 0)
				rte_pktmbuf_free(frame[i]);
		}
	}
}

static bool
resolved(const struct wires *wires)
{
	for (unsigned i = 0; i < wires->n; i++)
		if (!wires->wire[i].known && wires->wire[i].gateway->n_addresses > 0)
			return false;
	return true;
}

void
arp_resolve(struct wires *wires)
{
	/* Locally administered: whoever takes frames for others, as a test's device does, takes
	 * these. */
	static const struct rte_ether_addr made_up = { { 0x02, 0, 0, 0, 0, 0x01 } };

	for (unsigned times = 0; times < ASK_TIMES && !resolved(wires); times++) {
		for (unsigned i = 0; i < wires->n; i++)
			if (!wires->wire[i].known && wires->wire[i].gateway->n_addresses > 0)
				ask(wires, &wires->wire[i]);
		rte_delay_us_sleep(ASK_PAUSE_US);
		for (unsigned i = 0; i < wires->n; i++)
			if (!wires->wire[i].known)
				hear(&wires->wire[i]);
	}
	for (unsigned i = 0; i < wires->n; i++) {
		struct wire *wire = &wires->wire[i];

		if (wire->known)
			continue;
		log_warning("the gateway's port '%s' does not answer ARP; frames go to "
			    "02:00:00:00:00:01. A NIC would not take them: give --gateway-mac",
			wire->gateway->name);
		wire->gateway_mac = made_up;
	}
}
