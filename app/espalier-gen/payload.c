/* SPDX-License-Identifier: BSD-3-Clause */
#include "payload.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>

#include "bytes.h"
#include "lengths.h"

#define PATTERN_OFFSETS 1024 /* patterns that differ */
#define PATTERN_SEED 0x6573706cU

static uint8_t pattern[PATTERN_OFFSETS + LENGTH_MAX];

void
payload_init(void)
{
	uint32_t state = PATTERN_SEED;

	for (unsigned i = 0; i < sizeof(pattern); i++) {
		/* xorshift32 (Marsaglia, 2003) */
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		pattern[i] = (uint8_t)(state >> 11);
	}
}

static const uint8_t *
pattern_of(const struct payload *payload)
{
	return pattern + ((payload->flow * 7 + payload->sequence * 13) & (PATTERN_OFFSETS - 1));
}

static uint32_t
check_value(const struct payload *payload)
{
	uint32_t crc = payload->id;

	crc = rte_hash_crc_8byte((uint64_t)payload->flow << 32 | payload->sequence, crc);
	return rte_hash_crc_4byte(payload->stamp, crc);
}

void
payload_write(uint8_t *at, unsigned bytes, const struct payload *payload)
{
	store_u32(at, rte_cpu_to_be_32(payload->id));
	store_u32(at + 4, rte_cpu_to_be_32(payload->flow));
	store_u32(at + 8, rte_cpu_to_be_32(payload->sequence));
	store_u32(at + 12, rte_cpu_to_be_32(payload->stamp));
	store_u32(at + 16, rte_cpu_to_be_32(check_value(payload)));
	memcpy(at + PAYLOAD_BYTES, pattern_of(payload), bytes - PAYLOAD_BYTES);
}

enum payload_verdict
payload_read(const uint8_t *at, unsigned bytes, uint32_t id, struct payload *payload)
{
	if (bytes < PAYLOAD_BYTES)
		return PAYLOAD_FOREIGN;
	payload->id = rte_be_to_cpu_32(load_u32(at));
	payload->flow = rte_be_to_cpu_32(load_u32(at + 4));
	payload->sequence = rte_be_to_cpu_32(load_u32(at + 8));
	payload->stamp = rte_be_to_cpu_32(load_u32(at + 12));
	if (payload->id != id)
		return PAYLOAD_FOREIGN;
	return rte_be_to_cpu_32(load_u32(at + 16)) == check_value(payload) ? PAYLOAD_GOOD
									   : PAYLOAD_CORRUPTED;
}

bool
payload_intact(const uint8_t *at, unsigned bytes, const struct payload *payload)
{
	return memcmp(at + PAYLOAD_BYTES, pattern_of(payload), bytes - PAYLOAD_BYTES) == 0;
}
