/* SPDX-License-Identifier: BSD-3-Clause */
#include "subject.h"

#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

/* "192.168.0.0/16" or "192.168.0.0" as a number that sorts by address, then by length. */
static uint64_t
address_order(const json_t *value)
{
	char address[INET_ADDRSTRLEN] = "";
	const char *text = json_string_value(value);
	struct in_addr parsed = { 0 };
	uint64_t bits = 0;

	if (text == NULL)
		return 0;
	size_t length = strcspn(text, "/");
	if (length < sizeof(address))
		memcpy(address, text, length);
	inet_pton(AF_INET, address, &parsed);
	for (const char *digit = text + length + (text[length] == '/'); *digit != '\0'; digit++)
		bits = bits * 10 + (uint64_t)(*digit - '0');
	return (uint64_t)ntohl(parsed.s_addr) << 8 | (bits & 0xff);
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
by_prefix(const json_t *a, const json_t *b)
{
	int table = compare_numbers((uint64_t)json_integer_value(json_object_get(a, "table")),
		(uint64_t)json_integer_value(json_object_get(b, "table")));

	return table != 0 ? table
			  : compare_numbers(address_order(json_object_get(a, "prefix")),
				    address_order(json_object_get(b, "prefix")));
}

static int
by_port_and_address(const json_t *a, const json_t *b)
{
	int port = strcmp(json_string_value(json_object_get(a, "port")),
		json_string_value(json_object_get(b, "port")));

	return port != 0 ? port
			 : compare_numbers(address_order(json_object_get(a, "address")),
				   address_order(json_object_get(b, "address")));
}

static const struct column tunnel_columns[] = {
	{ "TUNNEL", "name", COLUMN_TEXT },
	{ "IF_ID", "if_id", COLUMN_NUMBER },
	{ "LOCAL", "local", COLUMN_TEXT },
	{ "REMOTE", "remote", COLUMN_TEXT },
	{ "STATE", "state", COLUMN_TEXT },
	{ "FOR S", "since", COLUMN_NUMBER },
	{ "BLOCKED", "blocked", COLUMN_TEXT },
	{ "MTU", "mtu", COLUMN_NUMBER },
	{ "TX PACKETS", "tx.packets", COLUMN_COUNT },
	{ "TX", "tx.bytes", COLUMN_BYTES },
	{ "RX PACKETS", "rx.packets", COLUMN_COUNT },
	{ "RX", "rx.bytes", COLUMN_BYTES },
	{ "WHY", "why", COLUMN_TEXT },
	{ 0 },
};

static const struct column sa_columns[] = {
	{ "SPI", "spi", COLUMN_TEXT },
	{ "DIR", "direction", COLUMN_TEXT },
	{ "TUNNEL", "tunnel", COLUMN_TEXT },
	{ "ENCRYPTION", "encryption", COLUMN_TEXT },
	{ "AUTHENTICATION", "authentication", COLUMN_TEXT },
	{ "ESN", "esn", COLUMN_TEXT },
	{ "WINDOW", "replay_window", COLUMN_NUMBER },
	{ "SEQUENCE", "sequence", COLUMN_NUMBER },
	{ "PACKETS", "packets", COLUMN_COUNT },
	{ "BYTES", "bytes", COLUMN_BYTES },
	{ "AGE S", "age", COLUMN_NUMBER },
	{ "LEFT S", "hard_left.seconds", COLUMN_NUMBER },
	{ "WORKER", "worker", COLUMN_NUMBER },
	{ "STATE", "state", COLUMN_TEXT },
	{ 0 },
};

static const struct column policy_columns[] = {
	{ "TUNNEL", "tunnel", COLUMN_TEXT },
	{ "IF_ID", "if_id", COLUMN_NUMBER },
	{ "DIR", "direction", COLUMN_TEXT },
	{ "SOURCE", "source", COLUMN_TEXT },
	{ "DESTINATION", "destination", COLUMN_TEXT },
	{ "PROTOCOL", "protocol", COLUMN_NUMBER },
	{ "SPORT", "sport", COLUMN_NUMBER },
	{ "DPORT", "dport", COLUMN_NUMBER },
	{ "ACTION", "action", COLUMN_TEXT },
	{ "PRIORITY", "priority", COLUMN_NUMBER },
	{ "REQID", "reqid", COLUMN_NUMBER },
	{ "SPI", "spi", COLUMN_TEXT },
	{ 0 },
};

static const struct column route_columns[] = {
	{ "PREFIX", "prefix", COLUMN_TEXT },
	{ "TABLE", "table", COLUMN_NUMBER },
	{ "PROTOCOL", "protocol", COLUMN_TEXT },
	{ "GROUP", "group", COLUMN_NUMBER },
	{ "NEXT HOPS", "nexthops", COLUMN_WAYS },
	{ 0 },
};

static const struct column neighbor_columns[] = {
	{ "PORT", "port", COLUMN_TEXT },
	{ "ADDRESS", "address", COLUMN_TEXT },
	{ "MAC", "mac", COLUMN_TEXT },
	{ "STATE", "state", COLUMN_TEXT },
	{ 0 },
};

static const struct column port_columns[] = {
	{ "PORT", "name", COLUMN_TEXT },
	{ "DEVICE", "device", COLUMN_TEXT },
	{ "LINK", "link", COLUMN_TEXT },
	{ "MAC", "mac", COLUMN_TEXT },
	{ "MTU", "mtu", COLUMN_NUMBER },
	{ "RX PACKETS", "rx.packets", COLUMN_COUNT },
	{ "RX", "rx.bytes", COLUMN_BYTES },
	{ "TX PACKETS", "tx.packets", COLUMN_COUNT },
	{ "TX", "tx.bytes", COLUMN_BYTES },
	{ "RX MISSED", "rx_missed", COLUMN_COUNT },
	{ "TX FULL", "tx_full", COLUMN_COUNT },
	{ "ADDRESSES", "addresses", COLUMN_LIST },
	{ 0 },
};

static const struct column worker_columns[] = {
	{ "WORKER", "worker", COLUMN_NUMBER },
	{ "LCORE", "lcore", COLUMN_NUMBER },
	{ "LOOPS", "loops", COLUMN_COUNT },
	{ "BUSY LOOPS", "busy_loops", COLUMN_COUNT },
	{ "BURSTS", "bursts", COLUMN_COUNT },
	{ "PACKETS", "packets", COLUMN_COUNT },
	{ "SLEEPS", "sleeps", COLUMN_COUNT },
	{ "HANDED OVER", "handed_over", COLUMN_COUNT },
	{ "DROPS", "drops", COLUMN_COUNT },
	{ "P50 US", "loop_us.p50", COLUMN_NUMBER },
	{ "P99 US", "loop_us.p99", COLUMN_NUMBER },
	{ 0 },
};

const struct column subject_stage_columns[] = {
	{ "WORKER", "worker", COLUMN_NUMBER },
	{ "STAGE", "stage", COLUMN_TEXT },
	{ "PACKETS", "packets", COLUMN_COUNT },
	{ "CYCLES/PACKET", "cycles_per_packet", COLUMN_NUMBER },
	{ 0 },
};

static const struct column drop_columns[] = {
	{ "REASON", "reason", COLUMN_TEXT },
	{ "PACKETS", "packets", COLUMN_COUNT },
	{ "DESCRIPTION", "description", COLUMN_TEXT },
	{ 0 },
};

static const struct column group_columns[] = {
	{ "GROUP", "id", COLUMN_NUMBER },
	{ "MEMBER", "", COLUMN_WAY },
	{ "WEIGHT", "weight", COLUMN_NUMBER },
	{ "HOME BUCKETS", "home_buckets", COLUMN_NUMBER },
	{ "BUCKETS", "buckets", COLUMN_NUMBER },
	{ "UP", "up", COLUMN_TEXT },
	{ 0 },
};

static const struct column version_columns[] = {
	{ "Gateway", "name", COLUMN_TEXT },
	{ "Espalier", "version", COLUMN_TEXT },
	{ "DPDK", "dpdk", COLUMN_TEXT },
	{ "ipsec-mb", "ipsec_mb", COLUMN_TEXT },
	{ "Protocol", "protocol", COLUMN_NUMBER },
	{ "Workers", "workers", COLUMN_NUMBER },
	{ "Held", "held", COLUMN_TEXT },
	{ 0 },
};

const struct subject subjects[ESPALIER_SUBJECTS] = {
	[ESPALIER_SHOW_TUNNELS] = { "tunnels", "tunnels, their state and traffic", tunnel_columns },
	[ESPALIER_SHOW_SAS] = { "sas", "security associations, never their keys", sa_columns },
	[ESPALIER_SHOW_ROUTES] = { "routes", "routes of all tables", route_columns, by_prefix },
	[ESPALIER_SHOW_NEIGHBORS] = { "neighbors", "link-layer addresses behind the ports",
		neighbor_columns, by_port_and_address },
	[ESPALIER_SHOW_PORTS] = { "ports", "ports, their devices and traffic", port_columns },
	[ESPALIER_SHOW_WORKERS] = { "workers", "worker cores and how busy they are",
		worker_columns },
	[ESPALIER_SHOW_DROPS] = { "drops", "every reason to drop a packet, with its count",
		drop_columns },
	[ESPALIER_SHOW_GROUPS] = { "groups", "how flows are spread over next hops", group_columns,
		.unfold = "members" },
	[ESPALIER_SHOW_VERSION] = { "version", "versions of what runs", version_columns },
	[ESPALIER_SHOW_POLICIES] = { "policies", "policies, as IKE daemons said them",
		policy_columns },
};
