/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "early.h"
#include "gateway.h"
#include "xfrm_expire.h"
#include "xfrm_message.h"
#include "xfrm_request.h"

/* ALLOCSPI: an SPI that nobody else gets until its SA comes by UPDSA, or RESERVED_SECONDS are over.
 */

#define RESERVED_MAX 16384 /* of so many tunnels at once, whose peers do not answer */
/* A range in which so many random ones are taken is searched from end to end. */
#define RANDOM_TRIES 64
/* RFC 4303 2.1: 1 to 255 are reserved by IANA, 0 is for local use. */
#define SPI_MIN 256

static bool
is_free(const struct xfrm *xfrm, uint32_t spi, uint32_t destination)
{
	return xfrm_state_find(xfrm->states, (struct xfrm_name) { spi, destination }) == NULL;
}

/* 0: all are taken, or there are no random numbers. */
static uint32_t
pick(const struct xfrm *xfrm, uint32_t min, uint32_t max, uint32_t destination)
{
	uint64_t span = (uint64_t)max - min + 1;
	uint64_t dice;

	for (unsigned i = 0; i < RANDOM_TRIES; i++) {
		if (getrandom(&dice, sizeof(dice), 0) != (ssize_t)sizeof(dice))
			return 0;
		uint32_t spi = min + (uint32_t)(dice % span);
		if (is_free(xfrm, spi, destination))
			return spi;
	}
	/* Of more SPIs than there are states one is free. */
	for (uint64_t i = 0; i < span && i <= xfrm_states_count(xfrm->states); i++)
		if (is_free(xfrm, min + (uint32_t)i, destination))
			return min + (uint32_t)i;
	return 0;
}

static int
check(struct xfrm *xfrm, const struct xfrm_userspi_info *wanted, struct netlink_refusal *why)
{
	int error = xfrm_check_protocol(wanted->info.id.proto, why);

	if (error == 0)
		error = xfrm_check_family(wanted->info.family, why);
	if (error < 0)
		return error;
	if (wanted->min < SPI_MIN || wanted->min > wanted->max)
		return netlink_refuse(why, EINVAL,
			"SPIs from 0x%x to 0x%x: they begin at 0x%x, and the first is not above "
			"the last",
			wanted->min, wanted->max, SPI_MIN);
	if (xfrm_states_reserved(xfrm->states) >= RESERVED_MAX)
		return netlink_refuse(
			why, ENOBUFS, "%u SPIs are reserved, and no more can be", RESERVED_MAX);
	return 0;
}

XFRM_HANDLER(xfrm_sa_alloc_spi)
{
	struct xfrm *xfrm = session->context->xfrm;
	struct netlink_attribute found[XFRM_ATTRIBUTES];
	struct netlink_span body = request->body;
	struct xfrm_userspi_info wanted = { 0 };
	struct xfrm_place place;

	netlink_take(&body, &wanted, sizeof(wanted));
	int error = xfrm_parse(body, found, why);
	if (error == 0)
		error = check(xfrm, &wanted, why);
	uint32_t destination = xfrm_address(&wanted.info.id.daddr);
	uint32_t if_id = netlink_u32(&found[XFRMA_IF_ID]);
	if (error == 0)
		error = xfrm_place(
			xfrm, xfrm_address(&wanted.info.saddr), destination, if_id, &place, why);
	if (error < 0)
		return error;
	uint32_t spi = pick(xfrm, wanted.min, wanted.max, destination);
	if (spi == 0)
		return netlink_refuse(why, ENOENT, "all SPIs from 0x%x to 0x%x are taken",
			wanted.min, wanted.max);
	struct xfrm_state *state =
		xfrm_state_add(xfrm->states, (struct xfrm_name) { spi, destination });
	if (state == NULL)
		return netlink_refuse(why, ENOMEM, "out of memory");
	xfrm_state_reserve(xfrm->states, state, clock_now_ns());
	early_expect(xfrm->gw->early, spi, destination, clock_now_ns());
	/* As the kernel makes it, whatever else stands in the request. */
	state->if_id = if_id;
	struct xfrm_usersa_info *info = &state->info; /* all zero: its padding is sent as well */
	info->sel.daddr = wanted.info.id.daddr;
	info->sel.saddr = wanted.info.saddr;
	info->sel.family = AF_INET;
	info->sel.prefixlen_d = 32;
	info->sel.prefixlen_s = 32;
	info->id.daddr = wanted.info.id.daddr;
	info->id.spi = htonl(spi);
	info->id.proto = wanted.info.id.proto;
	info->saddr = wanted.info.saddr;
	info->lft = (struct xfrm_lifetime_cfg) { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0,
		RESERVED_SECONDS, 0, 0 };
	info->curlft.add_time = (uint64_t)time(NULL);
	info->seq = wanted.info.seq;
	info->reqid = wanted.info.reqid;
	info->family = AF_INET;
	info->mode = wanted.info.mode;
	struct netlink_writer writer = xfrm_writer(xfrm);
	xfrm_message_begin(&writer, XFRM_MSG_NEWSA, 0, request);
	xfrm_message_put(&writer, state, XFRM_WITHOUT_KEYS);
	return xfrm_answer(session, &writer, why);
}
