/* SPDX-License-Identifier: BSD-3-Clause */

/* Neighbors, links and addresses by the messages that iproute2 6.1 sends. */

#include <linux/if.h>
#include <linux/if_link.h>

#include "route_talk.h"

/* --- neighbors --- */

static int
set_neighbor(uint16_t flags, uint32_t ifindex, uint16_t neighbor_state, uint8_t last)
{
	const uint8_t mac[] = { 2, 0, 0, 0, 0, last };

	say_neighbor(RTM_NEWNEIGH, flags, ifindex, neighbor_state);
	netlink_put_attribute(&request, NDA_LLADDR, mac, sizeof(mac));
	return ask(&rw);
}

static void
neighbors_are_set(void **state)
{
	struct neighbor *neighbor = neighbor_get(gw->neighbors, 0, IP(192, 168, 50, 44));
	struct rte_ether_addr mac;

	(void)state;
	assert_int_equal(set_neighbor(NLM_F_REPLACE, LAN, NUD_PERMANENT, 1), ENOENT);
	assert_int_equal(set_neighbor(ADD, LAN, NUD_PERMANENT, 1), 0);
	assert_true(neighbor_mac(neighbor, &mac));
	assert_int_equal(mac.addr_bytes[5], 1);
	assert_true(neighbor->given);
	assert_int_equal(set_neighbor(ADD, LAN, NUD_PERMANENT, 2), EEXIST);
	assert_int_equal(set_neighbor(REPLACE, LAN, NUD_REACHABLE, 3), 0);
	assert_true(neighbor_mac(neighbor, &mac));
	assert_int_equal(mac.addr_bytes[5], 3);
	assert_false(neighbor->given);
	say_neighbor(RTM_GETNEIGH, 0, LAN, 0);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.last.type, RTM_NEWNEIGH);
	say_neighbor(RTM_DELNEIGH, 0, LAN, 0);
	assert_int_equal(ask(&rw), 0);
	assert_false(neighbor_mac(neighbor, &mac));
	say_neighbor(RTM_GETNEIGH, 0, LAN, 0);
	assert_int_equal(ask(&rw), ENOENT);
	say_neighbor(RTM_DELNEIGH, 0, LAN, 0);
	assert_int_equal(ask(&rw), ENOENT);

	assert_int_equal(set_neighbor(ADD, CONN(1), NUD_PERMANENT, 1), EINVAL);
	assert_words("is a tunnel");
	assert_int_equal(set_neighbor(ADD, 99, NUD_PERMANENT, 1), ENODEV);
	say_neighbor(RTM_NEWNEIGH, ADD, LAN, NUD_PERMANENT);
	assert_int_equal(ask(&rw), EINVAL);
	assert_words("link-layer address");
	assert_int_equal(set_neighbor(REPLACE, LAN, NUD_STALE, 4), 0);
	say_neighbor(RTM_NEWNEIGH, REPLACE, LAN, NUD_FAILED);
	assert_int_equal(ask(&rw), 0);
	assert_false(neighbor_mac(neighbor, &mac));
}

/* A tunnel whose outer router gets its address by message starts to send. */
static void
tunnel_follows_its_neighbor(void **state)
{
	const uint8_t mac[] = { 2, 0, 0, 0, 0, 0x33 };
	const struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = WAN, .ndm_state = NUD_PERMANENT
	};

	(void)state;
	say(RTM_NEWNEIGH, REPLACE | NLM_F_ACK, &header, sizeof(header));
	netlink_put_u32(&request, NDA_DST, htonl(IP(203, 0, 113, 1)));
	netlink_put_attribute(&request, NDA_LLADDR, mac, sizeof(mac));
	assert_int_equal(ask(&rw), 0);
	const struct encap *encap = gateway_encap(gw, 0);
	assert_memory_equal(
		encap->header + ENCAP_HEADER_BYTES - encap->header_bytes, mac, sizeof(mac));
}

static void
neighbors_are_listed(void **state)
{
	const struct ndmsg header = { .ndm_family = AF_UNSPEC };

	(void)state;
	say(RTM_GETNEIGH, NLM_F_DUMP, &header, sizeof(header));
	assert_int_equal(ask(&rw), 0);
	unsigned all = heard.n;
	assert_int_equal(all, 2); /* those whose MAC is known */
	say(RTM_GETNEIGH, NLM_F_DUMP, &header, sizeof(header));
	netlink_put_u32(&request, NDA_IFINDEX, WAN);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 1);
	/* libnl asks by the family alone. */
	say(RTM_GETNEIGH, NLM_F_DUMP, &header, 1);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 2);
	const struct {
		struct ndmsg header;
		uint8_t rest[4];
	} bridges = { { .ndm_family = AF_BRIDGE }, { 0 } };
	say(RTM_GETNEIGH, NLM_F_DUMP, &bridges, sizeof(bridges)); /* its second question */
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 0);
	say(RTM_GETNEIGH, 0, &header, 1);
	assert_int_equal(ask(&rw), EINVAL);
	assert_words("struct ndmsg");
}

/* --- links and addresses --- */

static void
links_are_listed(void **state)
{
	const struct ifinfomsg all = { .ifi_family = AF_PACKET };
	const struct ifinfomsg one = { .ifi_index = (int)CONN(3) };
	struct netlink_span body;
	struct ifinfomsg header;

	(void)state;
	say(RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	netlink_put_u32(&request, IFLA_EXT_MASK, 1);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 5);
	say(RTM_GETLINK, 0, &one, sizeof(one));
	ask(&rw);
	body = heard.last.body;
	assert_true(netlink_take(&body, &header, sizeof(header)));
	assert_int_equal(header.ifi_index, CONN(3));
	assert_int_equal(header.ifi_flags & IFF_RUNNING, 0); /* conn3 has no SA */
	say(RTM_GETLINK, 0, &all, sizeof(all));
	netlink_put_text(&request, IFLA_IFNAME, "wan0");
	ask(&rw);
	body = heard.last.body;
	assert_true(netlink_take(&body, &header, sizeof(header)));
	assert_int_equal(header.ifi_index, WAN);
	assert_int_equal(header.ifi_flags & IFF_RUNNING, IFF_RUNNING);
	say(RTM_GETLINK, 0, &all, sizeof(all));
	netlink_put_text(&request, IFLA_IFNAME, "eth7");
	assert_int_equal(ask(&rw), ENODEV);
	assert_words("'eth7'");
	say(RTM_NEWLINK, NLM_F_ACK, &all, sizeof(all));
	assert_int_equal(ask(&rw), ENODEV); /* not EOPNOTSUPP, or `ip` takes to ioctl */
}

static void
addresses_are_listed(void **state)
{
	struct ifaddrmsg header = { .ifa_family = AF_UNSPEC };

	(void)state;
	say(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 3);
	header.ifa_family = 255; /* pyroute2 */
	say(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 3);
	header.ifa_index = CONN(1);
	say(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 1);
	say(RTM_GETRULE, NLM_F_DUMP, &header, sizeof(header));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_talker, close_talker)
		TEST(neighbors_are_set),
		TEST(tunnel_follows_its_neighbor),
		TEST(neighbors_are_listed),
		TEST(links_are_listed),
		TEST(addresses_are_listed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
