/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed digest that says nothing of what it was made
 * of to whoever does not have the secret. Any thread.
 */

#define SIPHASH_SECRET_BYTES 16

uint64_t siphash(const uint8_t secret[SIPHASH_SECRET_BYTES], const void *data, size_t bytes);
