/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <time.h>

#include <linux/netlink.h>

#include "event.h"
#include "gateway.h"
#include "log.h"
#include "policy.h"
#include "protocol.h"
#include "tunnel.h"
#include "xfrm_message.h"
#include "xfrm_policy.h"
#include "xfrm_policy_message.h"
#include "xfrm_policy_request.h"

/* --- install --- */

static int
refuse_put(int error, struct netlink_refusal *why)
{
	if (error == -ENOSPC)
		return netlink_refuse(
			why, ENOSPC, "the tunnel has %u policies already", POLICIES_PER_TUNNEL);
	return netlink_refuse(why, -error, "there is no memory for the policy");
}

/* Without an if_id, the policies of two connections with the same selector are one, as in a kernel:
 * the later one takes it along, and a tunnel without policies carries what its configuration lets.
 */
static void
warn_of_move(const struct tunnel *from, const struct tunnel *to)
{
	if (from->policies == NULL)
		log_warning("tunnel %s has no policies any more, its last one went to %s: what it "
			    "may carry, the configuration's selectors say, if any. Connections of "
			    "equal selectors need an if_id each",
			from->name, to->name);
}

/* Gives the tables what a request means to them. Nothing has changed when it fails. */
static int
put(struct xfrm *xfrm, struct xfrm_policy *policy, const struct xfrm_policy_request *request,
	struct netlink_refusal *why)
{
	struct policy_spec spec;
	int effect = xfrm_policy_plan(xfrm, request, policy, &spec, why);

	if (effect < 0)
		return effect;
	if (effect == 0) {
		if (policy->policy != NULL)
			policy_delete(xfrm->gw, policy->policy);
		policy->policy = NULL;
		return 0;
	}
	const uint16_t before = policy->policy == NULL ? spec.tunnel : policy->policy->spec.tunnel;
	spec.origin = policy;
	int error = policy_put(xfrm->gw, policy->policy, &spec, &policy->policy);
	if (error < 0)
		return refuse_put(error, why);
	if (before != spec.tunnel)
		warn_of_move(&xfrm->gw->tunnels[before], &xfrm->gw->tunnels[spec.tunnel]);
	return 0;
}

/* What clients will see of it. */
static void
record(struct xfrm_policy *policy, const struct xfrm_policy_request *request)
{
	uint32_t index = policy->info.index;

	policy->info = request->info;
	policy->info.index = index;
	policy->info.curlft = (struct xfrm_lifetime_cur) { 0 };
	policy->added_at = (uint64_t)time(NULL);
	policy->warned_at = 0;
	policy->has_template = request->has_template;
	policy->template = request->template;
}

XFRM_HANDLER(xfrm_policy_install)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct xfrm_policy_request wanted;
	int error = xfrm_policy_read(request->body, &wanted, why);

	if (error < 0)
		return error;
	const struct xfrm_policy_name name =
		xfrm_policy_name(&wanted.info.sel, wanted.info.dir, wanted.if_id);
	struct xfrm_policy *policy = xfrm_policy_find(xfrm->policies, &name);
	bool fresh = policy == NULL;
	if (!fresh && request->type == XFRM_MSG_NEWPOLICY)
		return netlink_refuse(
			why, EEXIST, "there is a policy of that selector, direction and if_id");
	if (fresh)
		policy = xfrm_policy_add(xfrm->policies, &name);
	if (policy == NULL)
		return netlink_refuse(why, ENOMEM, "there is no room for more policies");
	error = put(xfrm, policy, &wanted, why);
	if (error < 0) {
		if (fresh)
			xfrm_policy_remove(xfrm->policies, policy);
		return error;
	}
	record(policy, &wanted);
	xfrm_policy_set_mortal(xfrm->policies, policy);
	xfrm_policy_notify(xfrm, request, request->type, policy);
	return 0;
}

/* --- find, take away --- */

struct xfrm_policy *
xfrm_policy_named(struct xfrm *xfrm, const struct xfrm_userpolicy_id *id,
	struct netlink_span attributes, int *error, struct netlink_refusal *why)
{
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct xfrm_policy *policy;

