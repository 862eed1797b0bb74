/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/xfrm.h>

#include "netlink.h"
#include "session.h"

/* What the files of the XFRM family share. Addresses are in host order here, in network order in
 * messages. */

/* What linux/xfrm.h has had since 6.10, and Debian 12's has not. */
enum {
	XFRMA_SA_DIR = 33,                 /* u8: 1 in, 2 out */
	XFRMA_NAT_KEEPALIVE_INTERVAL = 34, /* u32, seconds */
	XFRMA_SA_PCPU = 35,                /* u32 */
};

struct key_memory;
struct tunnel;
struct xfrm_policies;
struct xfrm_states;
struct xfrm_tunnels;

struct xfrm {
	struct session_context *context;
	struct gateway *gw;
	struct xfrm_tunnels *tunnels;
	struct xfrm_states *states;
	struct key_memory *keys;
	struct xfrm_policies *policies;
	uint32_t acquires;         /* counts them */
	uint64_t policies_seen_at; /* wall clock: when their lifetimes were looked at last */
};

/* --- xfrm.c --- */

/* Reads the attributes of any message of the family into found[XFRM_ATTRIBUTES], indexed by
 * XFRMA_*. 0, or -EINVAL in words. */
#define XFRM_ATTRIBUTES (XFRMA_SA_PCPU + 1)
int xfrm_parse(struct netlink_span attributes, struct netlink_attribute found[XFRM_ATTRIBUTES],
	struct netlink_refusal *why);

/* For a GET with NLM_F_DUMP, whose attributes stand right behind its header: reads them, and
 * refuses a second listing. 0 or -errno in words. */
int xfrm_read_listing(struct session *session, const struct netlink_message *request,
	struct netlink_attribute found[XFRM_ATTRIBUTES], struct netlink_refusal *why);

/* The other ones than IPv4, and protocols that are not ESP, in words. 0, -EOPNOTSUPP or -EINVAL. */
int xfrm_check_family(uint16_t family, struct netlink_refusal *why);
int xfrm_check_protocol(uint8_t protocol, struct netlink_refusal *why);

/* A writer for one message: an answer or an event. */
struct netlink_writer xfrm_writer(struct xfrm *xfrm);
/* Commits the message begun and queues it for the session, or sends it to a multicast group
 * (XFRMNLGRP_*). Nothing of it stays behind in memory. 0, or -errno in words. */
int
xfrm_answer(struct session *session, struct netlink_writer *writer, struct netlink_refusal *why);
void xfrm_event(struct xfrm *xfrm, uint32_t group, struct netlink_writer *writer);

static inline uint32_t
xfrm_address(const xfrm_address_t *address)
{
	return ntohl(address->a4);
}

static inline xfrm_address_t
xfrm_address_of(uint32_t address)
{
	return (xfrm_address_t) { .a4 = htonl(address) };
}

/* --- handlers: the rows of the table in xfrm.c --- */

#define XFRM_HANDLER(name) \
	int name(struct session *session, const struct netlink_message *request, \
		struct netlink_refusal *why)

XFRM_HANDLER(xfrm_sa_new); /* xfrm_sa.c */
XFRM_HANDLER(xfrm_sa_update);
XFRM_HANDLER(xfrm_sa_delete);
XFRM_HANDLER(xfrm_sa_get); /* xfrm_sa_get.c */
XFRM_HANDLER(xfrm_sa_flush);
XFRM_HANDLER(xfrm_sa_alloc_spi); /* xfrm_spi.c */
XFRM_HANDLER(xfrm_sa_get_ae);    /* xfrm_ae.c */
XFRM_HANDLER(xfrm_sa_new_ae);
XFRM_HANDLER(xfrm_sa_info);
XFRM_HANDLER(xfrm_sa_expire); /* xfrm_expire.c */

XFRM_HANDLER(xfrm_policy_install); /* xfrm_policy.c */
XFRM_HANDLER(xfrm_policy_delete);
XFRM_HANDLER(xfrm_policy_get);
XFRM_HANDLER(xfrm_policy_flush);
XFRM_HANDLER(xfrm_policy_expire);
XFRM_HANDLER(xfrm_spd_info); /* xfrm_spd.c */
XFRM_HANDLER(xfrm_spd_set);
XFRM_HANDLER(xfrm_spd_set_default);
XFRM_HANDLER(xfrm_spd_get_default);
