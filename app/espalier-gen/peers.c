/* SPDX-License-Identifier: BSD-3-Clause */
#include "peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define INDEX_FREE UINT32_MAX
#define OUTER_BYTES 20
#define UDP_BYTES 8
#define ESP_BYTES 8
#define TRAILER_BYTES 2

static uint32_t
place_of(const struct peers *peers, uint32_t spi, uint32_t destination)
{
	return ((spi ^ destination * 0x9e3779b1U) * 0x85ebca6bU) >> 7 & peers->index_mask;
}

static int
create_index(struct peers *peers)
{
	uint32_t size = 16;

	while (size < 4 * peers->n_sas)
		size *= 2;
	peers->index = malloc(size * sizeof(*peers->index));
	if (peers->index == NULL)
		return -ENOMEM;
	memset(peers->index, 0xff, size * sizeof(*peers->index));
	peers->index_mask = size - 1;
	return 0;
}

static void
add_to_index(struct peers *peers, uint32_t number)
{
	const struct sa *sa = &peers->sas[number];
	uint32_t at = place_of(peers, sa->spi, peers->peer[sa->peer].address);

	while (peers->index[at] != INDEX_FREE)
		at = (at + 1) & peers->index_mask;
	peers->index[at] = number;
}

struct sa *
peers_find(const struct peers *peers, uint32_t spi, uint32_t destination)
{
	uint32_t at = place_of(peers, spi, destination);

	for (; peers->index[at] != INDEX_FREE; at = (at + 1) & peers->index_mask) {
		struct sa *sa = &peers->sas[peers->index[at]];

		if (sa->spi == spi && peers->peer[sa->peer].address == destination)
			return sa;
	}
	return NULL;
}

static struct crypto_key *
create_key(struct crypto *crypto, const struct config_sa *sa)
{
	const struct crypto_material material = {
		.suite = sa->suite,
		.encryption_key = sa->encryption_key,
		.authentication_key =
			sa->suite.authentication != NULL ? sa->authentication_key : NULL,
		.esn = sa->esn,
	};
	struct crypto_key *key = aligned_alloc(CACHE_LINE_BYTES, crypto_key_size(sa->suite));

	if (key == NULL)
		return NULL;
	if (crypto_key_init(crypto, key, sa->outbound ? CRYPTO_OPEN : CRYPTO_SEAL, &material) == 0)
		return key;
	free(key);
	return NULL;
}

/* What fits into the outer packet of that many bytes; 0: nothing does. */
static unsigned
inner_max(const struct sa *sa, unsigned mtu)
{
	const struct crypto_key *key = sa->key;
	unsigned headers = OUTER_BYTES + (sa->udp ? UDP_BYTES : 0) + ESP_BYTES + key->iv_bytes +
		key->icv_bytes;
	unsigned room = mtu > headers ? mtu - headers : 0;
	unsigned whole = room / key->block_bytes * key->block_bytes;

	return whole > TRAILER_BYTES ? whole - TRAILER_BYTES : 0;
}

static int
create_sa(struct peers *peers, const struct config *config, const struct config_sa *from,
	struct crypto *crypto)
{
	struct sa *sa = &peers->sas[peers->n_sas];
	struct peer *peer = &peers->peer[from->tunnel];
	unsigned mtu;

	sa->spi = from->spi;
	sa->peer = from->tunnel;
	sa->udp = from->encap_dport != 0;
	sa->esn = from->esn;
	sa->encap_sport = from->encap_sport;
	sa->encap_dport = from->encap_dport;
	rte_spinlock_init(&sa->lock);
	atomic_store(&sa->sequence, from->sequence);
	sa->key = create_key(crypto, from);
	sa->seen = malloc(replay_size(ESP_MEMORY));
	if (sa->key == NULL || sa->seen == NULL)
		return -ENOMEM;
	replay_init(sa->seen, ESP_MEMORY, from->sequence);
	if (peer->address == 0)
		peer->address = from->remote;
	mtu = peer->port != ATLAS_NO_PORT ? config->ports[peer->port].mtu : 1500;
	peer->tunnel_mtu[from->outbound ? 0 : 1] = inner_max(sa, mtu);
	if (from->outbound)
		peer->open = sa;
	else
		peer->seal = sa;
	return 0;
}

static void
create_peer(struct peer *peer, const struct config_tunnel *tunnel)
{
	peer->name = tunnel->name;
	peer->tunnel = tunnel;
	peer->address = tunnel->remote;
	peer->gateway = tunnel->local;
}

/* Where "%any" stands, an SA of the file says who it is. */
static void
name_remotes(struct peers *peers, const struct config *config)
{
	for (unsigned i = 0; i < config->n_sas; i++)
		if (peers->peer[config->sas[i].tunnel].address == 0)
			peers->peer[config->sas[i].tunnel].address = config->sas[i].remote;
}

static void
wipe_keys(struct config *config)
{
	for (unsigned i = 0; i < config->n_sas; i++) {
		explicit_bzero(
			config->sas[i].encryption_key, sizeof(config->sas[i].encryption_key));
		explicit_bzero(config->sas[i].authentication_key,
			sizeof(config->sas[i].authentication_key));
	}
}

int
peers_create(struct peers *peers, struct config *config, const struct atlas *atlas,
	struct crypto *crypto)
{
	int error = 0;

	peers->peer = calloc(config->n_tunnels + 1, sizeof(*peers->peer));
	peers->sas = aligned_alloc(CACHE_LINE_BYTES, (config->n_sas + 1) * sizeof(*peers->sas));
	if (peers->peer == NULL || peers->sas == NULL)
		goto no_memory;
	memset(peers->sas, 0, (config->n_sas + 1) * sizeof(*peers->sas));
	for (peers->n = 0; peers->n < config->n_tunnels; peers->n++)
		create_peer(&peers->peer[peers->n], &config->tunnels[peers->n]);
	name_remotes(peers, config);
	for (unsigned i = 0; i < peers->n; i++)
		peers->peer[i].port = atlas_port(atlas, peers->peer[i].address);
	for (; peers->n_sas < config->n_sas && error == 0; peers->n_sas++)
		error = create_sa(peers, config, &config->sas[peers->n_sas], crypto);
	wipe_keys(config);
	if (error == 0)
		error = create_index(peers);
	if (error != 0)
		goto no_memory;
	for (uint32_t i = 0; i < peers->n_sas; i++)
		if (config->sas[i].outbound)
			add_to_index(peers, i);
	return 0;

no_memory:
	log_error("no memory for the keys of %u tunnels", config->n_tunnels);
	return -ENOMEM;
}

void
peers_destroy(struct peers *peers)
{
	for (unsigned i = 0; i < peers->n_sas; i++) {
		struct sa *sa = &peers->sas[i];

		if (sa->key != NULL)
			crypto_key_wipe(sa->key);
		free(sa->key);
		free(sa->seen);
	}
	free(peers->index);
	free(peers->sas);
	free(peers->peer);
	*peers = (struct peers) { 0 };
}
