/* SPDX-License-Identifier: BSD-3-Clause */
#include "xfrm_sa.h"

#include <errno.h>
#include <string.h>

#include <linux/ipsec.h>

#include "clock.h"
#include "gateway.h"
#include "key_memory.h"
#include "log.h"
#include "publish.h"
#include "tunnel.h"
#include "xfrm_message.h"
#include "xfrm_request.h"

/* --- states and SAs --- */

struct xfrm_state *
xfrm_sa_named(
	struct xfrm *xfrm, const struct xfrm_usersa_id *id, int *error, struct netlink_refusal *why)
{
	struct xfrm_name name = { ntohl(id->spi), xfrm_address(&id->daddr) };
	char to[ADDRESS_TEXT_BYTES];

	*error = xfrm_check_protocol(id->proto, why);
	if (*error == 0)
		*error = xfrm_check_family(id->family, why);
	if (*error < 0)
		return NULL;
	struct xfrm_state *state = xfrm_state_find(xfrm->states, name);
	if (state == NULL)
		*error = netlink_refuse(why, ESRCH, "there is no SA 0x%08x to %s", name.spi,
			address_format(name.destination, to));
	return state;
}

void
xfrm_sa_retired(void *context, const struct sa *sa)
{
	const struct session_context *shared = context;
	struct xfrm *xfrm = shared->xfrm;
	struct xfrm_state *state = sa->record->origin;

	if (state == NULL)
		return;
	if (state->key_use != NULL)
		key_memory_gone(xfrm->keys, state->key_use, sa_last_sequence(sa), clock_now_ns());
	xfrm_state_free(state);
}

void
xfrm_sa_remove(struct xfrm *xfrm, struct xfrm_state *state)
{
	struct sa *sa = state->sa;

	xfrm_state_remove(xfrm->states, state);
	if (sa == NULL) {
		xfrm_state_free(state);
		return;
	}
	if (state->key_use != NULL)
		key_memory_leave(state->key_use);
	/* Calls xfrm_sa_retired() when its time has come. */
	sa_delete(xfrm->gw, sa->direction, sa->spi, sa->destination);
}

/* --- NEWSA, UPDSA --- */

/* What the state keeps of the request that made its SA. */
static void
keep(struct xfrm_state *state, const struct xfrm_request *request)
{
	const struct xfrm_keys *keys = &request->keys;

	state->info = request->info;
	state->if_id = request->if_id;
	state->encap = request->encap;
	state->mapping_seconds = request->spec.mapping_seconds;
	state->replay_window = request->replay.window;
	state->replay_words = request->replay.words;
	memcpy(state->encryption_key, keys->encryption, xfrm_encryption_key_bytes(keys->suite));
	if (keys->authentication != NULL)
		memcpy(state->authentication_key, keys->authentication,
			xfrm_authentication_key_bytes(keys->suite));
}

/* An outbound SA goes on above every number that was sent under its key, whatever its client knows:
 * between its GETAE and its DELSA workers went on sending. */
static int
continue_key(struct xfrm *xfrm, struct xfrm_state *state, struct xfrm_request *request)
{
	const struct xfrm_keys *keys = &request->keys;
	struct sa_spec *spec = &request->spec;

	if (spec->direction != SA_OUT)
		return 0;
	state->key_use = key_memory_take(xfrm->keys, keys->encryption,
		xfrm_encryption_key_bytes(keys->suite), keys->authentication,
		xfrm_authentication_key_bytes(keys->suite));
	if (state->key_use == NULL)
		return -ENOMEM;
	if (key_memory_uncertain(state->key_use))
		publish_flush(xfrm->gw->publisher);
	if (spec->sequence < key_memory_sequence(state->key_use))
		spec->sequence = key_memory_sequence(state->key_use);
	return 0;
}

/* Makes the SA of a state that is in the table. Nothing has changed when it fails. */
static int
install(struct xfrm *xfrm, struct xfrm_state *state, struct xfrm_request *request,
	struct netlink_refusal *why)
{
	const struct sa_spec *spec = &request->spec;
	int error = xfrm->context->facts.keys != NULL ? continue_key(xfrm, state, request)
						      : -EOPNOTSUPP;

	request->spec.origin = state;
	if (error == 0)
		error = sa_add(xfrm->gw, xfrm->context->facts.keys, spec);
	if (error == 0) {
		keep(state, request);
		state->sa = sa_find(xfrm->gw, spec->direction, spec->spi, spec->destination);
		return 0;
	}
	if (state->key_use != NULL)
		key_memory_give_back(xfrm->keys, state->key_use, clock_now_ns());
	state->key_use = NULL;
	return netlink_refuse(
		why, -error, "SA 0x%08x cannot be added: %s", spec->spi, strerror(-error));
}