	*error = xfrm_parse(attributes, found, why);
	if (*error == 0)
		*error = xfrm_policy_check(found, why);
	if (*error == 0)
		*error = xfrm_policy_check_direction(id->dir, why);
	if (*error < 0)
		return NULL;
	if (id->index != 0) {
		policy = xfrm_policy_at(xfrm->policies, id->index);
		if (policy != NULL && policy->info.dir == id->dir)
			return policy;
		*error = netlink_refuse(why, ENOENT,
			"there is no policy of index %u in direction %u", id->index, id->dir);
		return NULL;
	}
	const struct xfrm_policy_name name =
		xfrm_policy_name(&id->sel, id->dir, netlink_u32(&found[XFRMA_IF_ID]));
	policy = xfrm_policy_find(xfrm->policies, &name);
	if (policy == NULL)
		*error = netlink_refuse(
			why, ENOENT, "there is no policy of that selector, direction and if_id");
	return policy;
}

void
xfrm_policy_take_away(struct xfrm *xfrm, struct xfrm_policy *policy)
{
	if (policy->policy != NULL)
		policy_delete(xfrm->gw, policy->policy);
	xfrm_policy_remove(xfrm->policies, policy);
}

XFRM_HANDLER(xfrm_policy_delete)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_span body = request->body;
	struct xfrm_userpolicy_id id = { 0 };
	int error;

	netlink_take(&body, &id, sizeof(id));
	struct xfrm_policy *policy = xfrm_policy_named(xfrm, &id, body, &error, why);
	if (policy == NULL)
		return error;
	xfrm_policy_notify(xfrm, request, XFRM_MSG_DELPOLICY, policy);
	xfrm_policy_take_away(xfrm, policy);
	return 0;
}

XFRM_HANDLER(xfrm_policy_flush)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct xfrm_policy *policy;
	uint32_t cursor = 0;
	unsigned n = 0;
	int error = xfrm_parse(request->body, found, why);

	if (error == 0)
		error = xfrm_policy_check(found, why);
	if (error < 0)
		return error;
	while ((policy = xfrm_policy_next(xfrm->policies, &cursor)) != NULL) {
		xfrm_policy_take_away(xfrm, policy);
		n++;
	}
	if (n == 0)
		return 0;
	log_info("%u policies flushed by uid %u, pid %d", n, session->uid, session->pid);
	if (event_wanted(xfrm->context, ESPALIER_FAMILY_XFRM, XFRMNLGRP_POLICY)) {
		struct netlink_writer writer = xfrm_writer(xfrm);

		xfrm_message_begin(&writer, XFRM_MSG_FLUSHPOLICY, 0, request);
		xfrm_event(xfrm, XFRMNLGRP_POLICY, &writer);
	}
	return 0;
}

/* --- show --- */

static int
append_row(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	struct xfrm *xfrm = session->context->xfrm;
	const struct xfrm_policy *policy = xfrm_policy_next(xfrm->policies, &dump->cursor);

	if (policy == NULL)
		return 0;
	xfrm_message_begin(writer, XFRM_MSG_NEWPOLICY, NLM_F_MULTI, &dump->request);
	xfrm_policy_message_put(xfrm, writer, policy);
	int error = netlink_commit(writer);
	return error == 0 ? 1 : error;
}

static int
list(struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_attribute found[XFRM_ATTRIBUTES];

	int error = xfrm_read_listing(session, request, found, why);

	if (error == 0)
		error = xfrm_policy_check(found, why);
	return error == 0 ? session_dump(session, request, append_row, 0) : error;
}

XFRM_HANDLER(xfrm_policy_get)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_span body = request->body;
	struct xfrm_userpolicy_id id = { 0 };
	int error;

	if ((request->flags & NLM_F_DUMP) != 0) /* either bit, as in the kernel */
		return list(session, request, why);
	if (!netlink_take(&body, &id, sizeof(id)))
		return netlink_refuse(why, EINVAL,
			"a GETPOLICY that is no listing names a policy in %zu bytes, this has %zu",
			sizeof(id), body.bytes);
	const struct xfrm_policy *policy = xfrm_policy_named(xfrm, &id, body, &error, why);
	if (policy == NULL)
		return error;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_NEWPOLICY, 0, request);
	xfrm_policy_message_put(xfrm, &writer, policy);
	return xfrm_answer(session, &writer, why);
}
