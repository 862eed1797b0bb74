/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * What the preload library in the program and the broker, its parent, agree on. Needs nothing.
 *
 * For each family that is carried, the broker listens on a SOCK_SEQPACKET socket in a directory of
 * its own; an environment variable names it. A carried socket is a connection to it, and all that
 * the library must know of such a socket stands in the socket's names, which fork, dup, exec and
 * close keep true by themselves: the name of its other end is the broker's path, which tells that
 * it is carried and of which family; its own name is ORDER_NAME_FORMAT, abstract, which tells the
 * port id. Two sockets of one family in one network namespace cannot have the same one, as in the
 * kernel.
 */

#define ORDER_ENVIRONMENT_XFRM "ESPALIER_RUN_XFRM"
#define ORDER_ENVIRONMENT_ROUTE "ESPALIER_RUN_ROUTE"

#define ORDER_NAME_FORMAT "espalier-run/%u/%u" /* family, port id */

enum order_verb {
	ORDER_OPEN,  /* first of all; answered on the socket itself, the others on a descriptor that
			comes with them */
	ORDER_JOIN,  /* value: a group */
	ORDER_LEAVE, /* value: a group */
	ORDER_MASK,  /* value: groups 1 to 32, as bits; those that do not exist are passed over */
};

/* A datagram among the program's requests, which no program can send by accident: a netlink message
 * begins with its length. */
struct order {
	uint32_t length; /* 0 */
	uint32_t magic;
	uint32_t verb; /* enum order_verb */
	uint32_t value;
};

#define ORDER_MAGIC 0x45535052u

struct order_answer {
	int32_t error; /* 0 or a positive errno */
};
