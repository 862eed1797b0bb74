/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_request.h"

#include <errno.h>
#include <stdint.h>

#include <linux/udp.h>

#include "compiler.h"
#include "tunnel.h"
#include "xfrm_tunnels.h"

/* An SA without extended sequence numbers asks for its successor when so many are used up, however
 * its daemon sees it: what is left lasts for minutes at any rate. */
#define SEQUENCE_SOFT (UINT64_C(7) << 29)

/* --- which tunnel, which direction --- */

int
xfrm_tunnel_between(struct xfrm *xfrm, uint32_t local, uint32_t remote, struct tunnel **tunnel,
	struct netlink_refusal *why)
{
	char ours[ADDRESS_TEXT_BYTES], theirs[ADDRESS_TEXT_BYTES];
	unsigned n = xfrm_tunnels_between(xfrm->tunnels, local, remote, tunnel);

	if (n == 1)
		return 0;
	return netlink_refuse(why, EINVAL, "%s tunnel between %s and %s; XFRMA_IF_ID says which",
		n == 0 ? "there is no" : "there is more than one", address_format(local, ours),
		address_format(remote, theirs));
}

static int
find_tunnel(struct xfrm *xfrm, uint32_t local, uint32_t remote, uint32_t if_id,
	struct xfrm_place *place, struct netlink_refusal *why)
{
	char given[ADDRESS_TEXT_BYTES], known[ADDRESS_TEXT_BYTES];

	if (if_id == 0)
		return xfrm_tunnel_between(xfrm, local, remote, &place->tunnel, why);
	struct tunnel *tunnel = xfrm_tunnels_by_if_id(xfrm->tunnels, if_id);
	if (tunnel == NULL)
		return netlink_refuse(why, EINVAL, "there is no tunnel with if_id %u", if_id);
	if (tunnel->remote != 0 && tunnel->remote != remote)
		return netlink_refuse(why, EINVAL, "the remote end of tunnel %s is %s, not %s",
			tunnel->name, address_format(tunnel->remote, known),
			address_format(remote, given));
	/* Its outer packets leave from the tunnel's own address. */
	if (place->direction == SA_OUT && tunnel->local != local)
		return netlink_refuse(why, EINVAL, "the local end of tunnel %s is %s, not %s",
			tunnel->name, address_format(tunnel->local, known),
			address_format(local, given));
	place->tunnel = tunnel;
	return 0;
}

int
xfrm_place(struct xfrm *xfrm, uint32_t source, uint32_t destination, uint32_t if_id,
	struct xfrm_place *place, struct netlink_refusal *why)
{
	char from[ADDRESS_TEXT_BYTES], to[ADDRESS_TEXT_BYTES];

	*place = (struct xfrm_place) { .direction = SA_IN };
	if (xfrm_tunnels_is_ours(xfrm->tunnels, destination))
		return find_tunnel(xfrm, destination, source, if_id, place, why);
	place->direction = SA_OUT;
	if (xfrm_tunnels_is_ours(xfrm->tunnels, source))
		return find_tunnel(xfrm, source, destination, if_id, place, why);
	return netlink_refuse(why, EINVAL, "neither %s nor %s is an address of this gateway",
		address_format(source, from), address_format(destination, to));
}

/* --- what this version does not do --- */

static int
check_mode(uint8_t mode, struct netlink_refusal *why)
{
	static const char *const names[] = {
		[XFRM_MODE_TRANSPORT] = "transport",
		[XFRM_MODE_ROUTEOPTIMIZATION] = "route optimization",
		[XFRM_MODE_IN_TRIGGER] = "in-trigger",
		[XFRM_MODE_BEET] = "BEET",
	};

	if (mode == XFRM_MODE_TUNNEL)
		return 0;
	if (mode >= ARRAY_LEN(names))
		return netlink_refuse(why, EINVAL, "there is no mode %u", mode);
	return netlink_refuse(
		why, EOPNOTSUPP, "mode %s is not supported, tunnel mode is", names[mode]);
}

static int
check_flags(const struct xfrm_request *request, struct netlink_refusal *why)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} refused[] = {
		{ XFRM_STATE_NOECN, "noecn" },
		{ XFRM_STATE_DECAP_DSCP, "decap-dscp" },
		/* The outer header has the inner one's DF. */
		{ XFRM_STATE_NOPMTUDISC, "nopmtudisc" },
		{ XFRM_STATE_WILDRECV, "wildrecv" },
		{ XFRM_STATE_ALIGN4, "align4" },
	};
	uint32_t extra = netlink_u32(&request->found[XFRMA_SA_EXTRA_FLAGS]);

	for (unsigned i = 0; i < ARRAY_LEN(refused); i++)
		if ((request->info.flags & refused[i].flag) != 0)
			return netlink_refuse(
				why, EOPNOTSUPP, "flag %s is not supported", refused[i].name);
	if (extra != 0)
		return netlink_refuse(why, EOPNOTSUPP, "extra flags 0x%x are not supported", extra);
	return 0;
}

