/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "bytes.h"
#include "flow_hash.h"
#include "selector.h"

/*
 * What selectors look at in an IPv4 packet whose header was checked. Any thread. Where the ports
 * stand, ICMP has type and code; each counts as a port of its own, as for the kernel (RFC 4301
 * 4.4.1.1).
 */

struct flow_ports {
	uint16_t source, destination;
};

static inline struct flow_ports
flow_ports(const struct rte_ipv4_hdr *ip)
{
	const rte_be16_t fragment =
		RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK) & ip->fragment_offset;
	unsigned header_bytes = (ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	const uint8_t *payload = (const uint8_t *)ip + header_bytes;

	if (fragment != 0 || rte_be_to_cpu_16(ip->total_length) < header_bytes + sizeof(uint32_t))
		return (struct flow_ports) { 0 };
	if (ip->next_proto_id == IPPROTO_ICMP)
		return (struct flow_ports) { payload[0], payload[1] };
	if (!flow_has_ports(ip->next_proto_id))
		return (struct flow_ports) { 0 };
	uint32_t ports = rte_be_to_cpu_32(load_u32(payload));
	return (struct flow_ports) { (uint16_t)(ports >> 16), (uint16_t)ports };
}

static inline struct packet_flow
flow_outbound(const struct rte_ipv4_hdr *ip)
{
	struct flow_ports ports = flow_ports(ip);

	return (struct packet_flow) {
		.local = rte_be_to_cpu_32(ip->src_addr),
		.remote = rte_be_to_cpu_32(ip->dst_addr),
		.local_port = ports.source,
		.remote_port = ports.destination,
		.protocol = ip->next_proto_id,
	};
}

static inline struct packet_flow
flow_inbound(const struct rte_ipv4_hdr *ip)
{
	struct flow_ports ports = flow_ports(ip);

	return (struct packet_flow) {
		.local = rte_be_to_cpu_32(ip->dst_addr),
		.remote = rte_be_to_cpu_32(ip->src_addr),
		.local_port = ports.destination,
		.remote_port = ports.source,
		.protocol = ip->next_proto_id,
	};
}
