/* SPDX-License-Identifier: BSD-3-Clause */
#include "route_family.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "compiler.h"
#include "protocol.h"
#include "route_parts.h"

#define BODY(type) sizeof(struct type)

static const struct message_type types[] = {
	{ RTM_NEWROUTE, BODY(rtmsg), MESSAGE_WRITES | MESSAGE_DEFERS, "RTM_NEWROUTE", route_new },
	{ RTM_DELROUTE, BODY(rtmsg), MESSAGE_WRITES | MESSAGE_DEFERS, "RTM_DELROUTE",
		route_delete },
	{ RTM_GETROUTE, 1, MESSAGE_DUMPS, "RTM_GETROUTE", route_get },
	{ RTM_NEWNEIGH, BODY(ndmsg), MESSAGE_WRITES, "RTM_NEWNEIGH", neighbor_message_new },
	{ RTM_DELNEIGH, BODY(ndmsg), MESSAGE_WRITES, "RTM_DELNEIGH", neighbor_message_delete },
	{ RTM_GETNEIGH, 1, MESSAGE_DUMPS, "RTM_GETNEIGH", neighbor_message_get },
	{ RTM_GETLINK, 1, MESSAGE_DUMPS, "RTM_GETLINK", link_message_get },
	{ RTM_NEWLINK, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_NEWLINK", link_message_set },
	{ RTM_SETLINK, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_SETLINK", link_message_set },
	{ RTM_DELLINK, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_DELLINK", link_message_set },
	{ RTM_GETADDR, 1, MESSAGE_DUMPS, "RTM_GETADDR", address_message_get },
	{ RTM_NEWADDR, BODY(ifaddrmsg), MESSAGE_WRITES, "RTM_NEWADDR", address_message_set },
	{ RTM_DELADDR, BODY(ifaddrmsg), MESSAGE_WRITES, "RTM_DELADDR", address_message_set },
	{ RTM_NEWLINKPROP, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_NEWLINKPROP", link_message_set },
	{ RTM_DELLINKPROP, BODY(ifinfomsg), MESSAGE_WRITES, "RTM_DELLINKPROP", link_message_set },
	{ RTM_GETNSID, 1, MESSAGE_DUMPS, "RTM_GETNSID", namespace_message_get },
	{ RTM_GETRULE, 1, MESSAGE_DUMPS, "RTM_GETRULE", absent_message_get },
	{ RTM_NEWRULE, 1, MESSAGE_WRITES, "RTM_NEWRULE", absent_message_new },
	{ RTM_DELRULE, 1, MESSAGE_WRITES, "RTM_DELRULE", absent_message_delete },
	{ RTM_GETNEXTHOP, 1, MESSAGE_DUMPS, "RTM_GETNEXTHOP", absent_message_get },
	{ RTM_NEWNEXTHOP, 1, MESSAGE_WRITES, "RTM_NEWNEXTHOP", absent_message_new },
	{ RTM_DELNEXTHOP, 1, MESSAGE_WRITES, "RTM_DELNEXTHOP", absent_message_delete },
	{ RTM_GETNEXTHOPBUCKET, 1, MESSAGE_DUMPS, "RTM_GETNEXTHOPBUCKET", absent_message_get },
	{ RTM_GETNETCONF, 1, MESSAGE_DUMPS, "RTM_GETNETCONF", absent_message_get },
	{ RTM_GETNEIGHTBL, 1, MESSAGE_DUMPS, "RTM_GETNEIGHTBL", absent_message_get },
	{ RTM_GETADDRLABEL, 1, MESSAGE_DUMPS, "RTM_GETADDRLABEL", absent_message_get },
	{ RTM_GETSTATS, 1, MESSAGE_DUMPS, "RTM_GETSTATS", absent_message_get },
	{ ESPALIER_BEGIN, 0, MESSAGE_WRITES | MESSAGE_DUMPS, "BEGIN", route_begin },
	{ ESPALIER_COMMIT, 0, MESSAGE_WRITES | MESSAGE_DUMPS, "COMMIT", route_commit },
};

const struct family route_family = {
	.id = ESPALIER_FAMILY_ROUTE,
	.name = "ROUTE",
	.request_bytes = SESSION_REQUEST_BYTES_MAX,
	.answer_bytes = 4096, /* what the smallest of the clients' buffers holds */
	.groups_max = RTNLGRP_MAX,
	.types = types,
	.n_types = ARRAY_LEN(types),
	.settle = route_settle,
};
