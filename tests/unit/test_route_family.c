/* SPDX-License-Identifier: BSD-3-Clause */

/* Routes by the messages that iproute2 6.1 sends, and what a kernel makes of them. */

#include "route_talk.h"

static const struct prefix net = { IP(10, 1, 0, 0), 16 };
static const struct prefix own = { IP(203, 0, 113, 191), 32 };

/* Byte for byte what `ip route add 10.1.0.0/16 via 192.168.50.2` sends. */
static void
add_as_iproute2_sends_it(void **state)
{
	const uint8_t add[] = { 44, 0, 0, 0, RTM_NEWROUTE, 0, 0x05, 0x06, 0x80, 0xf5, 0x02, 0x6b, 0,
		0, 0, 0, AF_INET, 16, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0, 8, 0, RTA_DST, 0, 10, 1, 0, 0,
		8, 0, RTA_GATEWAY, 0, 192, 168, 50, 2 };
	const uint8_t delete[] = { 36, 0, 0, 0, RTM_DELROUTE, 0, 0x05, 0, 0x81, 0xf5, 0x02, 0x6b, 0,
		0, 0, 0, AF_INET, 16, 0, 0, 254, 0, 255, 0, 0, 0, 0, 0, 8, 0, RTA_DST, 0, 10, 1, 0,
		0 };
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	assert_int_equal(deliver(&rw, add, sizeof(add)), 0);
	assert_int_equal(heard.acks, 1);
	assert_int_equal(ways_of(net, ways), 1);
	assert_int_equal(ways[0].kind, NEXTHOP_GATEWAY);
	assert_int_equal(ways[0].port, 0);
	assert_int_equal(ways[0].gateway, IP(192, 168, 50, 2));
	assert_int_equal(route_find(gw, ROUTE_TABLE_MAIN, net)->protocol, RTPROT_BOOT);
	assert_int_equal(deliver(&rw, add, sizeof(add)), EEXIST);
	assert_words("there is a route to 10.1.0.0/16");
	assert_int_equal(deliver(&rw, delete, sizeof(delete)), 0);
	assert_int_equal(ways_of(net, ways), 0);
	assert_int_equal(deliver(&rw, delete, sizeof(delete)), ESRCH);
}

static void
flags_mean_what_they_mean_to_a_kernel(void **state)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	assert_int_equal(set_route(&rw, CHANGE, net, 0, CONN(1)), ENOENT);
	assert_int_equal(set_route(&rw, 0, net, 0, CONN(1)), ENOENT);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(1)), 0);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(2)), EEXIST);
	assert_int_equal(set_route(&rw, NLM_F_CREATE, net, 0, CONN(2)), EEXIST);
	assert_int_equal(set_route(&rw, CHANGE, net, 0, CONN(2)), 0);
	assert_int_equal(ways_of(net, ways), 1);
	assert_int_equal(ways[0].tunnel, 1);
	assert_int_equal(set_route(&rw, REPLACE, net, 0, CONN(3)), 0);
	assert_int_equal(set_route(&rw, REPLACE, net, 0, CONN(3)), 0);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(1)), 0);
	assert_int_equal(ways_of(net, ways), 2);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(1)), EEXIST);
	assert_words("these ways already");
	assert_int_equal(delete_route(&rw, net, 0, 0), 0);
}

static void
put_hop(uint8_t *bytes, uint8_t hops, int ifindex, uint32_t gateway)
{
	const struct rtnexthop header = {
		.rtnh_len = 16, .rtnh_hops = hops, .rtnh_ifindex = ifindex
	};
	const struct nlattr attribute = { 8, RTA_GATEWAY };

	memcpy(bytes, &header, 8);
	memcpy(bytes + 8, &attribute, 4);
	memcpy(bytes + 12, &gateway, 4);
}

