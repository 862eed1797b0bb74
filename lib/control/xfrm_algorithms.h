/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

#include "netlink.h"
#include "suite.h"

/* Suites as XFRM names them: XFRMA_ALG_CRYPT with XFRMA_ALG_AUTH or XFRMA_ALG_AUTH_TRUNC, or
 * XFRMA_ALG_AEAD. */

struct xfrm_keys {
	struct suite suite;
	const uint8_t *encryption;     /* key, then salt; bytes of the message */
	const uint8_t *authentication; /* NULL with an AEAD */
};

/* Bytes of key material, salt included. */
uint16_t xfrm_encryption_key_bytes(struct suite suite);
uint16_t xfrm_authentication_key_bytes(struct suite suite);

/*
 * Reads them out of a message's attributes, indexed by XFRMA_*. A truncation or key length that the
 * suites do not have is refused, never rounded. 0; -ENOSYS for an algorithm that is not there;
 * -EINVAL for lengths; -EOPNOTSUPP for ESP with one of the two services alone.
 */
int xfrm_algorithms_read(const struct netlink_attribute found[], struct xfrm_keys *keys,
	struct netlink_refusal *why);

/* Writes them as the kernel does: ALG_AUTH and ALG_AUTH_TRUNC both. Keys that are NULL become
 * zeroes of their length. */
void xfrm_algorithms_write(struct netlink_writer *writer, const struct xfrm_keys *keys);
