/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_spinlock.h>

#include "atlas.h"
#include "compiler.h"
#include "config.h"
#include "crypto.h"
#include "replay.h"

/*
 * The peers of the gateway's tunnels, with the security associations of its file seen from the
 * other end: what the gateway sends on, a peer opens, and the other way round.
 */

/* Sequence numbers remembered of what the gateway sends; the receivers of whom we judge have 64, or
 * 1024. */
#define ESP_MEMORY 8192
#define ESP_WINDOW_SMALL 64
#define ESP_WINDOW_LARGE 1024

/* In what order an SA's packets arrived. */
struct esp_order {
	uint64_t packets;
	uint64_t behind;                     /* after a packet with a higher number */
	uint64_t beyond_small, beyond_large; /* so far behind that a window of 64, of 1024 has
						forgotten them */
	uint64_t farthest;
};

struct sa {
	/* const */
	uint32_t spi;
	uint32_t peer; /* index */
	struct crypto_key *key;
	uint16_t encap_sport, encap_dport; /* as they stand in its packets; 0: no UDP */
	bool udp, esn;

	/* senders: what a peer seals with */
	CACHE_ALIGNED _Atomic uint64_t sequence; /* last one used */

	/* receivers, under the lock: what a peer opens with */
	CACHE_ALIGNED rte_spinlock_t lock;
	struct replay *seen;
	struct esp_order order;
};

struct peer {
	const char *name; /* the tunnel's */
	const struct config_tunnel *tunnel;
	uint32_t address;       /* its own outer address, host order */
	uint32_t gateway;       /* the gateway's */
	unsigned port;          /* of the gateway, towards the peer; ATLAS_NO_PORT: no way */
	struct sa *seal;        /* NULL: none */
	struct sa *open;        /* the last of them; NULL: none */
	unsigned tunnel_mtu[2]; /* largest inner packet, by direction */
};

struct peers {
	struct peer *peer; /* as the file's tunnels */
	unsigned n;
	struct sa *sas;
	unsigned n_sas;
	uint32_t *index; /* of sas, by SPI and destination; UINT32_MAX: free */
	uint32_t index_mask;
};

/*
 * Makes the peers of all tunnels and wipes the keys in `config`, which must outlive them. `crypto`
 * is one that no worker uses. 0 or -errno, said why.
 */
int peers_create(struct peers *peers, struct config *config, const struct atlas *atlas,
	struct crypto *crypto);
void peers_destroy(struct peers *peers);

/* The SA with which the peer that has this address opens packets of that SPI, or NULL. Any worker.
 */
struct sa *peers_find(const struct peers *peers, uint32_t spi, uint32_t destination);
