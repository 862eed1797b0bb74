/* SPDX-License-Identifier: BSD-3-Clause */
#include "show.h"

#include "branch.h"
#include "clock.h"
#include "gateway.h"
#include "lifetime.h"
#include "render.h"
#include "sa.h"
#include "tunnel.h"

int
show_tunnel(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct gateway *gw = context->gw;
	struct tunnel_traffic passed;
	char why[TUNNEL_WHY_BYTES];

	if (*cursor >= gw->n_tunnels)
		return 0;
	const struct tunnel *tunnel = &gw->tunnels[*cursor];
	const struct encap *encap = gateway_encap(gw, tunnel->index);
	(*cursor)++;
	tunnel_traffic(tunnel, &passed);
	/* `blocked` says why the tunnel cannot send, where it cannot, whatever its state. */
	*row = json_object();
	render_set(row, "name", render_text(tunnel->name));
	render_set(row, "if_id", json_integer(tunnel->if_id));
	render_set(row, "local", render_address(tunnel->local));
	render_set(row, "remote",
		tunnel->remote == 0 ? json_string("%any") : render_address(tunnel->remote));
	render_set(row, "state", json_string(tunnel_state_name(tunnel->state)));
	render_set(row, "mtu", json_integer(tunnel_current_mtu(gw, tunnel)));
	render_set(row, "tx", render_traffic(&passed.tx));
	render_set(row, "rx", render_traffic(&passed.rx));
	render_set(row, "addresses", render_prefixes(tunnel->addresses, tunnel->n_addresses));
	render_set(row, "spi", tunnel->out == NULL ? json_null() : render_spi(tunnel->out->spi));
	render_set(row, "blocked", render_text(drop_name(branch_blocked(encap))));
	render_set(row, "since", render_count((clock_now_ns() - tunnel->since_ns) / SECOND_NS));
	render_set(row, "why", tunnel_why(gw, tunnel, why) ? render_text(why) : json_null());
	render_set(row, "held_down", json_boolean(tunnel->held_down));
	return 1;
}

static const char *
state_name(const struct sa *sa)
{
	if (atomic_load(&sa->expired))
		return "expired";
	if (sa->direction == SA_OUT && atomic_load(&sa->sequence) >= sa->limit_sequence)
		return sa->limit_reason == DROP_sa_expired ? "expired" : "exhausted";
	return "active";
}

static json_t *
render_owner(const struct sa *sa)
{
	uint32_t owner = atomic_load(&sa->owner);

	return sa->direction == SA_OUT || owner == SA_OWNER_NONE ? json_null()
								 : json_integer(owner);
}

static json_t *
render_left(uint64_t left)
{
	return left == UINT64_MAX ? json_null() : render_count(left);
}

static json_t *
render_lifetime(const struct sa_lifetime *left)
{
	uint64_t seconds = left->seconds < left->use_seconds ? left->seconds : left->use_seconds;

	return json_pack("{s:o, s:o, s:o}", "seconds", render_left(seconds), "packets",
		render_left(left->packets), "bytes", render_left(left->bytes));
}

static json_t *
render_encap(const struct sa *sa)
{
	if (!sa->udp)
		return json_null();
	return json_pack(
		"{s:i, s:i}", "sport", sa->record->encap_sport, "dport", sa->record->encap_dport);
}

int
show_sa(const struct session_context *context, uint32_t *cursor, json_t **row)
{
	const struct gateway *gw = context->gw;
	const struct sa *sa = sa_next(gw, cursor);
	struct traffic traffic;

	if (sa == NULL)
		return 0;
	const struct lifetime_view life = lifetime_view(sa, clock_now_ns());
	const struct encryption *encryption = sa->key->suite.encryption;
	const struct authentication *authentication = sa->key->suite.authentication;
	sa_traffic(sa, &traffic);
	*row = json_object();
	render_set(row, "spi", render_spi(sa->spi));
	render_set(row, "direction", json_string(sa->direction == SA_IN ? "in" : "out"));
	render_set(row, "tunnel", render_text(gw->tunnels[sa->tunnel].name));
	render_set(row, "encryption", json_string(encryption->name));
	render_set(row, "authentication",
		render_text(authentication == NULL ? NULL : authentication->name));
	render_set(row, "esn", json_boolean(sa->esn));
	render_set(row, "replay_window",
		json_integer(sa->direction == SA_IN ? (int)sa_replay(sa)->window : 0));
	render_set(row, "sequence", render_count(sa_last_sequence(sa)));
	render_set(row, "packets", render_count(traffic.packets));
	render_set(row, "bytes", render_count(traffic.bytes));
	render_set(row, "source", render_address(sa->record->source));
	render_set(row, "destination", render_address(sa->destination));
	render_set(row, "encap", render_encap(sa));
	render_set(row, "reqid", sa->reqid == 0 ? json_null() : json_integer(sa->reqid));
	render_set(row, "age", render_count(life.age_seconds));
	render_set(row, "soft_left", render_lifetime(&life.soft_left));
	render_set(row, "hard_left", render_lifetime(&life.hard_left));
	render_set(row, "state", json_string(state_name(sa)));
	render_set(row, "worker", render_owner(sa));
	render_set(row, "replay_duplicate", render_count(counter_read(&sa->record->duplicates)));
	render_set(row, "replay_late", render_count(counter_read(&sa->record->lates)));
	render_set(row, "bad_icv", render_count(counter_read(&sa->record->forgeries)));
	return 1;
}
