/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What ends an ESP payload (RFC 4303 2.4 to 2.6): padding, its length, and what the payload is. */

#define ESP_TRAILER_BYTES 2 /* pad length and next header */
#define ESP_NEXT_HEADER_IPV4 4
#define ESP_NEXT_HEADER_NONE 59 /* a dummy packet, to be discarded without a word */
