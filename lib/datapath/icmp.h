/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* ICMP (RFC 792): the types and codes that this directory knows. */

#define ICMP_UNREACHABLE 3
#define ICMP_CODE_NET_UNREACHABLE 0
#define ICMP_CODE_HOST_UNREACHABLE 1
#define ICMP_CODE_FRAGMENTATION_NEEDED 4
#define ICMP_CODE_PROHIBITED 13 /* administratively: RFC 1812 5.2.7.1 */
#define ICMP_TIME_EXCEEDED 11