static void
multipath_has_weights(void **state)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	uint8_t hops[32];

	(void)state;
	put_hop(hops, 2, 0, htonl(IP(192, 168, 50, 2)));
	put_hop(hops + 16, 0, CONN(1), htonl(IP(169, 254, 10, 2)));
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(ways_of(net, ways), 2);
	assert_int_equal(ways[0].kind, NEXTHOP_GATEWAY);
	assert_int_equal(ways[0].weight, 3);
	assert_int_equal(ways[1].kind, NEXTHOP_TUNNEL);
	assert_int_equal(ways[1].weight, 1);

	/* One of several is enough to name it; one that it has not is not. */
	assert_int_equal(delete_route(&rw, net, IP(192, 168, 50, 3), 0), ESRCH);
	assert_words("goes another way");
	assert_int_equal(delete_route(&rw, net, 0, CONN(2)), ESRCH);
	assert_int_equal(delete_route(&rw, net, 0, CONN(1)), 0);

	/* Named by all, it is whatever their weights: `ip route del` sends none. */
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), 0);
	for (unsigned i = 0; i < 2; i++) {
		put_hop(hops, 0, 0, htonl(IP(192, 168, 50, i == 0 ? 3 : 2)));
		say_route(RTM_DELROUTE, 0, net, RTN_UNSPEC);
		netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
		assert_int_equal(ask(&rw), i == 0 ? ESRCH : 0);
	}

	put_hop(hops, 0, 4711, 0);
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), ENODEV);
	assert_words("interface index 4711");
	put_hop(hops, 0, CONN(1), 0);
	hops[2] = RTNH_F_LINKDOWN;
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), EINVAL);
	assert_words("DEAD or LINKDOWN");
	hops[0] = 7; /* shorter than its header */
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), EINVAL);
}

/* Ways that are given twice are one, with the weight of both, however much that is. */
static void
weights_add_up(void **state)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
	uint8_t hops[64];

	(void)state;
	put_hop(hops, 199, CONN(1), 0);
	put_hop(hops + 16, 199, CONN(1), 0);
	put_hop(hops + 32, 0, CONN(2), 0);
	put_hop(hops + 48, 0, CONN(3), 0);
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, 48);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(ways_of(net, ways), 2);
	assert_int_equal(ways[0].weight, 400);

	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(3)), 0);
	assert_int_equal(ways_of(net, ways), 3);
	assert_int_equal(ways[0].weight, 400);
	/* What is appended changes no share of the ways that are there. */
	assert_int_equal(delete_route(&rw, net, 0, 0), 0);
	assert_int_equal(set_route(&rw, ADD, net, 0, CONN(2)), 0);
	say_route(RTM_NEWROUTE, APPEND, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, 48);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(ways_of(net, ways), 2);
	assert_int_equal(ways[0].weight, 400);
	assert_int_equal(ways[1].weight, 1);
	assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(3)), 0);
	say_route(RTM_DELROUTE, 0, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), 0);
}

/* A route that comes back within a datagram keeps the buckets of those that stay. */
static void
group_keeps_its_buckets(void **state)
{
	const struct nexthop_slots *slots = nexthop_slots(gw->nexthops);
	uint8_t hops[48];
	uint32_t before[ECMP_BUCKETS];
	unsigned moved = 0;

	(void)state;
	put_hop(hops, 0, CONN(1), 0);
	put_hop(hops + 16, 0, CONN(2), 0);
	put_hop(hops + 32, 0, LAN, 0);
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(ask(&rw), 0);
	const struct nexthop *group =
		nexthop_read(slots, route_find(gw, ROUTE_TABLE_MAIN, net)->nexthop);
	for (unsigned i = 0; i < ECMP_BUCKETS; i++)
		before[i] = nexthop_leaf_id(group, i);

	/* As zebra's FPM does: away with it and anew, without the second way. */
	say_route(RTM_DELROUTE, 0, net, RTN_UNSPEC);
	said();
	memmove(hops + 16, hops + 32, 16);
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_attribute(&request, RTA_MULTIPATH, hops, 32);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(heard.acks, 2);
	group = nexthop_read(slots, route_find(gw, ROUTE_TABLE_MAIN, net)->nexthop);
	for (unsigned i = 0; i < ECMP_BUCKETS; i++)
		moved += nexthop_leaf_id(group, i) != before[i];
	assert_int_equal(moved, ECMP_BUCKETS / 3);
	assert_int_equal(delete_route(&rw, net, 0, 0), 0);
}

/* As a kernel deletes: `ip route del NET dev lan0` whatever the gateway, `... via GATEWAY` whatever
 * the interface. */
static void
half_a_way_names_a_route(void **state)
{
	(void)state;
	assert_int_equal(set_route(&rw, ADD, net, IP(192, 168, 50, 2), LAN), 0);
	assert_int_equal(delete_route(&rw, net, 0, WAN), ESRCH);
	assert_int_equal(delete_route(&rw, net, IP(192, 168, 50, 3), LAN), ESRCH);
	assert_int_equal(delete_route(&rw, net, 0, LAN), 0);
	/* That gateway is in no network of a port. */
	assert_int_equal(set_route(&rw, ADD, net, IP(99, 0, 0, 1), WAN), 0);
	assert_int_equal(delete_route(&rw, net, IP(99, 0, 0, 2), 0), ESRCH);
	assert_words("goes another way");
	assert_int_equal(delete_route(&rw, net, IP(99, 0, 0, 1), 0), 0);
	/* Nor is either of several, all of which are named. */
	uint8_t hops[32];
	for (uint16_t type = RTM_NEWROUTE; type <= RTM_DELROUTE; type++) {
		int ifindex = type == RTM_NEWROUTE ? WAN : 0;

		put_hop(hops, 2, ifindex, htonl(IP(99, 0, 0, 1)));
		put_hop(hops + 16, 0, ifindex, htonl(IP(99, 0, 0, 2)));
		say_route(type, ADD, net, RTN_UNICAST);
		netlink_put_attribute(&request, RTA_MULTIPATH, hops, sizeof(hops));
		assert_int_equal(ask(&rw), 0);
	}
}

