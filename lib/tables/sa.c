/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <rte_malloc.h>

#include "counters.h"
#include "gateway.h"
#include "lifetime.h"
#include "listener.h"
#include "log.h"
#include "mapping.h"
#include "policy.h"
#include "publish.h"
#include "spi_index.h"
#include "tunnel.h"

#define NS_PER_SECOND UINT64_C(1000000000)

struct name {
	uint32_t spi;
	uint32_t destination;
	uint32_t direction;
};

/* One allocation: this, the key, and for an inbound SA its first replay window. */
struct record {
	struct sa sa;
	struct crypto_key *key; /* sa.key, for the one who wipes it */
	struct name name;
	UT_hash_handle hh;
	LIST_ENTRY(record) link; /* outbound: among those of the tunnel */
};

LIST_HEAD(record_list, record);

struct sa_table {
	struct spi_index *inbound; /* control writes, workers read */
	/* control only */
	CACHE_ALIGNED struct record *by_name;
	struct record **slots; /* NULL: free */
	uint64_t *look_ns;     /* by slot: when its lifetimes want a look */
	uint32_t *free_slots;  /* a stack */
	uint32_t n_slots, n_free;
	uint64_t installations;
	struct record_list outbound[TUNNELS_MAX + 1]; /* newest first */
};

