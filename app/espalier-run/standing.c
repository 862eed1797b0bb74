/* SPDX-License-Identifier: BSD-3-Clause */
#include "standing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>
/* Out of memory: the policy stays out, and nobody exits. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "log.h"
#include "queue.h"

/* What a policy is found by. Wholly zeroed before it is filled in: it is hashed with its padding.
 */
struct standing_key {
	struct xfrm_selector selector;
	uint32_t if_id;
	uint8_t direction;
};

struct standing_policy {
	struct standing_key key;
	UT_hash_handle hh;
	size_t bytes;
	uint8_t body[]; /* of the request that installed it */
};

/* What the attributes of a policy's message say that matters here. */
struct extras {
	uint32_t if_id;
	bool bound; /* a template names an SA */
};

static void
read_templates(const struct netlink_attribute *attribute, struct extras *extras)
{
	struct netlink_span span = { .at = attribute->data, .bytes = attribute->bytes };
	struct xfrm_user_tmpl template;

	while (netlink_take(&span, &template, sizeof(template)))
		extras->bound |= template.id.spi != 0;
}

static struct extras
read_extras(struct netlink_span attributes)
{
	struct netlink_attribute attribute;
	struct extras extras = { 0 };
	struct netlink_refusal why;

	while (netlink_next_attribute(&attributes, &attribute, &why) > 0) {
		if (attribute.type == XFRMA_TMPL)
			read_templates(&attribute, &extras);
		else if (attribute.type == XFRMA_IF_ID)
			extras.if_id = netlink_u32(&attribute);
	}
	return extras;
}

static void
forget(struct standing *standing, struct standing_policy *policy)
{
	HASH_DEL(standing->policies, policy);
	free(policy);
}

static void
forget_key(struct standing *standing, const struct standing_key *key)
{
	struct standing_policy *policy;

	HASH_FIND(hh, standing->policies, key, sizeof(*key), policy);
	if (policy != NULL)
		forget(standing, policy);
}

static void
make_key(struct standing_key *key, const struct xfrm_selector *selector, uint8_t direction,
	uint32_t if_id)
{
	memset(key, 0, sizeof(*key));
	/* Behind `proto` is padding, which holds whatever the program's stack did. */
	memcpy(&key->selector, selector,
		offsetof(struct xfrm_selector, proto) + sizeof(selector->proto));
	key->selector.ifindex = selector->ifindex;
	key->selector.user = selector->user;
	key->direction = direction;
	key->if_id = if_id;
}

/* False: out of memory. */
static bool
keep(struct standing *standing, const struct standing_key *key, struct netlink_span body)
{
	struct standing_policy *policy = calloc(1, sizeof(*policy) + body.bytes);

	if (policy == NULL)
		return false;
	memcpy(&policy->key, key, sizeof(*key));
	policy->bytes = body.bytes;
	memcpy(policy->body, body.at, body.bytes);
	HASH_ADD(hh, standing->policies, key, sizeof(policy->key), policy);
	if (policy->hh.tbl != NULL)
		return true;
	free(policy);
	return false;
}

static void
installed(struct standing *standing, struct netlink_span body)
{
	struct netlink_span rest = body;
	struct xfrm_userpolicy_info info;
	struct standing_key key;

	if (!netlink_take(&rest, &info, sizeof(info)))
		return;
	const struct extras extras = read_extras(rest);
	make_key(&key, &info.sel, info.dir, extras.if_id);
	forget_key(standing, &key);
	if (!extras.bound && !keep(standing, &key, body))
		log_error("no memory to remember a policy: should the gateway lose it, it will not "
			  "come back");
}

static void
deleted(struct standing *standing, struct netlink_span body)
{
	struct netlink_span rest = body;
	struct xfrm_userpolicy_id id;

	/* The gateway alone knows indexes. Better to forget too much than to bring back what was
	 * deleted. */
	if (netlink_take(&rest, &id, sizeof(id)) && id.index != 0)
		standing_clear(standing);
	else
		standing_note_absent(standing, body);
}

void
standing_clear(struct standing *standing)
{
	struct standing_policy *policy, *after;

	HASH_ITER (hh, standing->policies, policy, after)
		forget(standing, policy);
}

void
standing_note_absent(struct standing *standing, struct netlink_span body)
{
	struct xfrm_userpolicy_id id;
	struct standing_key key;

	if (!netlink_take(&body, &id, sizeof(id)) || id.index != 0)
		return;
	make_key(&key, &id.sel, id.dir, read_extras(body).if_id);
	forget_key(standing, &key);
}

void
standing_note_done(struct standing *standing, const struct netlink_message *request)
{
	switch (request->type) {
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		installed(standing, request->body);
		break;
	case XFRM_MSG_DELPOLICY:
		deleted(standing, request->body);
		break;
	case XFRM_MSG_FLUSHPOLICY:
		standing_clear(standing);
		break;
	}
}

void
standing_note_event(struct standing *standing, const struct netlink_message *event)
{
	struct netlink_span body = event->body;
	struct xfrm_user_polexpire expire;
	struct standing_key key;

	if (event->type != XFRM_MSG_POLEXPIRE || !netlink_take(&body, &expire, sizeof(expire)) ||
		expire.hard == 0)
		return;
	make_key(&key, &expire.pol.sel, expire.pol.dir, read_extras(body).if_id);
	forget_key(standing, &key);
}

const struct standing_policy *
standing_next(const struct standing *standing, const struct standing_policy *policy)
{
	return policy == NULL ? standing->policies : policy->hh.next;
}

int
standing_write(const struct standing_policy *policy, struct netlink_writer *writer)
{
	netlink_begin(writer, XFRM_MSG_UPDPOLICY, NLM_F_REQUEST | NLM_F_ACK, policy->key.direction,
		REQUEST_PID);
	netlink_put(writer, policy->body, policy->bytes);
	return netlink_commit(writer);
}
