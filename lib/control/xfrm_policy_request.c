/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_policy_request.h"

#include <errno.h>
#include <string.h>

#include <linux/ipsec.h>

#include "gateway.h"
#include "tunnel.h"
#include "xfrm_request.h"
#include "xfrm_tunnels.h"

#define TEMPLATES_MAX 6 /* that a kernel knows what to do with: its XFRM_MAX_DEPTH */

/* --- what stands in it --- */

int
xfrm_policy_check(
	const struct netlink_attribute found[XFRM_ATTRIBUTES], struct netlink_refusal *why)
{
	struct xfrm_userpolicy_type type = { 0 };
	struct xfrm_mark mark = { 0 };
	struct netlink_span span;

	span = (struct netlink_span) { found[XFRMA_POLICY_TYPE].data,
		found[XFRMA_POLICY_TYPE].bytes };
	netlink_take(&span, &type, sizeof(type));
	if (type.type != XFRM_POLICY_TYPE_MAIN)
		return netlink_refuse(why, EOPNOTSUPP,
			"policies of type %u are not supported, those of type main are", type.type);
	span = (struct netlink_span) { found[XFRMA_MARK].data, found[XFRMA_MARK].bytes };
	netlink_take(&span, &mark, sizeof(mark));
	if (mark.m != 0)
		return netlink_refuse(
			why, EOPNOTSUPP, "marks are not supported; XFRMA_IF_ID names the tunnel");
	if (found[XFRMA_SEC_CTX].data != NULL)
		return netlink_refuse(why, EOPNOTSUPP, "security contexts are not supported");
	return 0;
}

int
xfrm_policy_check_direction(uint8_t direction, struct netlink_refusal *why)
{
	if (direction > XFRM_POLICY_FWD)
		return netlink_refuse(why, EINVAL,
			"there is no direction %u; 0 is in, 1 out, 2 forward", direction);
	return 0;
}

static int
check_selector(const struct xfrm_selector *selector, struct netlink_refusal *why)
{
	unsigned bits = selector->family == AF_INET6 ? 128 : 32;

	if (selector->family != AF_INET && selector->family != AF_INET6)
		return netlink_refuse(why, EINVAL, "the selector is of no address family known: %u",
			selector->family);
	if (selector->prefixlen_s > bits || selector->prefixlen_d > bits)
		return netlink_refuse(why, EINVAL,
			"prefix lengths /%u and /%u of the selector; an address has %u bits",
			selector->prefixlen_s, selector->prefixlen_d, bits);
	if (selector->ifindex != 0)
		return netlink_refuse(why, EOPNOTSUPP,
			"a selector with an interface is not supported; XFRMA_IF_ID names the "
			"tunnel");
	return 0;
}

static int
check_info(const struct xfrm_userpolicy_info *info, struct netlink_refusal *why)
{
	int error = xfrm_policy_check_direction(info->dir, why);

	if (error == 0)
		error = check_selector(&info->sel, why);
	if (error < 0)
		return error;
	if (info->action > XFRM_POLICY_BLOCK)
		return netlink_refuse(
			why, EINVAL, "there is no action %u; 0 is allow, 1 block", info->action);
	if (info->share > XFRM_SHARE_UNIQUE)
		return netlink_refuse(why, EINVAL, "there is no way of sharing %u", info->share);
	if (info->index != 0 && (info->index & 7) != info->dir)
		return netlink_refuse(why, EINVAL,
			"index %u is one of direction %u, this policy is of direction %u",
			info->index, info->index & 7, info->dir);
	return 0;
}

static bool
is_wildcard(const struct xfrm_user_tmpl *template)
{
	return template->saddr.a4 == 0 && template->id.daddr.a4 == 0;
}

static int
check_template(const struct xfrm_user_tmpl *template, struct netlink_refusal *why)
{
	int error = 0;

	if (template->id.proto != IPSEC_PROTO_ANY)
		error = xfrm_check_protocol(template->id.proto, why);
	/* Some leave it out: it is the selector's then. */
	if (error == 0 && template->family != AF_UNSPEC)
		error = xfrm_check_family(template->family, why);
	if (error < 0)
		return error;
	/* Pluto's traps say transport, and no address: they ask, and another policy comes of it. */
	if (template->mode == XFRM_MODE_TUNNEL ||
		(template->mode == XFRM_MODE_TRANSPORT && is_wildcard(template)))
		return 0;
	if (template->mode >= XFRM_MODE_MAX)
		return netlink_refuse(why, EINVAL, "there is no mode %u", template->mode);
	return netlink_refuse(why, EOPNOTSUPP,
		"a template of mode %u is not supported, tunnel mode is (%u)", template->mode,
		XFRM_MODE_TUNNEL);
}

/* A policy without one has the attribute not, or an empty one. */
static int
read_template(const struct netlink_attribute *attribute, struct xfrm_policy_request *request,
	struct netlink_refusal *why)
{
	struct netlink_span span = { attribute->data, attribute->bytes };
	size_t n = attribute->bytes / sizeof(request->template);

	if (attribute->bytes % sizeof(request->template) != 0)
		return netlink_refuse(why, EINVAL,
			"attribute 'TMPL' has %u bytes; a template has %zu", attribute->bytes,
			sizeof(request->template));
	if (n > 1)
		return netlink_refuse(why, n > TEMPLATES_MAX ? EINVAL : EOPNOTSUPP,
			"%zu templates: one transformation behind the other is not supported", n);
	if (n == 0)
		return 0;
	if (request->info.sel.family == AF_INET6)
		return netlink_refuse(why, EOPNOTSUPP, "IPv6 is not supported by this version");
	request->has_template = true;
	netlink_take(&span, &request->template, sizeof(request->template));
	return check_template(&request->template, why);
}

