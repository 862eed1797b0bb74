/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <rte_esp.h>
#include <rte_malloc.h>

#include "asan.h"
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

/* All that the table has of an SA. */
struct sa_entry {
	struct sa_record record;
	void *memory; /* of the SA and what is around it, see struct sa */
	struct sa *sa;
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
discard(struct sa_entry *entry)
{
	if (entry->record.replay_apart)
		slab_free(entry->sa->replay);
	slab_free(entry->memory);
	slab_free(entry);
}

/* The same with one that was in use: its tunnel and the listener hear how it ended. */
static void
retire(void *object, void *context)
{
	const struct gateway *gw = context;
	struct sa_entry *entry = object;

	tunnel_keep(&gw->tunnels[entry->sa->tunnel], entry->sa);
	if (gw->listener != NULL && gw->listener->sa_retired != NULL)
		gw->listener->sa_retired(gw->listener->context, entry->sa);
	discard(entry);
}

void
sa_table_destroy(struct gateway *gw)
{
	struct sa_table *table = gw->sas;
	struct sa_entry *entry, *next;

	if (table == NULL)
		return;
	HASH_ITER (hh, table->by_name, entry, next) {
		HASH_DEL(table->by_name, entry);
		discard(entry);
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

/* An entry and an SA, with a key to be filled in; NULL: out of memory. */
static struct sa_entry *
allocate(struct slab *slab, const struct sa_spec *spec)
{
	bool inbound = spec->direction == SA_IN;
	size_t encap_bytes = inbound ? 0 : SA_ENCAPS * sizeof(struct encap);
	size_t key_bytes = round_up(crypto_key_size(spec->suite));
	size_t replay_bytes = inbound ? replay_size(spec->replay.window) : 0;
	struct sa_entry *entry = slab_alloc(slab, sizeof(*entry));
	uint8_t *memory =
		slab_alloc(slab, encap_bytes + sizeof(struct sa) + key_bytes + replay_bytes);

	if (entry == NULL || memory == NULL) {
		slab_free(entry);
		slab_free(memory);
		return NULL;
	}
	entry->memory = memory;
	if (!inbound) {
		entry->record.encaps = (struct encap *)memory;
		ASAN_POISON_MEMORY_REGION(memory, encap_bytes); /* until encap_alloc() */
	}
	entry->sa = (struct sa *)(memory + encap_bytes);
	entry->sa->record = &entry->record;
	entry->key = (struct crypto_key *)(entry->sa + 1);
	entry->sa->key = entry->key;
	if (inbound)
		entry->sa->replay = (struct replay *)((uint8_t *)entry->key + key_bytes);
	return entry;
}

/* An SA with everything but its place in the tables. */
static struct sa_entry *
make(const struct gateway *gw, const struct sa_spec *spec)
{
	struct sa_entry *entry = allocate(gw->slab, spec);
	struct sa_record *record;
	struct sa *sa;

	if (entry == NULL)
		return NULL;
	entry->name = (struct name) { spec->spi, spec->destination, spec->direction };
	record = &entry->record;
	sa = entry->sa;
	sa->spi = spec->spi;
	record->source = spec->source;
	sa->destination = spec->destination;
	sa->tunnel = spec->tunnel;
	sa->direction = (uint8_t)spec->direction;
	sa->esn = spec->esn;
	sa->udp = spec->encap_dport != 0;
	record->encap_sport = spec->encap_sport;
	record->encap_dport = spec->encap_dport;
	record->mapping_seconds = spec->mapping_seconds;
	atomic_init(&sa->peer, mapping_place(spec->source, spec->encap_sport));
	sa->reqid = spec->reqid;
	record->origin = spec->origin;
	record->lifetime = spec->lifetime;
	record->soft = spec->soft;
	record->first_sequence = spec->sequence;
	lifetime_set_past(sa, &spec->past, clock_now_ns());
	/* Before there are numbers taken that it would count. */
	lifetime_set_limits(sa);
	atomic_init(&sa->sequence, spec->sequence);
	atomic_init(&sa->owner, SA_OWNER_NONE);
	if (spec->direction == SA_IN)
		replay_resume(sa->replay, &spec->replay);
	return entry;
}

static struct sa_entry *
find(const struct sa_table *table, struct name name)
{
	struct sa_entry *found;

	HASH_FIND(hh, table->by_name, &name, sizeof(name), found);
	return found;
}

/* Puts a finished SA where control and workers find it. */
static int
install(struct gateway *gw, struct sa_entry *entry)
{
	struct sa_table *table = gw->sas;
	struct sa *sa = entry->sa;
	struct tunnel *tunnel = &gw->tunnels[sa->tunnel];

	if (slots_reserve(&table->slots) < 0 || sa_expire_reserve(table) < 0)
		return -ENOMEM;
	HASH_ADD(hh, table->by_name, name, sizeof(entry->name), entry);
	if (entry->hh.tbl == NULL)
		return -ENOMEM;
	if (sa->direction == SA_IN) {
		if (spi_index_add(gw->publisher, &table->inbound, sa) < 0) {
			HASH_DEL(table->by_name, entry);
			return -ENOMEM;
		}
		early_return(gw, sa->spi, sa->destination);
	}
	sa->record->order = ++table->installations;
	sa->record->slot = slots_put(&table->slots, sa);
	sa_look_soon(gw, sa);
	if (sa->direction == SA_IN) {
		LIST_INSERT_HEAD(&tunnel->inbound, sa, record->link);
	} else {
		LIST_INSERT_HEAD(&tunnel->outbound, sa, record->link);
		tunnel_revive(gw, tunnel);
	}
	return 0;
}

int
sa_add(struct gateway *gw, struct crypto *crypto, const struct sa_spec *spec)
{
	enum crypto_direction use = spec->direction == SA_OUT ? CRYPTO_SEAL : CRYPTO_OPEN;
	struct sa_entry *entry;
	int result;

	if (!valid(gw, spec))
		return -EINVAL;
	if (sa_find(gw, spec->direction, spec->spi, spec->destination) != NULL)
		return -EEXIST;
	entry = make(gw, spec);
	if (entry == NULL)
		return -ENOMEM;
	result = crypto_key_init(crypto, entry->key, use,
		&(struct crypto_material) { .suite = spec->suite,
			.encryption_key = spec->encryption_key,
			.authentication_key = spec->authentication_key,
			.esn = spec->esn });
	if (result < 0)
		goto discard_entry;
	set_shape(entry->sa);
	result = install(gw, entry);
	if (result < 0)
		goto discard_entry;
	if (spec->direction == SA_OUT)
		peers_add(gw->peers, spec->destination);
	return 0;

discard_entry:
	discard(entry);
	return result;
}

int
sa_delete(struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination)
{
	struct sa_table *table = gw->sas;
	struct sa_entry *entry = find(table, (struct name) { spi, destination, direction });
	struct tunnel *tunnel;
	struct sa *sa;

	if (entry == NULL)
		return -ESRCH;
	sa = entry->sa;
	tunnel = &gw->tunnels[sa->tunnel];
	HASH_DEL(table->by_name, entry);
	slots_remove(&table->slots, sa->record->slot);
	LIST_REMOVE(sa, record->link);
	tunnel_keep(tunnel, sa);
	if (direction == SA_IN)
		spi_index_remove(table->inbound, sa);
	else
		tunnel_refresh(gw, tunnel);
	/* Behind its encaps, which refer to it and may lie in it. */
	publish_retire(gw->publisher, entry, retire, gw);
	return 0;
}

struct sa *
sa_find(const struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination)
{
	struct sa_entry *found = find(gw->sas, (struct name) { spi, destination, direction });

	return found != NULL ? found->sa : NULL;
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
