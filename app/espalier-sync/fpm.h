/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "feed.h"
#include "fpm_frame.h"
#include "loop.h"
#include "ration.h"

/*
 * The server that FRR's zebra tells its routes by FPM (zebra -M dplane_fpm_nl). zebra says all its
 * routes at each connect, and does not say when that was all: it was when nothing came for a while
 * and each route that it told before has come again. What does not come again stays for a grace
 * time, since a zebra that restarted gets its routes back one by one as daemons and peers return.
 */

struct fpm {
	struct loop *loop;
	struct feed *feed;
	uint32_t table;
	uint64_t grace_ns;
	struct watcher listener, client;
	bool replaying;           /* a round of the rib is open */
	uint64_t connected_ns;    /* when zebra came */
	uint64_t heard_ns;        /* when it last said something */
	struct ration complaints; /* about clients */
	uint32_t n_buffered;
	uint8_t buffer[4 * FPM_FRAME_BYTES_MAX];
};

/* Listens at the address. `fpm` must be zeroed; feed->learn is set to what feed_open() needs.
 * 0 or -errno, said. */
int fpm_open(struct fpm *fpm, struct loop *loop, const struct sockaddr_in *address);
void fpm_close(struct fpm *fpm, struct loop *loop);
/* Does what is due. Returns when something will be next. */
uint64_t fpm_tend(struct fpm *fpm, uint64_t now_ns);

/* Takes a route that Espalier has of FRR's protocols as one that zebra told in an earlier life of
 * ours, unless zebra has told all its routes by now. */
void fpm_learn(struct fpm *fpm, const struct learned_route *route);

/* The messages of one frame into the feed's rib, all before anything of them is sent. -EINVAL: that
 * is no row of messages; -ENOMEM; said in `why`. For fpm.c and tests. */
int fpm_take_frame(struct fpm *fpm, struct netlink_span body, struct netlink_refusal *why);