/* `ip route add ... via 192.168.50.255`: the kernel has "Nexthop has invalid gateway". */
static void
a_gateway_is_a_host(void **state)
{
	(void)state;
	for (unsigned named = 0; named < 2; named++) {
		uint32_t ifindex = named == 0 ? 0 : LAN;

		assert_int_equal(set_route(&rw, ADD, net, IP(192, 168, 50, 255), ifindex), EINVAL);
		assert_words("is no host");
		assert_int_equal(set_route(&rw, ADD, net, IP(192, 168, 50, 0), ifindex), EINVAL);
		assert_int_equal(set_route(&rw, ADD, net, IP(192, 168, 50, 1), ifindex), EINVAL);
		assert_words("address of our own");
	}
}

static void
types_are_kept_apart(void **state)
{
	const struct {
		uint8_t type, reason;
	} drops[] = {
		{ RTN_BLACKHOLE, DROP_blackhole },
		{ RTN_UNREACHABLE, DROP_unreachable },
		{ RTN_PROHIBIT, DROP_prohibited },
	};
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(drops); i++) {
		say_route(RTM_NEWROUTE, ADD, net, drops[i].type);
		say_via(i == 1 ? IP(192, 168, 50, 2) : 0, i == 2 ? LAN : CONN(1));
		assert_int_equal(ask(&rw), EINVAL);
		say_route(RTM_NEWROUTE, ADD, net, drops[i].type);
		assert_int_equal(ask(&rw), 0);
		assert_int_equal(ways_of(net, ways), 1);
		assert_int_equal(ways[0].kind, NEXTHOP_DROP);
		assert_int_equal(ways[0].reason, drops[i].reason);
		assert_int_equal(set_route(&rw, APPEND, net, 0, CONN(1)), EEXIST);
		say_route(RTM_DELROUTE, 0, net, RTN_UNICAST);
		assert_int_equal(ask(&rw), ESRCH);
		say_route(RTM_DELROUTE, 0, net, drops[(i + 1) % ARRAY_LEN(drops)].type);
		assert_int_equal(ask(&rw), ESRCH);
		say_route(RTM_DELROUTE, 0, net, drops[i].type);
		assert_int_equal(ask(&rw), 0);
	}
	say_route(RTM_NEWROUTE, ADD, (struct prefix) { IP(10, 1, 1, 1), 32 }, RTN_LOCAL);
	netlink_put_u32(&request, RTA_TABLE, RT_TABLE_LOCAL);
	assert_int_equal(ask(&rw), 0);
	assert_int_equal(ways_of((struct prefix) { IP(10, 1, 1, 1), 32 }, ways), 1);
	assert_int_equal(ways[0].kind, NEXTHOP_LOCAL);
	say_route(RTM_DELROUTE, 0, (struct prefix) { IP(10, 1, 1, 1), 32 }, RTN_UNSPEC);
	assert_int_equal(ask(&rw), ESRCH);
	say_route(RTM_DELROUTE, 0, (struct prefix) { IP(10, 1, 1, 1), 32 }, RTN_LOCAL);
	assert_int_equal(ask(&rw), 0);

	say_route(RTM_NEWROUTE, ADD, net, RTN_MULTICAST);
	assert_int_equal(ask(&rw), EOPNOTSUPP);
	say_route(RTM_NEWROUTE, ADD, net, RTN_MAX + 1);
	assert_int_equal(ask(&rw), EINVAL);
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNSPEC);
	assert_int_equal(ask(&rw), EINVAL);
}

/* The gateway's own addresses are the configuration file's; what a client said in a kernel's words
 * (`ip route add local 10.9.9.9 proto kernel`) is not. */
