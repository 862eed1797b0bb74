/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_packets.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include "clock.h"
#include "early.h"

/* ESP under an SPI that is reserved: what is kept, for how long, and what becomes of it. */

#define START (1000 * SECOND_NS)
#define IP_AT 14
#define WORKER 3 /* that it is from */

static struct {
	unsigned n;
	uint32_t number[EARLY_PKTS];
} sent;

static void
send_packet(const void *to, struct rte_mbuf *pkt, unsigned worker)
{
	uint32_t number;

	assert_ptr_equal(to, &sent);
	assert_int_equal(worker, WORKER);
	memcpy(&number, rte_pktmbuf_mtod_offset(pkt, uint8_t *, pkt->data_len - sizeof(number)),
		sizeof(number));
	sent.number[sent.n++] = ntohl(number);
	rte_pktmbuf_free(pkt);
}

static int
setup(void **state)
{
	int result = bench_setup(state);

	sent.n = 0;
	if (result == 0)
		early_set_sender(gw->early, send_packet, &sent);
	return result;
}

static uint32_t
reserve(void)
{
	struct xfrm_userspi_info wanted = {
		.info = sa_info(SA_IN, 0, 0), .min = 0xc0000000, .max = 0xcfffffff
	};
	struct xfrm_usersa_info got;

	begin(XFRM_MSG_ALLOCSPI, 0);
	put(&wanted, sizeof(wanted));
	put_if_id(1);
	assert_int_equal(send_off(), -1);
	read_answer(&got, sizeof(got), 0);
	return ntohl(got.id.spi);
}

static bool
expects(uint32_t spi, uint32_t destination)
{
	return early_expects(gw->early, (uint64_t)spi << 32 | destination);
}

static void
claim(uint32_t spi)
{
	begin_sa(XFRM_MSG_UPDSA, SA_IN, 0, spi);
	assert_int_equal(send_off(), 0);
}

/* ESP as a worker passes it, with `number` where its sequence number is. */
static void
passed(uint32_t spi, uint8_t protocol, uint32_t number)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);
	uint32_t esp[2] = { htonl(spi), htonl(number) };
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.next_proto_id = protocol,
		.src_addr = htonl(REMOTE(0)),
		.dst_addr = htonl(LOCAL),
	};

	assert_non_null(pkt);
	memset(rte_pktmbuf_append(pkt, IP_AT), 0, IP_AT);
	memcpy(rte_pktmbuf_append(pkt, sizeof(ip)), &ip, sizeof(ip));
	if (protocol == IPPROTO_UDP)
		memset(rte_pktmbuf_append(pkt, sizeof(struct rte_udp_hdr)), 0,
			sizeof(struct rte_udp_hdr));
	memcpy(rte_pktmbuf_append(pkt, sizeof(esp)), esp, sizeof(esp));
	assert_true(early_put(gw->early, pkt, WORKER));
}

static void
waits(uint32_t spi, uint8_t protocol, uint32_t number, uint64_t now_ns)
{
	passed(spi, protocol, number);
	assert_false(early_may_sleep(gw->early));
	early_collect(gw, now_ns);
	assert_true(early_may_sleep(gw->early));
}

static void
it_goes_on_as_soon_as_its_sa_is_there(void **state)
{
	uint32_t spi = reserve();

	(void)state;
	waits(spi, IPPROTO_ESP, 1, START);
	waits(spi, IPPROTO_UDP, 2, START);
	passed(spi, IPPROTO_ESP, 3);
	assert_int_equal(sent.n, 0);
	claim(spi);
	assert_int_equal(sent.n, 3);
	for (unsigned i = 0; i < sent.n; i++)
		assert_int_equal(sent.number[i], i + 1);
	early_tick(gw, START + EARLY_HOLD_NS);
	assert_int_equal(sent.n, 3);
	assert_int_equal(gw->control_drops[DROP_unknown_spi], 0);
}

static void
only_reserved_spis_are_expected(void **state)
{
	(void)state;
	assert_false(early_any(gw->early));
	uint32_t spi = reserve();
	assert_true(early_any(gw->early));
	assert_true(expects(spi, LOCAL));
	assert_false(expects(spi ^ 1, LOCAL));
	assert_false(expects(spi, LOCAL ^ 1));
}

