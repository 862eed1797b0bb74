/* SPDX-License-Identifier: BSD-3-Clause */
#include "own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <jansson.h>

#include "explain.h"
#include "gateway.h"
#include "log.h"
#include "protocol.h"
#include "publish.h"
#include "show.h"
#include "tunnel.h"
#include "words.h"

/* The longest message is a TUNNEL_SET; of explains, which cost most, some hundred fit. */
#define REQUEST_BYTES 4096
/* Past so many names nobody is helped by a suggestion, and others wait for the search. */
#define SUGGESTION_NAMES_MAX 256

static int
append_row(struct session *session, struct dump *dump, struct netlink_writer *writer)
{
	json_t *row = NULL;
	int more = show_row(session->context, dump->subject, &dump->cursor, &row);

	if (more <= 0)
		return more;
	char *text = json_dumps(row, JSON_COMPACT);
	json_decref(row);
	if (text == NULL)
		return -ENOMEM;
	netlink_begin(
		writer, ESPALIER_SHOW, NLM_F_MULTI, dump->request.sequence, dump->request.pid);
	netlink_put(writer, text, strlen(text));
	free(text);
	int error = netlink_commit_exact(writer);
	return error == 0 ? 1 : error;
}

static int
show(struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_span body = request->body;
	uint32_t subject = 0;

	netlink_take(&body, &subject, sizeof(subject));
	if (subject >= ESPALIER_SUBJECTS)
		return netlink_refuse(why, EINVAL, "there is no subject %u to show; the last is %u",
			subject, ESPALIER_SUBJECTS - 1);
	return session_dump(session, request, append_row, subject);
}

static int
explain(struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	static const struct netlink_rule rules[] = {
		[ESPALIER_FLOW_FROM] = { "from", NETLINK_BYTES, 4, 4, .required = true },
		[ESPALIER_FLOW_TO] = { "to", NETLINK_BYTES, 4, 4, .required = true },
		[ESPALIER_FLOW_PROTOCOL] = { "protocol", NETLINK_BYTES, 1, 1 },
		[ESPALIER_FLOW_SPORT] = { "source port", NETLINK_BYTES, 2, 2 },
		[ESPALIER_FLOW_DPORT] = { "destination port", NETLINK_BYTES, 2, 2 },
	};
	struct netlink_attribute found[ARRAY_LEN(rules)];
	int error = netlink_parse(request->body, rules, found, ARRAY_LEN(rules), why);

	if (error < 0)
		return error;
	struct explain_flow flow = {
		.from = ntohl(netlink_u32(&found[ESPALIER_FLOW_FROM])),
		.to = ntohl(netlink_u32(&found[ESPALIER_FLOW_TO])),
		.protocol = IPPROTO_UDP,
		.sport = netlink_u16(&found[ESPALIER_FLOW_SPORT]),
		.dport = netlink_u16(&found[ESPALIER_FLOW_DPORT]),
	};
	if (found[ESPALIER_FLOW_PROTOCOL].data != NULL)
		flow.protocol = netlink_u8(&found[ESPALIER_FLOW_PROTOCOL]);

	json_t *answer = explain_flow(session->context->gw, &flow);
	char *text = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	if (text == NULL)
		return netlink_refuse(why, ENOMEM, "out of memory");
	error = session_answer(session, request, ESPALIER_EXPLAIN, text, why);
	free(text);
	return error;
}

static int
resume(struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	(void)request;
	(void)why;
	if (atomic_exchange(&session->context->gw->held, false))
		log_info("workers resumed by uid %u, pid %d", session->uid, session->pid);
	return 0;
}

/* With the name that was meant, or the names there are, where these are few. */
static int
refuse_tunnel(const struct gateway *gw, const char *name, struct netlink_refusal *why)
{
	const char *meant = NULL;
	char known[NETLINK_TEXT_BYTES / 2] = "";

	for (unsigned i = 0; i < gw->n_tunnels && i < SUGGESTION_NAMES_MAX; i++) {
		meant = words_closer(name, gw->tunnels[i].name, meant);
		words_list(known, sizeof(known), gw->tunnels[i].name);
	}
	if (meant != NULL)
		return netlink_refuse(
			why, ENOENT, "there is no tunnel '%s'; did you mean '%s'?", name, meant);
	if (known[0] != '\0' && strlen(known) < sizeof(known) - 1)
		return netlink_refuse(
			why, ENOENT, "there is no tunnel '%s'; there are: %s", name, known);
	return netlink_refuse(why, ENOENT, "there is no tunnel '%s'", name);
}

static int
set_tunnel(
	struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	static const struct netlink_rule rules[] = {
		[ESPALIER_TUNNEL_NAME] = { "name", NETLINK_TEXT, 2, NAME_BYTES, .required = true },
		[ESPALIER_TUNNEL_DOWN] = { "down", NETLINK_BYTES, 1, 1, .required = true },
	};
	struct netlink_attribute found[ARRAY_LEN(rules)];
	struct gateway *gw = session->context->gw;
	int error = netlink_parse(request->body, rules, found, ARRAY_LEN(rules), why);

	if (error < 0)
		return error;
	const char *name = (const char *)found[ESPALIER_TUNNEL_NAME].data;
	uint8_t down = netlink_u8(&found[ESPALIER_TUNNEL_DOWN]);
	struct tunnel *tunnel = tunnel_find(gw, name);
	if (tunnel == NULL)
		return refuse_tunnel(gw, name, why);
	if (down > 1)
		return netlink_refuse(
			why, EINVAL, "attribute 'down' is %u, it must be 0 or 1", down);
	if (tunnel->held_down != down) {
		tunnel->held_down = down;
		tunnel_refresh(gw, tunnel);
		publish_flush(gw->publisher);
		log_info("tunnel %s: %s by uid %u, pid %d", tunnel->name,
			down ? "held down" : "let go", session->uid, session->pid);
	}
	return 0;
}

static const struct message_type types[] = {
	{ ESPALIER_SHOW, sizeof(uint32_t), MESSAGE_DUMPS, "SHOW", show },
	{ ESPALIER_EXPLAIN, 0, 0, "EXPLAIN", explain },
	{ ESPALIER_RESUME, 0, MESSAGE_WRITES, "RESUME", resume },
	{ ESPALIER_TUNNEL_SET, 0, MESSAGE_WRITES, "TUNNEL_SET", set_tunnel },
};

const struct family own_family = {
	.id = ESPALIER_FAMILY_OWN,
	.name = "own",
	.request_bytes = REQUEST_BYTES,
	.answer_bytes = SESSION_ANSWER_BYTES_MAX, /* a route may have 64 ways with long names */
	.types = types,
	.n_types = ARRAY_LEN(types),
};
