/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "encap.h"
#include "neighbor.h"
#include "publish.h"
#include "slab.h"

/* The headers that a tunnel sends with. */

/* The sum that RFC 791 wants to see, over 16-bit words in wire order. */
static uint16_t
sum_words(const uint8_t *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t
load_word(const uint8_t *bytes)
{
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* A header that is completed as tunnel.h tells workers to is a good one. */
static void
assert_sums_up(const struct encap *encap)
{
	uint8_t ip[20];
	uint32_t sum = encap->ip_sum;
	uint16_t checksum;

	memcpy(ip, encap->header + encap->ip_offset, sizeof(ip));
	ip[1] = 0xb9;                  /* TOS */
	memcpy(ip + 2, "\x05\xdc", 2); /* total length 1500 */
	memcpy(ip + 4, "\xbe\xef", 2); /* identification */
	memcpy(ip + 6, "\x40\x00", 2); /* DF */
	sum += load_word(ip + 2);
	sum += load_word(ip + 4);
	sum += load_word(ip + 6);
	sum += (uint32_t)ip[1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	checksum = (uint16_t)~sum;
	memcpy(ip + 10, &checksum, sizeof(checksum));
	assert_int_equal(sum_words(ip, sizeof(ip)), 0xffff);
}

/* With that outbound SA the tunnel's headers end with these bytes. */
static const struct encap *
assert_headers(
	struct fixture *fixture, const struct sa_spec *spec, const uint8_t *expected, size_t bytes)
{
	fixture_lead_out(fixture->gw);
	fixture_add(fixture, spec);
	const struct encap *encap = gateway_encap(fixture->gw, spec->tunnel);
	assert_int_equal(encap->drop, DROP_NONE);
	assert_memory_equal(encap->header + ENCAP_HEADER_BYTES - bytes, expected, bytes);
	assert_sums_up(encap);
	return encap;
}

static void
esp_headers_are_as_written_by_hand(void **state)
{
	static const uint8_t expected[] = {
		0x02, 0x00, 0x00, 0x00, 0x00, 0x03, /* the gateway's MAC */
		0x02, 0x00, 0x00, 0x00, 0x01, 0x02, /* wan0's */
		0x08, 0x00,                         /* IPv4 */
		0x45, 0x00, 0x00, 0x00,             /* version, header length; TOS; total length */
		0x00, 0x00, 0x00, 0x00,             /* identification; fragment field */
		0x40, 0x32, 0x00, 0x00,             /* TTL 64; protocol 50; checksum */
		0xcb, 0x00, 0x71, 0xbf,             /* 203.0.113.191 */
		0xc0, 0x00, 0x02, 0x01,             /* 192.0.2.1 */
		0xc0, 0x00, 0x10, 0x01,             /* SPI */
		0x00, 0x00, 0x00, 0x00,             /* sequence number */
	};
	struct fixture *fixture = *state;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0xc0001001);
	const struct encap *encap = assert_headers(fixture, &spec, expected, sizeof(expected));

	assert_int_equal(encap->header_bytes, sizeof(expected));
	assert_int_equal(encap->ip_offset, ENCAP_HEADER_BYTES - 28);
	assert_int_equal(encap->port, WAN);
	assert_false(encap->udp);
	assert_ptr_equal(encap->sa, sa_find(fixture->gw, SA_OUT, spec.spi, spec.destination));
	assert_ptr_equal(encap->key, encap->sa->key);
	assert_int_equal(encap->iv_bytes, 16);
	assert_int_equal(encap->icv_bytes, 12);
	assert_int_equal(encap->block_bytes, 16);
	assert_int_equal(encap->esp_align_mask, 15);
	assert_int_equal(encap->mtu, 1438);
}

static void
udp_headers_are_as_written_by_hand(void **state)
{
	static const uint8_t expected[] = {
		0x45, 0x00, 0x00, 0x00, /* version, header length; TOS; total length */
		0x00, 0x00, 0x00, 0x00, /* identification; fragment field */
		0x40, 0x11, 0x00, 0x00, /* TTL 64; protocol 17; checksum */
		0xcb, 0x00, 0x71, 0xbf, /* 203.0.113.191 */
		0xc0, 0x00, 0x02, 0x02, /* 192.0.2.2 */
		0x11, 0x94, 0x8a, 0x3b, /* from 4500 to 35387 */
		0x00, 0x00, 0x00, 0x00, /* UDP length; checksum */
		0x00, 0x00, 0x10, 0x02, /* SPI */
		0x00, 0x00, 0x00, 0x00, /* sequence number */
	};
	struct fixture *fixture = *state;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 1, 0x1002);

	spec.encap_sport = 4500;
	spec.encap_dport = 35387;
	const struct encap *encap = assert_headers(fixture, &spec, expected, sizeof(expected));
	assert_int_equal(encap->header_bytes, 14 + sizeof(expected));
	assert_int_equal(encap->ip_offset, ENCAP_HEADER_BYTES - sizeof(expected));
	assert_true(encap->udp);
	assert_int_equal(encap->mtu, 1422);
}

/* Every size of port: the largest inner packet fits, and one byte more does not. */
static void
the_mtu_is_the_largest_that_fits(void **state)
{
	struct crypto_key key = { .iv_bytes = 16, .icv_bytes = 12, .block_bytes = 16 };

	(void)state;
	assert_int_equal(encap_mtu(1500, &key, false), 1438);
	assert_int_equal(encap_mtu(1500, &key, true), 1422);
	assert_int_equal(encap_mtu(80, &key, false), 0);
	for (unsigned udp = 0; udp < 2; udp++)
		for (uint16_t port_mtu = 100; port_mtu < 9000; port_mtu++) {
			unsigned mtu = encap_mtu(port_mtu, &key, udp != 0);
			unsigned fixed = 20 + 8 + 8 * udp + 16 + 12;

			assert_true(fixed + (mtu + 2 + 15) / 16 * 16 <= port_mtu);
			assert_true(fixed + (mtu + 1 + 2 + 15) / 16 * 16 > port_mtu);
		}
}

/* The neighbor got another MAC, as `n` says: what the tunnel sends with now. */
static const struct encap *
another(struct fixture *fixture, uint8_t n)
{
	struct neighbor *router = neighbor_get(fixture->gw->neighbors, WAN, IP(203, 0, 113, 1));

	neighbor_set(router, &(struct rte_ether_addr) { { 2, 0, 0, 0, 0, n } });
	tunnel_refresh_via(fixture->gw, router);
	const struct encap *encap = gateway_encap(fixture->gw, 0);
	assert_int_equal(encap->header[ENCAP_HEADER_BYTES - encap->header_bytes + 5], n);
	return encap;
}

/* What a packet needs of both lies together, and what workers may read stays as it is until they
 * have all looked again. */
static void
an_encap_lies_next_to_its_sa(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	struct sa_spec spec = fixture_sa(fixture, SA_OUT, 0, 0xc0001001);

	fixture_lead_out(gw);
	fixture_add(fixture, &spec);
	publish_flush(gw->publisher);
	const struct sa *sa = sa_find(gw, SA_OUT, spec.spi, spec.destination);
	const struct encap *first = gateway_encap(gw, 0);
	assert_ptr_equal(first + 1, sa);
	assert_ptr_equal(sa + 1, sa->key);

	const struct encap before = *first;
	const struct encap *second = another(fixture, 11);
	assert_ptr_equal(second + 1, first);
	assert_memory_equal(first, &before, sizeof(before));
	/* Both are taken. */
	size_t objects = slab_count(gw->slab);
	const struct encap *third = another(fixture, 12);
	assert_int_equal(slab_count(gw->slab), objects + 1);
	assert_memory_equal(first, &before, sizeof(before));
	assert_int_equal(second->header[ENCAP_HEADER_BYTES - second->header_bytes + 5], 11);

	publish_flush(gw->publisher);
	assert_ptr_equal(gateway_encap(gw, 0), third);
	assert_ptr_equal(another(fixture, 13), first);
	publish_flush(gw->publisher);
	assert_int_equal(slab_count(gw->slab), objects);

	/* With the SA goes what lies beside it, and behind it what does not. */
	another(fixture, 14);
	another(fixture, 15);
	assert_int_equal(sa_delete(gw, SA_OUT, spec.spi, spec.destination), 0);
	publish_flush(gw->publisher);
	assert_int_equal(slab_count(gw->slab), objects - 2);
}

/* Each place in turn may still be read by workers, or hold what they read, when its SA goes. */
static void
an_sa_goes_while_its_encaps_wait(void **state)
{
	struct fixture *fixture = *state;
	struct gateway *gw = fixture->gw;
	size_t objects = slab_count(gw->slab);

	fixture_lead_out(gw);
	for (uint8_t changes = 0; changes < 5; changes++) {
		struct sa_spec older = fixture_sa(fixture, SA_OUT, 0, 0xc0001001);
		struct sa_spec newer = fixture_sa(fixture, SA_OUT, 0, 0xc0001002);

		publish_flush(gw->publisher);
		if (changes == 0)
			objects = slab_count(gw->slab);
		fixture_add(fixture, &older);
		for (uint8_t i = 0; i < changes; i++)
			another(fixture, 20 + i);
		/* A rekey. */
		fixture_add(fixture, &newer);
		assert_int_equal(sa_delete(gw, SA_OUT, older.spi, older.destination), 0);
		for (uint8_t i = 0; i < changes; i++)
			another(fixture, 40 + i);
		assert_int_equal(sa_delete(gw, SA_OUT, newer.spi, newer.destination), 0);
		publish_flush(gw->publisher);
		assert_int_equal(slab_count(gw->slab), objects);
	}
	/* The end of the gateway: one that waits, one at work, one elsewhere. */
	struct sa_spec last = fixture_sa(fixture, SA_OUT, 0, 0xc0001003);
	fixture_add(fixture, &last);
	for (uint8_t i = 0; i < 2; i++)
		another(fixture, 60 + i);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(esp_headers_are_as_written_by_hand),
		TEST(udp_headers_are_as_written_by_hand),
		TEST(the_mtu_is_the_largest_that_fits),
		TEST(an_encap_lies_next_to_its_sa),
		TEST(an_sa_goes_while_its_encaps_wait),
	};

	return cmocka_run_group_tests(tests, fixture_start_dpdk, fixture_stop_dpdk);
}
