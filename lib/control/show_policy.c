/* SPDX-License-Identifier: BSD-3-Clause */
#include "show.h"

#include <arpa/inet.h>

#include "gateway.h"
#include "policy.h"
#include "render.h"
#include "tunnel.h"
#include "xfrm_internal.h"
#include "xfrm_policies.h"
#include "xfrm_policy_message.h"

/* Policies as clients said them. */

static json_t *
render_selector_prefix(uint16_t family, const xfrm_address_t *address, unsigned bits)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(family, address, text, sizeof(text));
	return json_sprintf("%s/%u", text, bits);
}

/* null: any; text where the mask is neither none nor all. */
static json_t *
render_port(uint16_t port_be, uint16_t mask_be)
{
	if (mask_be == 0)
		return json_null();
	if (mask_be == UINT16_MAX)
		return json_integer(ntohs(port_be));
	return json_sprintf("0x%x/0x%x", ntohs(port_be), ntohs(mask_be));
}

static const char *
direction_name(uint8_t direction)
{
	static const char *const names[] = {
		[XFRM_POLICY_IN] = "in", [XFRM_POLICY_OUT] = "out", [XFRM_POLICY_FWD] = "fwd"
	};

	return direction < ARRAY_LEN(names) ? names[direction] : "?";
}

static void
set_selector(json_t **row, const struct xfrm_selector *selector)
{
	render_set(row, "source",
		render_selector_prefix(selector->family, &selector->saddr, selector->prefixlen_s));
	render_set(row, "destination",
		render_selector_prefix(selector->family, &selector->daddr, selector->prefixlen_d));
	render_set(row, "protocol",
		selector->proto == 0 ? json_null() : json_integer(selector->proto));
	render_set(row, "sport", render_port(selector->sport, selector->sport_mask));
	render_set(row, "dport", render_port(selector->dport, selector->dport_mask));
}

/* What its template asks for; nulls without one, and where it leaves it open. */
static void
set_template(json_t **row, const struct xfrm_policy *policy)
{
	uint32_t spi = policy->has_template ? ntohl(policy->template.id.spi) : 0;
	uint32_t reqid = policy->has_template ? policy->template.reqid : 0;

	render_set(row, "template", json_boolean(policy->has_template));
	render_set(row, "reqid", reqid == 0 ? json_null() : json_integer(reqid));
	render_set(row, "spi", spi == 0 ? json_null() : render_spi(spi));
}

int
show_policy(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct xfrm *xfrm = context->xfrm;
	const struct xfrm_policy *policy =
		xfrm == NULL ? NULL : xfrm_policy_next(xfrm->policies, cursor);

	if (policy == NULL)
		return 0;
	const struct xfrm_userpolicy_info info = xfrm_policy_message_info(xfrm, policy);
	const char *tunnel = policy->policy == NULL
		? NULL
		: context->gw->tunnels[policy->policy->spec.tunnel].name;
	*row = json_object();
	render_set(row, "tunnel", render_text(tunnel));
	render_set(row, "if_id",
		policy->name.if_id == 0 ? json_null() : json_integer(policy->name.if_id));
	render_set(row, "direction", json_string(direction_name(info.dir)));
	render_set(
		row, "action", json_string(info.action == XFRM_POLICY_BLOCK ? "block" : "allow"));
	render_set(row, "priority", json_integer(info.priority));
	set_selector(row, &info.sel);
	set_template(row, policy);
	render_set(row, "index", json_integer(info.index));
	render_set(row, "added_at", render_count(info.curlft.add_time));
	render_set(row, "used_at",
		info.curlft.use_time == 0 ? json_null() : render_count(info.curlft.use_time));
	return 1;
}
