/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* ICMP (RFC 792): the types and codes that this directory knows. */

#define ICMP_UNREACHABLE 3
#define ICMP_CODE_FRAGMENTATION_NEEDED 4
#define ICMP_TIME_EXCEEDED 11
