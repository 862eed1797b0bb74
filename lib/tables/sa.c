/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <rte_esp.h>
#include <rte_malloc.h>

#include "clock.h"
#include "early.h"
#include "gateway.h"
#include "lifetime.h"
#include "listener.h"
#include "mapping.h"
#include "peers.h"
#include "publish.h"
#include "slab.h"
#include "spi_index.h"
#include "tunnel.h"

struct name {
	uint32_t spi;
	uint32_t destination;
	uint32_t direction;
};

/* One allocation: this, the key, and for an inbound SA its first replay window. */
struct sa_record {
	struct sa sa;
	struct crypto_key *key; /* sa.key, for the one who makes it */
	struct name name;
	UT_hash_handle hh;
};

static size_t
round_up(size_t bytes)
{
	return (bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
}

struct sa_table *
sa_table_create(void)
{
	struct sa_table *table = rte_zmalloc("sa_table", sizeof(*table), CACHE_LINE_BYTES);

	if (table == NULL)
		return NULL;
	table->inbound = spi_index_create();
	if (table->inbound == NULL) {
		rte_free(table);
		return NULL;
	}
	return table;
}

/* Frees, which wipes, an SA that no worker can reach. */
static void
discard(struct sa_record *record)
{
	if (record->sa.replay_apart)
		slab_free(record->sa.replay);
	slab_free(record);
}

/* The same with one that was in use: its tunnel and the listener hear how it ended. */
static void
retire(void *object, void *context)
{
	const struct gateway *gw = context;
	struct sa_record *record = object;

	tunnel_keep(&gw->tunnels[record->sa.tunnel], &record->sa);
	if (gw->listener != NULL && gw->listener->sa_retired != NULL)
		gw->listener->sa_retired(gw->listener->context, &record->sa);
	discard(record);
}

void
sa_table_destroy(struct gateway *gw)
{
	struct sa_table *table = gw->sas;
	struct sa_record *record, *next;

	if (table == NULL)
		return;
	HASH_ITER (hh, table->by_name, record, next) {
		HASH_DEL(table->by_name, record);
		discard(record);
	}
	spi_index_destroy(table->inbound);
	slots_destroy(&table->slots);
	free(table->look_ns);
	rte_free(table);
	gw->sas = NULL;
}

static bool
valid(const struct gateway *gw, const struct sa_spec *spec)
{
	if (spec->direction != SA_IN && spec->direction != SA_OUT)
		return false;
	if (spec->suite.encryption == NULL || spec->encryption_key == NULL)
		return false;
	/* RFC 4303 2.1: zero is for local use and must not be sent. */
	if (spec->spi == 0 || spec->tunnel >= gw->n_tunnels ||
		spec->sequence > lifetime_last_sequence(spec->esn) ||
		spec->replay.top > lifetime_last_sequence(spec->esn))
		return false;
	if ((spec->encap_sport == 0) != (spec->encap_dport == 0))
		return false;
	return spec->direction == SA_OUT || replay_valid(&spec->replay);
}

/* RFC 4303 2: what stands around a payload of whole cipher blocks. The key is made. */
static void
set_shape(struct sa *sa)
{
	sa->payload_at = (uint8_t)(sizeof(struct rte_esp_hdr) + sa->key->iv_bytes);
	sa->icv_bytes = sa->key->icv_bytes;
	sa->around_bytes = (uint8_t)(sa->payload_at + sa->icv_bytes);
	sa->block_mask = (uint8_t)(sa->key->block_bytes - 1);
}

/* An SA with everything but its place in the tables. */
static struct sa_record *
make(const struct gateway *gw, const struct sa_spec *spec)
{
	size_t key_bytes = round_up(crypto_key_size(spec->suite));
	size_t replay_bytes = spec->direction == SA_IN ? replay_size(spec->replay.window) : 0;
	struct sa_record *record =
		slab_alloc(gw->slab, round_up(sizeof(*record)) + key_bytes + replay_bytes);
	struct sa *sa;

	if (record == NULL)
		return NULL;
	record->name = (struct name) { spec->spi, spec->destination, spec->direction };
	record->key = (struct crypto_key *)((uint8_t *)record + round_up(sizeof(*record)));
	sa = &record->sa;
	sa->key = record->key;
	sa->spi = spec->spi;
	sa->source = spec->source;
	sa->destination = spec->destination;
	sa->tunnel = spec->tunnel;
	sa->direction = (uint8_t)spec->direction;
	sa->esn = spec->esn;
	sa->udp = spec->encap_dport != 0;
	sa->encap_sport = spec->encap_sport;
	sa->encap_dport = spec->encap_dport;
	sa->mapping_seconds = spec->mapping_seconds;
	atomic_init(&sa->peer, mapping_place(spec->source, spec->encap_sport));
	sa->reqid = spec->reqid;
	sa->origin = spec->origin;
	sa->lifetime = spec->lifetime;
	sa->soft = spec->soft;
	sa->first_sequence = spec->sequence;
	lifetime_set_past(sa, &spec->past, clock_now_ns());
	/* Before there are numbers taken that it would count. */
	lifetime_set_limits(sa);
	atomic_init(&sa->sequence, spec->sequence);
	atomic_init(&sa->owner, SA_OWNER_NONE);
	if (spec->direction == SA_IN) {
		sa->replay = (struct replay *)((uint8_t *)record->key + key_bytes);
		replay_resume(sa->replay, &spec->replay);
	}
	return record;
}

static struct sa_record *
find(const struct sa_table *table, struct name name)
{
	struct sa_record *found;

	HASH_FIND(hh, table->by_name, &name, sizeof(name), found);
	return found;
}

/* Puts a finished SA where control and workers find it. */
static int
install(struct gateway *gw, struct sa_record *record)
{
	struct sa_table *table = gw->sas;
	struct sa *sa = &record->sa;
	struct tunnel *tunnel = &gw->tunnels[sa->tunnel];

	if (slots_reserve(&table->slots) < 0 || sa_expire_reserve(table) < 0)
		return -ENOMEM;
	HASH_ADD(hh, table->by_name, name, sizeof(record->name), record);
	if (record->hh.tbl == NULL)
		return -ENOMEM;
	if (sa->direction == SA_IN) {
		if (spi_index_add(gw->publisher, &table->inbound, sa) < 0) {
			HASH_DEL(table->by_name, record);
			return -ENOMEM;
		}
		early_return(gw, sa->spi, sa->destination);
	}
	sa->order = ++table->installations;
	sa->slot = slots_put(&table->slots, sa);
	sa_look_soon(gw, sa);
	if (sa->direction == SA_IN) {
		LIST_INSERT_HEAD(&tunnel->inbound, sa, link);
	} else {
		LIST_INSERT_HEAD(&tunnel->outbound, sa, link);
		tunnel_revive(gw, tunnel);
	}
	return 0;
}

int
sa_add(struct gateway *gw, struct crypto *crypto, const struct sa_spec *spec)
{
	enum crypto_direction use = spec->direction == SA_OUT ? CRYPTO_SEAL : CRYPTO_OPEN;
	struct sa_record *record;
	int result;

	if (!valid(gw, spec))
		return -EINVAL;
	if (sa_find(gw, spec->direction, spec->spi, spec->destination) != NULL)
		return -EEXIST;
	record = make(gw, spec);
	if (record == NULL)
		return -ENOMEM;
	result = crypto_key_init(crypto, record->key, use,
		&(struct crypto_material) { .suite = spec->suite,
			.encryption_key = spec->encryption_key,
			.authentication_key = spec->authentication_key,
			.esn = spec->esn });
	if (result < 0)
		goto free_record;
	set_shape(&record->sa);
	result = install(gw, record);
	if (result < 0)
		goto free_record;
	if (spec->direction == SA_OUT)
		peers_add(gw->peers, spec->destination);
	return 0;

free_record:
	discard(record);
	return result;
}

int
sa_delete(struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination)
{
	struct sa_table *table = gw->sas;
	struct sa_record *record = find(table, (struct name) { spi, destination, direction });
	struct tunnel *tunnel;
	struct sa *sa;

	if (record == NULL)
		return -ESRCH;
	sa = &record->sa;
	tunnel = &gw->tunnels[sa->tunnel];
	HASH_DEL(table->by_name, record);
	slots_remove(&table->slots, sa->slot);
	LIST_REMOVE(sa, link);
	tunnel_keep(tunnel, sa);
	if (direction == SA_IN)
		spi_index_remove(table->inbound, sa);
	else
		tunnel_refresh(gw, tunnel);
	publish_retire(gw->publisher, record, retire, gw);
	return 0;
}

struct sa *
sa_find(const struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination)
{
	struct sa_record *found = find(gw->sas, (struct name) { spi, destination, direction });

	return found != NULL ? &found->sa : NULL;
}

struct sa *
sa_next(const struct gateway *gw, uint32_t *cursor)
{
	return slots_next(&gw->sas->slots, cursor);
}

void
sa_lookup(const struct sa_table *table, const uint32_t spi[], const uint32_t destination[],
	struct sa *sa[], unsigned n)
{
	spi_index_lookup(
		__atomic_load_n(&table->inbound, __ATOMIC_ACQUIRE), spi, destination, sa, n);
}
