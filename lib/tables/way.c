/* SPDX-License-Identifier: BSD-3-Clause */
#include "way.h"

#include <errno.h>
#include <stdlib.h>

#include "drops.h"
#include "gateway.h"
#include "tunnel.h"

/* Of one that fills a list, each time with the largest weight that can be asked for. */
#define WEIGHT_SUM_MAX (WEIGHT_MAX * GROUP_MEMBERS_MAX)

static struct way
encode(const struct nexthop_spec *spec)
{
	struct way way = { .what = (uint64_t)spec->kind << 56, .weight = spec->weight };

	if (spec->kind == NEXTHOP_ONLINK || spec->kind == NEXTHOP_GATEWAY)
		way.what |= (uint64_t)spec->port << 48;
	if (spec->kind == NEXTHOP_DROP)
		way.what |= (uint64_t)spec->reason << 48;
	if (spec->kind == NEXTHOP_TUNNEL)
		way.what |= (uint64_t)spec->tunnel << 32;
	if (spec->kind == NEXTHOP_GATEWAY)
		way.what |= spec->gateway;
	return way;
}

bool
way_same(const struct nexthop_spec *a, const struct nexthop_spec *b)
{
	return encode(a).what == encode(b).what;
}

bool
way_usable(const struct gateway *gw, const struct nexthop_spec *way)
{
	switch (way->kind) {
	case NEXTHOP_TUNNEL:
		return tunnel_carries(&gw->tunnels[way->tunnel]);
	case NEXTHOP_ONLINK:
	case NEXTHOP_GATEWAY:
		return gateway_has_link(gw, way->port);
	default:
		return true;
	}
}

struct nexthop_spec
way_decode(struct way way)
{
	const uint8_t kind = (uint8_t)(way.what >> 56), port_or_reason = (uint8_t)(way.what >> 48);

	return (struct nexthop_spec) {
		.kind = kind,
		.port = kind == NEXTHOP_DROP ? 0 : port_or_reason,
		.reason = kind == NEXTHOP_DROP ? port_or_reason : DROP_NONE,
		.tunnel = (uint16_t)(way.what >> 32),
		.gateway = (uint32_t)way.what,
		.weight = (uint16_t)way.weight,
	};
}

static bool
valid(const struct gateway *gw, const struct nexthop_spec *spec)
{
	if (spec->weight == 0 || spec->weight > WEIGHT_SUM_MAX)
		return false;
	switch (spec->kind) {
	case NEXTHOP_DROP:
		return spec->reason == DROP_blackhole || spec->reason == DROP_unreachable ||
			spec->reason == DROP_prohibited;
	case NEXTHOP_LOCAL:
		return true;
	case NEXTHOP_ONLINK:
	case NEXTHOP_GATEWAY:
		return spec->port < gw->n_ports;
	case NEXTHOP_TUNNEL:
		return spec->tunnel < gw->n_tunnels;
	default:
		return false;
	}
}

static int
compare(const void *left, const void *right)
{
	const struct way *a = left, *b = right;

	return (a->what > b->what) - (a->what < b->what);
}

int
way_canonicalize(const struct gateway *gw, const struct nexthop_spec specs[], unsigned n,
	struct way ways[GROUP_MEMBERS_MAX])
{
	int kept = 0;

	if (n == 0 || n > GROUP_MEMBERS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		if (!valid(gw, &specs[i]))
			return -EINVAL;
		ways[i] = encode(&specs[i]);
	}
	qsort(ways, n, sizeof(ways[0]), compare);
	for (unsigned i = 1; i < n; i++) {
		if (ways[i].what != ways[kept].what)
			ways[++kept] = ways[i];
		else if ((ways[kept].weight += ways[i].weight) > WEIGHT_SUM_MAX)
			return -EINVAL;
	}
	return kept + 1;
}