XFRM_HANDLER(xfrm_sa_new)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct xfrm_request new;
	char to[ADDRESS_TEXT_BYTES];
	int error = xfrm_request_read(xfrm, request, &new, why);

	if (error < 0)
		return error;
	struct xfrm_state *state = xfrm_state_find(xfrm->states, new.name);
	if (state != NULL)
		return netlink_refuse(why, EEXIST, "SPI 0x%08x to %s is %s", new.name.spi,
			address_format(new.name.destination, to),
			state->sa == NULL ? "reserved: an UPDSA claims it"
					  : "there already: an UPDSA changes it");
	state = xfrm_state_add(xfrm->states, new.name);
	if (state == NULL)
		return netlink_refuse(why, ENOMEM, "out of memory");
	error = install(xfrm, state, &new, why);
	if (error < 0) {
		xfrm_state_remove(xfrm->states, state);
		xfrm_state_free(state);
		return error;
	}
	xfrm_message_notify(xfrm, request, XFRM_MSG_NEWSA, state);
	return 0;
}

/* As the kernel has it: keys and sequence numbers of an SA that lives stay as they are, lifetimes
 * and UDP ports become the new ones. */
static int
change(struct xfrm *xfrm, struct xfrm_state *state, const struct xfrm_request *request,
	struct netlink_refusal *why)
{
	const struct sa_spec *spec = &request->spec;

	if (request->encap.encap_type != state->encap.encap_type)
		return netlink_refuse(why, EINVAL,
			"an SA cannot begin or end to be encapsulated in UDP: delete it, and add "
			"it again");
	if (spec->tunnel != state->sa->tunnel)
		return netlink_refuse(why, EINVAL, "an SA cannot change its tunnel");
	state->encap = request->encap;
	state->info.lft = request->info.lft;
	if (state->encap.encap_type != 0)
		sa_set_ports(xfrm->gw, state->sa, spec->encap_sport, spec->encap_dport);
	sa_set_lifetimes(xfrm->gw, state->sa, &spec->lifetime, &spec->soft);
	return 0;
}

XFRM_HANDLER(xfrm_sa_update)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct xfrm_request new;
	char to[ADDRESS_TEXT_BYTES];
	int error = xfrm_request_read(xfrm, request, &new, why);

	if (error < 0)
		return error;
	struct xfrm_state *state = xfrm_state_find(xfrm->states, new.name);
	if (state == NULL)
		return netlink_refuse(why, ESRCH, "there is no SA 0x%08x to %s to update",
			new.name.spi, address_format(new.name.destination, to));
	if (state->sa != NULL) {
		error = change(xfrm, state, &new, why);
	} else {
		error = install(xfrm, state, &new, why);
		if (error == 0)
			xfrm_state_claim(xfrm->states, state);
	}
	if (error == 0)
		xfrm_message_notify(xfrm, request, XFRM_MSG_UPDSA, state);
	return error;
}

/* --- DELSA, FLUSHSA --- */

XFRM_HANDLER(xfrm_sa_delete)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct netlink_span body = request->body;
	struct xfrm_usersa_id id = { 0 };

	netlink_take(&body, &id, sizeof(id));
	int error = xfrm_parse(body, found, why);
	if (error < 0)
		return error;
	struct xfrm_state *state = xfrm_sa_named(xfrm, &id, &error, why);
	if (state == NULL)
		return error;
	xfrm_message_notify(xfrm, request, XFRM_MSG_DELSA, state);
	xfrm_sa_remove(xfrm, state);
	return 0;
}

static bool
flushes(const struct xfrm_state *state, uint8_t protocol)
{
	return protocol == 0 || protocol == IPSEC_PROTO_ANY || protocol == state->info.id.proto;
}

XFRM_HANDLER(xfrm_sa_flush)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_span body = request->body;
	struct xfrm_usersa_flush flush = { 0 };
	struct xfrm_state *state;
	uint32_t cursor = 0;
	unsigned n = 0;

	(void)why;
	netlink_take(&body, &flush, sizeof(flush));
	while ((state = xfrm_state_next(xfrm->states, &cursor)) != NULL) {
		if (!flushes(state, flush.proto))
			continue;
		xfrm_sa_remove(xfrm, state);
		n++;
	}
	if (n == 0)
		return 0;
	publish_flush(xfrm->gw->publisher);
	log_info("%u SAs flushed by uid %u, pid %d", n, session->uid, session->pid);
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_FLUSHSA, 0, request);
	netlink_put(&writer, &flush, sizeof(flush));
	xfrm_event(xfrm, XFRMNLGRP_SA, &writer);
	return 0;
}
