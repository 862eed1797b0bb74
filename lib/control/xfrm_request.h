/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "xfrm_algorithms.h"
#include "xfrm_internal.h"
#include "xfrm_replay.h"
#include "xfrm_state.h"

/* A NEWSA or UPDSA, read and judged: nothing has been changed yet. Keys are bytes of the message.
 */

struct xfrm_request {
	struct xfrm_usersa_info info;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct xfrm_name name;
	uint32_t if_id;
	struct xfrm_encap_tmpl encap; /* encap_type 0: none */
	struct xfrm_keys keys;
	struct xfrm_replay replay;
	struct sa_spec spec; /* but for sequence numbers that the memory of keys may raise */
};

/* 0, or -errno in words. */
int xfrm_request_read(struct xfrm *xfrm, const struct netlink_message *message,
	struct xfrm_request *request, struct netlink_refusal *why);

/* The tunnel and direction of an SA between two addresses: tunnel by if_id where it is not 0. 0, or
 * -EINVAL in words. */
struct xfrm_place {
	enum sa_direction direction;
	struct tunnel *tunnel;
};
int xfrm_place(struct xfrm *xfrm, uint32_t source, uint32_t destination, uint32_t if_id,
	struct xfrm_place *place, struct netlink_refusal *why);

/* The one tunnel between two addresses. 0, or -EINVAL in words: there is none, or more than one. */
int xfrm_tunnel_between(struct xfrm *xfrm, uint32_t local, uint32_t remote, struct tunnel **tunnel,
	struct netlink_refusal *why);

/* The kernel's limits as ours. */
void xfrm_lifetimes(
	const struct xfrm_lifetime_cfg *from, struct sa_lifetime *hard, struct sa_lifetime *soft);
/* What an XFRMA_LTIME_VAL says is behind an SA. */
struct sa_past xfrm_past(const struct netlink_attribute *attribute);