static void
own_addresses_stay(void **state)
{
	const struct rtmsg kernels = { .rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_KERNEL,
		.rtm_type = RTN_LOCAL };
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	assert_int_equal(set_route(&rw, REPLACE, own, 0, CONN(1)), EPERM);
	assert_words("203.0.113.191 is an address of the gateway");
	say_route(RTM_DELROUTE, 0, own, RTN_LOCAL);
	assert_int_equal(ask(&rw), EPERM);
	assert_int_equal(ways_of(own, ways), 1);
	assert_int_equal(ways[0].kind, NEXTHOP_LOCAL);
	for (uint16_t type = RTM_NEWROUTE; type <= RTM_DELROUTE; type++) {
		say(type, ADD | NLM_F_ACK, &kernels, sizeof(kernels));
		netlink_put_u32(&request, RTA_DST, htonl(IP(10, 9, 9, 9)));
		assert_int_equal(ask(&rw), 0);
	}
}

static void
ways_are_resolved(void **state)
{
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];

	(void)state;
	/* Behind a port, by its network; behind a tunnel, by its inner network. */
	assert_int_equal(set_route(&rw, ADD, net, IP(203, 0, 113, 7), 0), 0);
	ways_of(net, ways);
	assert_int_equal(ways[0].kind, NEXTHOP_GATEWAY);
	assert_int_equal(ways[0].port, 1);
	assert_int_equal(set_route(&rw, REPLACE, net, IP(169, 254, 10, 2), 0), 0);
	ways_of(net, ways);
	assert_int_equal(ways[0].kind, NEXTHOP_TUNNEL);
	assert_int_equal(ways[0].tunnel, 0);
	/* Given its interface, a gateway need be in no network. */
	assert_int_equal(set_route(&rw, REPLACE, net, IP(100, 64, 0, 1), LAN), 0);
	ways_of(net, ways);
	assert_int_equal(ways[0].kind, NEXTHOP_GATEWAY);
	assert_int_equal(ways[0].port, 0);
	assert_int_equal(set_route(&rw, REPLACE, net, 0, WAN), 0);
	ways_of(net, ways);
	assert_int_equal(ways[0].kind, NEXTHOP_ONLINK);
	assert_int_equal(delete_route(&rw, net, 0, WAN), 0);

	assert_int_equal(set_route(&rw, ADD, net, IP(8, 8, 8, 8), 0), ENETUNREACH);
	assert_words("8.8.8.8 is in no network");
	assert_int_equal(set_route(&rw, ADD, net, IP(203, 0, 113, 191), 0), EINVAL);
	assert_int_equal(set_route(&rw, ADD, net, 0, 999), ENODEV);
	assert_int_equal(set_route(&rw, ADD, net, 0, 0), ENODEV);
	assert_words("neither a gateway nor an interface");
}

static void
what_is_not_there_is_refused_in_words(void **state)
{
	struct rtmsg header = { .rtm_family = AF_INET6, .rtm_type = RTN_UNICAST };

	(void)state;
	say(RTM_NEWROUTE, ADD | NLM_F_ACK, &header, sizeof(header));
	assert_int_equal(ask(&rw), EAFNOSUPPORT);
	assert_words("IPv4 alone");
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_u32(&request, RTA_TABLE, 100);
	assert_int_equal(ask(&rw), EOPNOTSUPP);
	assert_words("table 100");
	say_route(RTM_NEWROUTE, ADD, net, RTN_UNICAST);
	netlink_put_u32(&request, RTA_NH_ID, 1);
	assert_int_equal(ask(&rw), EOPNOTSUPP);
	assert_words("nexthop id");
	assert_int_equal(
		set_route(&rw, ADD, (struct prefix) { IP(10, 1, 0, 1), 16 }, 0, CONN(1)), EINVAL);
	assert_words("bits behind its prefix");
	header = (struct rtmsg) { .rtm_family = AF_INET, .rtm_dst_len = 33, .rtm_type = 1 };
	say(RTM_NEWROUTE, ADD | NLM_F_ACK, &header, sizeof(header));
	assert_int_equal(ask(&rw), EINVAL);
	header = (struct rtmsg) { .rtm_family = AF_INET, .rtm_tos = 16, .rtm_type = 1 };
	say(RTM_NEWROUTE, ADD | NLM_F_ACK, &header, sizeof(header));
	assert_int_equal(ask(&rw), EOPNOTSUPP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_talker, close_talker)
		TEST(add_as_iproute2_sends_it),
		TEST(flags_mean_what_they_mean_to_a_kernel),
		TEST(multipath_has_weights),
		TEST(weights_add_up),
		TEST(group_keeps_its_buckets),
		TEST(half_a_way_names_a_route),
		TEST(a_gateway_is_a_host),
		TEST(types_are_kept_apart),
		TEST(own_addresses_stay),
		TEST(ways_are_resolved),
		TEST(what_is_not_there_is_refused_in_words),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