static int
check_selector(const struct xfrm_selector *selector, struct netlink_refusal *why)
{
	if (selector->prefixlen_d == 0 && selector->prefixlen_s == 0 && selector->proto == 0 &&
		selector->dport_mask == 0 && selector->sport_mask == 0 && selector->ifindex == 0)
		return 0;
	return netlink_refuse(why, EOPNOTSUPP,
		"a selector that narrows an SA is not supported; policies do that");
}

static int
check_attributes(const struct netlink_attribute found[], struct netlink_refusal *why)
{
	static const struct {
		uint16_t type;
		const char *what;
	} refused[] = {
		{ XFRMA_ALG_COMP, "compression" },
		{ XFRMA_COADDR, "a care-of address" },
		{ XFRMA_SEC_CTX, "a security context" },
		{ XFRMA_OFFLOAD_DEV, "offload to a device" },
		{ XFRMA_REPLAY_THRESH, "a replay threshold" },
		{ XFRMA_ETIMER_THRESH, "an event timer" },
		{ XFRMA_SA_PCPU, "an SA for one CPU" },
	};
	struct netlink_span span = { found[XFRMA_MARK].data, found[XFRMA_MARK].bytes };
	struct xfrm_mark mark = { 0 };

	for (unsigned i = 0; i < ARRAY_LEN(refused); i++)
		if (found[refused[i].type].data != NULL)
			return netlink_refuse(
				why, EOPNOTSUPP, "%s is not supported", refused[i].what);
	netlink_take(&span, &mark, sizeof(mark));
	if (mark.m != 0)
		return netlink_refuse(why, EOPNOTSUPP,
			"a mark (0x%x, mask 0x%x) is not supported; XFRMA_IF_ID is", mark.v,
			mark.m);
	if (netlink_u32(&found[XFRMA_NAT_KEEPALIVE_INTERVAL]) != 0)
		return netlink_refuse(
			why, EOPNOTSUPP, "keepalives are not sent here; IKE daemons send them");
	if (netlink_u32(&found[XFRMA_TFCPAD]) != 0)
		return netlink_refuse(
			why, EOPNOTSUPP, "traffic flow confidentiality padding is not supported");
	return 0;
}

/* --- the parts --- */

static int
read_encap(struct xfrm_request *request, struct netlink_refusal *why)
{
	const struct netlink_attribute *attribute = &request->found[XFRMA_ENCAP];
	struct netlink_span span = { attribute->data, attribute->bytes };

	request->encap = (struct xfrm_encap_tmpl) { 0 };
	if (attribute->data == NULL) {
		if (request->found[XFRMA_MTIMER_THRESH].data != NULL)
			return netlink_refuse(why, EINVAL,
				"MTIMER_THRESH is for SAs that are encapsulated in UDP (ENCAP)");
		return 0;
	}
	netlink_take(&span, &request->encap, sizeof(request->encap));
	if (request->encap.encap_type != UDP_ENCAP_ESPINUDP)
		return netlink_refuse(why, EOPNOTSUPP,
			"encapsulation type %u is not supported; ESP in UDP (%u) is",
			request->encap.encap_type, UDP_ENCAP_ESPINUDP);
	if (request->encap.encap_sport == 0 || request->encap.encap_dport == 0)
		return netlink_refuse(why, EINVAL, "a UDP port of the encapsulation is 0");
	return 0;
}

static uint64_t
limit(uint64_t given)
{
	return given == XFRM_INF ? 0 : given;
}

void
xfrm_lifetimes(
	const struct xfrm_lifetime_cfg *from, struct sa_lifetime *hard, struct sa_lifetime *soft)
{
	*hard = (struct sa_lifetime) {
		.packets = limit(from->hard_packet_limit),
		.bytes = limit(from->hard_byte_limit),
		.seconds = limit(from->hard_add_expires_seconds),
		.use_seconds = limit(from->hard_use_expires_seconds),
	};
	*soft = (struct sa_lifetime) {
		.packets = limit(from->soft_packet_limit),
		.bytes = limit(from->soft_byte_limit),
		.seconds = limit(from->soft_add_expires_seconds),
		.use_seconds = limit(from->soft_use_expires_seconds),
	};
}

static uint64_t
at_most(uint64_t value, uint64_t most)
{
	return value < most ? value : most;
}