static size_t
round_up(size_t bytes)
{
	return (bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
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

/* Wipes and frees an SA that no worker can reach. With a gateway, its listener hears of it first.
 */
static void
retire(void *object, void *context)
{
	const struct gateway *gw = context;
	struct record *record = object;

	if (gw != NULL && gw->listener != NULL && gw->listener->sa_retired != NULL)
		gw->listener->sa_retired(gw->listener->context, &record->sa);
	if (record->sa.replay_apart)
		rte_free(record->sa.replay);
	crypto_key_wipe(record->key);
	rte_free(record);
}

void
sa_table_destroy(struct gateway *gw)
{
	struct sa_table *table = gw->sas;
	struct record *record, *next;

	if (table == NULL)
		return;
	HASH_ITER (hh, table->by_name, record, next) {
		HASH_DEL(table->by_name, record);
		retire(record, NULL);
	}
	spi_index_destroy(table->inbound);
	free(table->slots);
	free(table->look_ns);
	free(table->free_slots);
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
		spec->sequence > sa_sequence_last(spec->esn) ||
		spec->replay.top > sa_sequence_last(spec->esn))
		return false;
	if ((spec->encap_sport == 0) != (spec->encap_dport == 0))
		return false;
	return spec->direction == SA_OUT || replay_valid(&spec->replay);
}

/* An SA with everything but its place in the tables. */
static struct record *
make(const struct sa_spec *spec)
{
	size_t key_bytes = round_up(crypto_key_size(spec->suite));
	size_t replay_bytes = spec->direction == SA_IN ? replay_size(spec->replay.window) : 0;
	struct record *record = rte_zmalloc(
		"sa", round_up(sizeof(*record)) + key_bytes + replay_bytes, CACHE_LINE_BYTES);
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
	lifetime_set_past(sa, &spec->past, now_ns());
	atomic_init(&sa->sequence, spec->sequence);
	atomic_init(&sa->owner, SA_OWNER_NONE);
	if (spec->direction == SA_IN) {
		sa->replay = (struct replay *)((uint8_t *)record->key + key_bytes);
		replay_resume(sa->replay, &spec->replay);
	}
	return record;
}

static struct record *
find(const struct sa_table *table, struct name name)
{
	struct record *found;

	HASH_FIND(hh, table->by_name, &name, sizeof(name), found);
	return found;
}

static int
grow_slots(struct sa_table *table)
{
	uint32_t n = table->n_slots == 0 ? 64 : 2 * table->n_slots;
	struct record **slots = realloc(table->slots, n * sizeof(*slots));
	uint32_t *free_slots;
	uint64_t *look_ns;

	if (slots == NULL)
		return -ENOMEM;
	table->slots = slots;
	look_ns = realloc(table->look_ns, n * sizeof(*look_ns));
	if (look_ns == NULL)
		return -ENOMEM;
	table->look_ns = look_ns;
	free_slots = realloc(table->free_slots, n * sizeof(*free_slots));
	if (free_slots == NULL)
		return -ENOMEM;
	table->free_slots = free_slots;
	for (uint32_t slot = n; slot-- > table->n_slots;) {
		slots[slot] = NULL;
		look_ns[slot] = UINT64_MAX;
		free_slots[table->n_free++] = slot;
	}
	table->n_slots = n;
	return 0;
}

/* Puts a finished SA where control and workers find it. */
static int
install(struct gateway *gw, struct record *record)
{
	struct sa_table *table = gw->sas;
	struct sa *sa = &record->sa;

	if (table->n_free == 0 && grow_slots(table) < 0)
		return -ENOMEM;
	HASH_ADD(hh, table->by_name, name, sizeof(record->name), record);
	if (record->hh.tbl == NULL)
		return -ENOMEM;
	if (sa->direction == SA_IN && spi_index_add(gw->publisher, &table->inbound, sa) < 0) {
		HASH_DEL(table->by_name, record);
		return -ENOMEM;
	}
	sa->order = ++table->installations;
	sa->slot = table->free_slots[--table->n_free];
	table->slots[sa->slot] = record;
	table->look_ns[sa->slot] = 0;
	if (sa->direction == SA_OUT) {
		LIST_INSERT_HEAD(&table->outbound[sa->tunnel], record, link);
		tunnel_revive(gw, &gw->tunnels[sa->tunnel]);
	}
	return 0;
}

int
sa_add(struct gateway *gw, struct crypto *crypto, const struct sa_spec *spec)
{
	enum crypto_direction use = spec->direction == SA_OUT ? CRYPTO_SEAL : CRYPTO_OPEN;
	struct record *record;
	int result;

	if (!valid(gw, spec))
		return -EINVAL;
	if (sa_find(gw, spec->direction, spec->spi, spec->destination) != NULL)
		return -EEXIST;
	record = make(spec);
	if (record == NULL)
		return -ENOMEM;
	result = crypto_key_init(crypto, record->key, use,
		&(struct crypto_material) { .suite = spec->suite,
			.encryption_key = spec->encryption_key,
			.authentication_key = spec->authentication_key,
			.esn = spec->esn });
	if (result < 0)
		goto free_record;
	result = install(gw, record);
	if (result < 0)
		goto free_record;
	return 0;

free_record:
	retire(record, NULL);
	return result;
}

int
sa_delete(struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination)
{
	struct sa_table *table = gw->sas;
	struct record *record = find(table, (struct name) { spi, destination, direction });
	struct sa *sa;

	if (record == NULL)
		return -ESRCH;
	sa = &record->sa;
	HASH_DEL(table->by_name, record);
	table->slots[sa->slot] = NULL;
	table->look_ns[sa->slot] = UINT64_MAX;
	table->free_slots[table->n_free++] = sa->slot;
	if (direction == SA_IN) {
		spi_index_remove(table->inbound, sa);
	} else {
		LIST_REMOVE(record, link);
		tunnel_refresh(gw, &gw->tunnels[sa->tunnel]);
	}
	publish_retire(gw->publisher, record, retire, gw);
	return 0;
}

struct sa *
sa_find(const struct gateway *gw, enum sa_direction direction, uint32_t spi, uint32_t destination)
{
	struct record *found = find(gw->sas, (struct name) { spi, destination, direction });

	return found != NULL ? &found->sa : NULL;
}

struct sa *
sa_next(const struct gateway *gw, uint32_t *cursor)
{
	const struct sa_table *table = gw->sas;

	while (*cursor < table->n_slots) {
		struct record *record = table->slots[(*cursor)++];

		if (record != NULL)
			return &record->sa;
	}
	return NULL;
}

/* What becomes of packets where nothing usable is wanted. */
static enum drop_reason
why_none(const struct record *newest)
{
	if (newest == NULL)
		return DROP_no_sa;
	if (atomic_load_explicit(&newest->sa.sequence, memory_order_relaxed) >=
		newest->sa.limit_sequence)
		return newest->sa.limit_reason;
	return DROP_sa_expired;
}

struct sa *
sa_select_out(const struct gateway *gw, uint16_t tunnel, enum drop_reason *drop)
{
	struct record *record;
	/* Then the newest will do: with thousands of SAs, adding one must not look at all. */
	bool any = !policy_asks(&gw->tunnels[tunnel]);
	struct sa *best = NULL;
	uint64_t most = 0;

	LIST_FOREACH (record, &gw->sas->outbound[tunnel], link) {
		uint64_t wanted;

		if (atomic_load_explicit(&record->sa.expired, memory_order_relaxed))
			continue;
		if (any)
			return &record->sa;
		wanted = policy_preference(&gw->tunnels[tunnel], &record->sa);
		if (wanted > most) {
			most = wanted;
			best = &record->sa;
		}
	}
	if (best == NULL)
		*drop = why_none(LIST_FIRST(&gw->sas->outbound[tunnel]));
	return best;
}

struct sa *
sa_select_for(const struct gateway *gw, uint16_t tunnel, const struct policy *policy,
	enum drop_reason *drop)
{
	const struct record *newest = NULL;
	struct record *record;
	struct sa *best = NULL;
	uint64_t most = 0;

	LIST_FOREACH (record, &gw->sas->outbound[tunnel], link) {
		uint64_t wanted = policy_wish(policy, &record->sa);

		if (wanted > 0 && newest == NULL)
			newest = record;
		if (wanted <= most ||
			atomic_load_explicit(&record->sa.expired, memory_order_relaxed))
			continue;
		most = wanted;
		best = &record->sa;
	}
	if (best == NULL)
		*drop = why_none(newest);
	return best;
}

/* Workers that met the limit took numbers past it and sent nothing under them. */
static uint64_t
last_sent(const struct sa *sa)
{
	uint64_t taken = atomic_load_explicit(&sa->sequence, memory_order_relaxed);
	uint64_t limit = sa->limit_sequence;

	return taken < limit ? taken : limit;
}

uint64_t
sa_last_sequence(const struct sa *sa)
{
	return sa->direction == SA_IN ? counter_read(&sa_replay(sa)->top) : last_sent(sa);
}

void
sa_traffic(const struct sa *sa, struct traffic *traffic)
{
	*traffic = (struct traffic) { sa->past.packets, sa->past.bytes };
	if (sa->direction == SA_IN) {
		traffic->packets += counter_read(&sa->packets_in);
		traffic->bytes += counter_read(&sa->bytes_in);
	} else {
		traffic->packets += last_sent(sa) - sa->first_sequence;
		traffic->bytes += atomic_load_explicit(&sa->bytes_out, memory_order_relaxed);
	}
}

static void
tell(const struct gateway *gw, struct sa *sa, enum sa_expiry how)
{
	if (gw->listener != NULL && gw->listener->sa_expired != NULL)
		gw->listener->sa_expired(gw->listener->context, sa, how);
}

/* The SA may be gone afterwards: the listener may delete it. */
static void
look(struct gateway *gw, struct sa *sa, uint64_t now)
{
	struct tunnel *tunnel = &gw->tunnels[sa->tunnel];
	struct lifetime_verdict verdict = lifetime_judge(sa, now);

	gw->sas->look_ns[sa->slot] = verdict.look_ns;
	if (verdict.ran_out != NULL) {
		log_info("tunnel %s: %s SA 0x%08x reached %s", tunnel->name,
			sa->direction == SA_IN ? "inbound" : "outbound", sa->spi, verdict.ran_out);
		gw->sas->look_ns[sa->slot] = UINT64_MAX;
		atomic_store_explicit(&sa->expired, true, memory_order_relaxed);
		if (sa->direction == SA_OUT)
			tunnel_refresh(gw, tunnel);
		tell(gw, sa, SA_EXPIRES_HARD);
	} else if (verdict.soft) {
		sa->soft_expired = true;
		tell(gw, sa, SA_EXPIRES_SOFT);
	}
}

void
sa_expire(struct gateway *gw, uint64_t now)
{
	struct sa_table *table = gw->sas;

	/* What a listener adds meanwhile can move the arrays, and is looked at the next time. */
	for (uint32_t slot = 0, n = table->n_slots; slot < n; slot++)
		if (table->look_ns[slot] <= now && table->slots[slot] != NULL)
			look(gw, &table->slots[slot]->sa, now);
}

void
sa_look_soon(const struct gateway *gw, const struct sa *sa)
{
	gw->sas->look_ns[sa->slot] = 0;
}

void
sa_lookup(const struct sa_table *table, const uint32_t spi[], const uint32_t destination[],
	struct sa *sa[], unsigned n)
{
	spi_index_lookup(
		__atomic_load_n(&table->inbound, __ATOMIC_ACQUIRE), spi, destination, sa, n);
}