int
xfrm_policy_read(
	struct netlink_span body, struct xfrm_policy_request *request, struct netlink_refusal *why)
{
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct xfrm_userpolicy_info *info = &request->info;

	memset(request, 0, sizeof(*request));
	netlink_take(&body, info, sizeof(*info));
	int error = xfrm_parse(body, found, why);
	if (error == 0)
		error = xfrm_policy_check(found, why);
	if (error == 0)
		error = check_info(info, why);
	if (error == 0)
		error = read_template(&found[XFRMA_TMPL], request, why);
	if (error < 0)
		return error;
	request->if_id = netlink_u32(&found[XFRMA_IF_ID]);
	return 0;
}

/* --- what it means --- */

/* The tunnel between the addresses of a template. */
static int
find_between(struct xfrm *xfrm, const struct xfrm_policy_request *request, struct tunnel **tunnel,
	struct netlink_refusal *why)
{
	const struct xfrm_user_tmpl *template = &request->template;
	bool outbound = request->info.dir == XFRM_POLICY_OUT;
	uint32_t local = xfrm_address(outbound ? &template->saddr : &template->id.daddr);
	uint32_t remote = xfrm_address(outbound ? &template->id.daddr : &template->saddr);

	return xfrm_tunnel_between(xfrm, local, remote, tunnel, why);
}

/* A template that names no address: the policy stays with the tunnel it had, or it is the only one.
 */
static struct tunnel *
find_any(const struct xfrm *xfrm, const struct xfrm_policy *old)
{
	if (old != NULL && old->policy != NULL)
		return &xfrm->gw->tunnels[old->policy->spec.tunnel];
	return xfrm->gw->n_tunnels == 1 ? &xfrm->gw->tunnels[0] : NULL;
}

/* 0, with NULL for a policy that names none and does no harm without effect; or -errno. */
static int
find_tunnel(struct xfrm *xfrm, const struct xfrm_policy_request *request,
	const struct xfrm_policy *old, struct tunnel **tunnel, struct netlink_refusal *why)
{
	uint32_t if_id = request->if_id;

	*tunnel = NULL;
	if (if_id != 0) {
		*tunnel = xfrm_tunnels_by_if_id(xfrm->tunnels, if_id);
		return *tunnel != NULL
			? 0
			: netlink_refuse(why, EINVAL, "there is no tunnel with if_id %u", if_id);
	}
	if (request->has_template && !is_wildcard(&request->template))
		return find_between(xfrm, request, tunnel, why);
	if (request->has_template)
		*tunnel = find_any(xfrm, old);
	if (*tunnel == NULL && request->info.action == XFRM_POLICY_BLOCK)
		return netlink_refuse(why, EOPNOTSUPP,
			"a policy that blocks must name its tunnel with XFRMA_IF_ID");
	return 0;
}

static struct prefix
prefix_of(const xfrm_address_t *address, uint8_t bits)
{
	return (struct prefix) { xfrm_address(address) & prefix_mask(bits), bits };
}

static struct selector
selector_of(const struct xfrm_userpolicy_info *info)
{
	const struct xfrm_selector *from = &info->sel;
	struct selector selector = {
		.local = prefix_of(&from->saddr, from->prefixlen_s),
		.remote = prefix_of(&from->daddr, from->prefixlen_d),
		.local_port = ntohs(from->sport),
		.local_port_mask = ntohs(from->sport_mask),
		.remote_port = ntohs(from->dport),
		.remote_port_mask = ntohs(from->dport_mask),
		.protocol = from->proto,
		.blocks = info->action == XFRM_POLICY_BLOCK,
	};

	if (info->dir == XFRM_POLICY_OUT)
		return selector;
	return (struct selector) {
		.local = selector.remote,
		.remote = selector.local,
		.local_port = selector.remote_port,
		.local_port_mask = selector.remote_port_mask,
		.remote_port = selector.local_port,
		.remote_port_mask = selector.local_port_mask,
		.protocol = selector.protocol,
		.blocks = selector.blocks,
	};
}

int
xfrm_policy_plan(struct xfrm *xfrm, const struct xfrm_policy_request *request,
	const struct xfrm_policy *old, struct policy_spec *spec, struct netlink_refusal *why)
{
	const struct xfrm_userpolicy_info *info = &request->info;
	const struct xfrm_user_tmpl *template = &request->template;
	struct tunnel *tunnel;
	int error = find_tunnel(xfrm, request, old, &tunnel, why);

	if (error < 0)
		return error;
	if (tunnel == NULL)
		return 0;
	if (info->sel.family == AF_INET6)
		return netlink_refuse(why, EOPNOTSUPP, "IPv6 is not supported by this version");
	if (info->dir == XFRM_POLICY_OUT && info->action == XFRM_POLICY_ALLOW &&
		!request->has_template)
		return netlink_refuse(why, EOPNOTSUPP,
			"nothing goes through tunnel %s in the clear; the policy needs a template",
			tunnel->name);
	*spec = (struct policy_spec) {
		.direction = (enum policy_direction)info->dir,
		.tunnel = tunnel->index,
		.priority = info->priority,
		.selector = selector_of(info),
		.protects = request->has_template,
		.spi = ntohl(template->id.spi),
		.destination = xfrm_address(&template->id.daddr),
		.reqid = template->reqid,
		.traps = request->has_template && template->mode != XFRM_MODE_TUNNEL,
	};
	return 1;
}