struct sa_past
xfrm_past(const struct netlink_attribute *attribute)
{
	struct netlink_span span = { attribute->data, attribute->bytes };
	struct xfrm_lifetime_cur current = { 0 };

	netlink_take(&span, &current, sizeof(current));
	return (struct sa_past) {
		.packets = at_most(current.packets, INT64_MAX),
		.bytes = at_most(current.bytes, INT64_MAX),
		.added_at = current.add_time,
		.used_at = current.use_time,
	};
}

static void
write_spec(struct xfrm_request *request, const struct xfrm_place *place)
{
	const struct xfrm_replay *replay = &request->replay;
	bool esn = (request->info.flags & XFRM_STATE_ESN) != 0;
	bool inbound = place->direction == SA_IN;

	request->spec = (struct sa_spec) {
		.direction = place->direction,
		.spi = request->name.spi,
		.source = xfrm_address(&request->info.saddr),
		.destination = request->name.destination,
		.tunnel = place->tunnel->index,
		.suite = request->keys.suite,
		.encryption_key = request->keys.encryption,
		.authentication_key = request->keys.authentication,
		.esn = esn,
		.sequence = inbound ? 0 : replay->sent,
		.replay = inbound ? xfrm_replay_state(replay) : (struct replay_state) { 0 },
		.encap_sport = ntohs(request->encap.encap_sport),
		.encap_dport = ntohs(request->encap.encap_dport),
		.mapping_seconds = netlink_u32(&request->found[XFRMA_MTIMER_THRESH]),
		.reqid = request->info.reqid,
		.past = xfrm_past(&request->found[XFRMA_LTIME_VAL]),
	};
	xfrm_lifetimes(&request->info.lft, &request->spec.lifetime, &request->spec.soft);
	if (!inbound && !esn &&
		(request->spec.soft.packets == 0 || request->spec.soft.packets > SEQUENCE_SOFT))
		request->spec.soft.packets = SEQUENCE_SOFT;
}

static int
check_support(const struct xfrm_request *request, struct netlink_refusal *why)
{
	int error = xfrm_check_protocol(request->info.id.proto, why);

	if (error == 0)
		error = xfrm_check_family(request->info.family, why);
	if (error == 0)
		error = check_mode(request->info.mode, why);
	if (error == 0)
		error = check_attributes(request->found, why);
	if (error == 0)
		error = check_flags(request, why);
	if (error == 0)
		error = check_selector(&request->info.sel, why);
	return error;
}

/* What depends on the direction, which the addresses have told. */
static int
check_direction(const struct xfrm_request *request, enum sa_direction direction,
	struct netlink_refusal *why)
{
	const struct netlink_attribute *said = &request->found[XFRMA_SA_DIR];
	uint8_t expected = direction == SA_IN ? 1 : 2;

	if (said->data != NULL && netlink_u8(said) != expected)
		return netlink_refuse(why, EINVAL,
			"SA_DIR says %u, but by its addresses this SA is %s (%u)", netlink_u8(said),
			direction == SA_IN ? "inbound" : "outbound", expected);
	return xfrm_replay_check(
		&request->replay, direction, (request->info.flags & XFRM_STATE_ESN) != 0, why);
}

int
xfrm_request_read(struct xfrm *xfrm, const struct netlink_message *message,
	struct xfrm_request *request, struct netlink_refusal *why)
{
	struct xfrm_usersa_info *info = &request->info;
	struct netlink_span body = message->body;
	struct xfrm_place place;

	netlink_take(&body, info, sizeof(*info));
	int error = xfrm_parse(body, request->found, why);
	if (error == 0)
		error = check_support(request, why);
	if (error < 0)
		return error;
	request->name = (struct xfrm_name) { ntohl(info->id.spi), xfrm_address(&info->id.daddr) };
	request->if_id = netlink_u32(&request->found[XFRMA_IF_ID]);
	/* RFC 4303 2.1: zero is for local use and must not be sent. */
	if (request->name.spi == 0)
		return netlink_refuse(why, EINVAL, "an SA needs an SPI other than 0");
	error = xfrm_place(xfrm, xfrm_address(&info->saddr), request->name.destination,
		request->if_id, &place, why);
	if (error == 0)
		error = xfrm_algorithms_read(request->found, &request->keys, why);
	if (error == 0)
		error = read_encap(request, why);
	if (error == 0)
		error = xfrm_replay_read(request->found, info->replay_window,
			(info->flags & XFRM_STATE_ESN) != 0, &request->replay, why);
	if (error == 0)
		error = check_direction(request, place.direction, why);
	if (error < 0)
		return error;
	write_spec(request, &place);
	return 0;
}
