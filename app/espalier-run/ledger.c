/* SPDX-License-Identifier: BSD-3-Clause */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>
/* Out of memory: the entry stays out, and nobody exits. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "log.h"
#include "queue.h"

/* What an SA is found by. Wholly zeroed before it is filled in: it is hashed with its padding. */
struct ledger_key {
	xfrm_address_t daddr;
	uint32_t spi_be;
	uint16_t family;
	uint8_t proto;
};

struct ledger_entry {
	struct ledger_key key;
	struct xfrm_usersa_info info; /* as it was installed; keys are attributes and not kept */
	uint32_t if_id;               /* 0: none */
	UT_hash_handle hh;
};

/* XFRM's FLUSHSA: 0 and 255 mean every protocol. */
#define PROTO_ANY 255

static void
make_key(struct ledger_key *key, const struct xfrm_usersa_id *id)
{
	memset(key, 0, sizeof(*key));
	key->daddr = id->daddr;
	key->spi_be = id->spi;
	key->family = id->family;
	key->proto = id->proto;
}

static struct ledger_entry *
find(const struct ledger *ledger, const struct xfrm_usersa_id *id)
{
	struct ledger_entry *entry;
	struct ledger_key key;

	make_key(&key, id);
	HASH_FIND(hh, ledger->entries, &key, sizeof(key), entry);
	return entry;
}

static void
forget(struct ledger *ledger, struct ledger_entry *entry)
{
	if (entry == NULL)
		return;
	HASH_DEL(ledger->entries, entry);
	free(entry);
}

static struct xfrm_usersa_id
id_of(const struct xfrm_usersa_info *info)
{
	return (struct xfrm_usersa_id) {
		.daddr = info->id.daddr,
		.spi = info->id.spi,
		.family = info->family,
		.proto = info->id.proto,
	};
}

static uint32_t
read_if_id(struct netlink_span attributes)
{
	struct netlink_attribute attribute;
	struct netlink_refusal why;
	uint32_t if_id = 0;

	while (netlink_next_attribute(&attributes, &attribute, &why) > 0)
		if (attribute.type == XFRMA_IF_ID)
			if_id = netlink_u32(&attribute);
	return if_id;
}

/* NULL: out of memory. */
static struct ledger_entry *
make(struct ledger *ledger, const struct xfrm_usersa_id *id)
{
	struct ledger_entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	make_key(&entry->key, id);
	HASH_ADD(hh, ledger->entries, key, sizeof(entry->key), entry);
	if (entry->hh.tbl != NULL)
		return entry;
	free(entry);
	return NULL;
}

static void
remember(struct ledger *ledger, struct netlink_span body)
{
	struct xfrm_usersa_info info;

	if (!netlink_take(&body, &info, sizeof(info)))
		return;
	const struct xfrm_usersa_id id = id_of(&info);
	struct ledger_entry *entry = find(ledger, &id);
	if (entry == NULL)
		entry = make(ledger, &id);
	if (entry == NULL) {
		log_error("no memory to remember an SA: should the gateway lose it, the program "
			  "will not be told");
		return;
	}
	entry->info = info;
	entry->if_id = read_if_id(body);
}

static void
forget_one(struct ledger *ledger, struct netlink_span body)
{
	struct xfrm_usersa_id id;

	if (netlink_take(&body, &id, sizeof(id)))
		forget(ledger, find(ledger, &id));
}

static void
flush(struct ledger *ledger, struct netlink_span body)
{
	struct xfrm_usersa_flush which = { .proto = PROTO_ANY };
	struct ledger_entry *entry, *after;

	netlink_take(&body, &which, sizeof(which));
	HASH_ITER (hh, ledger->entries, entry, after)
		if (which.proto == 0 || which.proto == PROTO_ANY || which.proto == entry->key.proto)
			forget(ledger, entry);
}

void
ledger_clear(struct ledger *ledger)
{
	struct ledger_entry *entry, *after;

	HASH_ITER (hh, ledger->entries, entry, after)
		forget(ledger, entry);
	standing_clear(&ledger->standing);
}

void
ledger_note_done(struct ledger *ledger, const struct netlink_message *request)
{
	switch (request->type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		remember(ledger, request->body);
		break;
	case XFRM_MSG_DELSA:
		forget_one(ledger, request->body);
		break;
	case XFRM_MSG_FLUSHSA:
		flush(ledger, request->body);
		break;
	default:
		standing_note_done(&ledger->standing, request);
	}
}

void
ledger_note_absent(struct ledger *ledger, const struct netlink_message *request)
{
	if (request->type == XFRM_MSG_DELSA)
		forget_one(ledger, request->body);
	else if (request->type == XFRM_MSG_DELPOLICY)
		standing_note_absent(&ledger->standing, request->body);
}

void
ledger_note_event(struct ledger *ledger, const struct netlink_message *event)
{
	struct netlink_span body = event->body;
	struct xfrm_user_expire expire;

	if (event->type != XFRM_MSG_EXPIRE) {
		standing_note_event(&ledger->standing, event);
		return;
	}
	if (!netlink_take(&body, &expire, sizeof(expire)) || expire.hard == 0)
		return;
	const struct xfrm_usersa_id id = id_of(&expire.state);
	forget(ledger, find(ledger, &id));
}

const struct ledger_entry *
ledger_next(const struct ledger *ledger, const struct ledger_entry *entry)
{
	return entry == NULL ? ledger->entries : entry->hh.next;
}

int
ledger_write_check(const struct ledger_entry *entry, struct netlink_writer *writer)
{
	const struct xfrm_usersa_id id = id_of(&entry->info);

	netlink_begin(writer, XFRM_MSG_GETSA, NLM_F_REQUEST | NLM_F_ACK, id.spi, REQUEST_PID);
	netlink_put(writer, &id, sizeof(id));
	return netlink_commit(writer);
}

int
ledger_write_expire(
	struct ledger *ledger, const struct netlink_message *check, struct netlink_writer *writer)
{
	struct netlink_span body = check->body;
	struct xfrm_user_expire expire;
	struct xfrm_usersa_id id;

	netlink_take(&body, &id, sizeof(id));
	struct ledger_entry *entry = find(ledger, &id);
	if (entry == NULL)
		return -ENOENT;
	memset(&expire, 0, sizeof(expire));
	expire.state = entry->info;
	expire.hard = 1;
	netlink_begin(writer, XFRM_MSG_EXPIRE, 0, 0, 0);
	netlink_put(writer, &expire, sizeof(expire));
	if (entry->if_id != 0)
		netlink_put_u32(writer, XFRMA_IF_ID, entry->if_id);
	forget(ledger, entry);
	return netlink_commit(writer);
}