/* A worker may have looked before the SA came, and pass the packet on after that. */
static void
an_spi_stays_expected_for_a_moment(void **state)
{
	struct timespec clock;
	uint32_t spi = reserve();

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &clock);
	uint64_t now = (uint64_t)clock.tv_sec * SECOND_NS;
	claim(spi);
	early_tick(gw, now);
	assert_true(expects(spi, LOCAL));
	waits(spi, IPPROTO_ESP, 1, now);
	assert_int_equal(sent.n, 1);
	early_tick(gw, now + EARLY_GRACE_NS);
	assert_false(expects(spi, LOCAL));
	assert_false(early_any(gw->early));
}

/* It would come back for as long as its SPI is expected. */
static void
one_in_the_wrong_encapsulation_is_dropped(void **state)
{
	uint32_t spi = reserve();

	(void)state;
	claim(spi);
	waits(spi, IPPROTO_UDP, 1, START);
	assert_int_equal(sent.n, 0);
	assert_int_equal(gw->control_drops[DROP_unknown_spi], 1);
}

static void
a_reservation_without_sa_ends(void **state)
{
	struct timespec clock;
	uint32_t spi = reserve();

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &clock);
	uint64_t now = (uint64_t)clock.tv_sec * SECOND_NS;
	early_tick(gw, now + 29 * SECOND_NS);
	assert_true(expects(spi, LOCAL));
	early_tick(gw, now + 32 * SECOND_NS);
	assert_false(early_any(gw->early));
}

static void
what_waits_in_vain_is_dropped(void **state)
{
	uint32_t spi = reserve();

	(void)state;
	waits(spi, IPPROTO_ESP, 1, START);
	early_tick(gw, START + EARLY_HOLD_NS - 1);
	assert_int_equal(gw->control_drops[DROP_unknown_spi], 0);
	early_tick(gw, START + EARLY_HOLD_NS);
	assert_int_equal(gw->control_drops[DROP_unknown_spi], 1);
	claim(spi);
	assert_int_equal(sent.n, 0);
}

static void
few_are_kept(void **state)
{
	uint32_t one = reserve(), other = reserve();

	(void)state;
	for (unsigned i = 0; i <= EARLY_SPI_PKTS; i++)
		waits(one, IPPROTO_ESP, i, START);
	assert_int_equal(gw->control_drops[DROP_unknown_spi], 1);
	waits(other, IPPROTO_ESP, 1000, START);
	assert_int_equal(gw->control_drops[DROP_unknown_spi], 1);
	claim(other);
	assert_int_equal(sent.n, 1);
	assert_int_equal(sent.number[0], 1000);
	claim(one);
	assert_int_equal(sent.n, 1 + EARLY_SPI_PKTS);
}

/* More SPIs than are expected at a time: the rest is as it was without. */
static void
many_reservations_do_no_harm(void **state)
{
	uint32_t spi = 0;

	(void)state;
	for (unsigned i = 0; i <= EARLY_SPIS; i++)
		spi = reserve();
	assert_false(expects(spi, LOCAL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			it_goes_on_as_soon_as_its_sa_is_there, setup, pool_teardown),
		cmocka_unit_test_setup_teardown(
			only_reserved_spis_are_expected, setup, pool_teardown),
		cmocka_unit_test_setup_teardown(
			an_spi_stays_expected_for_a_moment, setup, pool_teardown),
		cmocka_unit_test_setup_teardown(
			one_in_the_wrong_encapsulation_is_dropped, setup, pool_teardown),
		cmocka_unit_test_setup_teardown(
			a_reservation_without_sa_ends, setup, pool_teardown),
		cmocka_unit_test_setup_teardown(
			what_waits_in_vain_is_dropped, setup, pool_teardown),
		cmocka_unit_test_setup_teardown(few_are_kept, setup, pool_teardown),
		cmocka_unit_test_setup_teardown(many_reservations_do_no_harm, setup, pool_teardown),
	};

	return cmocka_run_group_tests(tests, pool_start, bench_stop);
}
