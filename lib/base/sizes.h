/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* Sizes fixed at compile time, and a path that the programs share. Everything else follows the
 * configuration file. */

#define BURST_PKTS 128    /* packets that one turn of a worker carries; ipsec-mb's largest burst */
#define WORKERS_MAX 64    /* worker lcores */
#define PORTS_MAX 32      /* ports in a configuration file */
#define TUNNELS_MAX 65535 /* tunnels in a configuration file */
#define PORT_ADDRESSES_MAX 16 /* own addresses of a port */
#define ROUTES_MAX (1u << 24) /* of one table */
#define GROUP_MEMBERS_MAX 64  /* next hops of one route */
#define WEIGHT_MAX 256        /* of a next hop: rtnh_hops is a byte, and one less */
#define REPLAY_WINDOW_MIN 64  /* sequence numbers; 0, no replay check, is allowed besides */
#define REPLAY_WINDOW_MAX 8192
#define INTERFACE_BYTES 16 /* a kernel interface's name with its terminating zero: IFNAMSIZ */
#define NAME_BYTES 64      /* a name with its terminating zero; names may hold spaces */

#define ESPALIER_SOCKET_DEFAULT "/run/espalier/control.sock"
