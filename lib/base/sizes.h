/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Sizes fixed at compile time. Everything else follows the configuration file. */

#define BURST_PKTS 128    /* packets that one turn of a worker carries; ipsec-mb's largest burst */
#define WORKERS_MAX 64    /* worker lcores */
#define PORTS_MAX 32      /* ports in a configuration file */
#define TUNNELS_MAX 65535 /* tunnels in a configuration file */
#define GROUP_MEMBERS_MAX 64 /* next hops of one route */
#define INTERFACE_BYTES 16   /* a kernel interface's name with its terminating zero: IFNAMSIZ */
#define NAME_BYTES 64        /* a name with its terminating zero; names may hold spaces */
