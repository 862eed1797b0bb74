/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Small spellings that the C of GCC and Clang lacks. */

#define CACHE_LINE_BYTES 64
#define CACHE_ALIGNED _Alignas(CACHE_LINE_BYTES)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
