/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "ifindex.h"
#include "nexthop.h"
#include "route.h"
#include "session.h"

/* What the files of the ROUTE family share; for them alone. Control only. */

/* --- handlers, one for each message type --- */

int route_new(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int route_delete(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int route_get(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
enum session_verdict route_settle(struct session *session);

/* Rounds of an owner; see owner.h. */
int route_begin(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int route_commit(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);

int neighbor_message_new(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int neighbor_message_delete(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int neighbor_message_get(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);

int link_message_get(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int address_message_get(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);

/* What there is none of, and what is not for messages to set. */
int absent_message_get(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int absent_message_new(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int absent_message_delete(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int namespace_message_get(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int link_message_set(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
int address_message_set(struct session *session, const struct netlink_message *request,
	struct netlink_refusal *why);
/* A dump of no rows. */
int route_append_nothing(struct session *session, struct dump *dump, struct netlink_writer *writer);

/* --- reading --- */

/* The port of a gateway that is named without its interface, when a route is deleted. */
#define ROUTE_ANY_PORT UINT8_MAX

/* A route as a message names it. */
struct route_request {
	struct prefix prefix;
	bool deletes;      /* RTM_DELROUTE: it names what is there */
	bool local_table;  /* table 255, which holds nothing but addresses of ours */
	uint8_t type;      /* rtm_type */
	uint8_t protocol;  /* 0: any */
	uint32_t priority; /* a prefix has one route, so it tells apart nothing but the
			      configuration's, which is of priority 0 */
	uint16_t n_ways;   /* 0: none given */
	struct nexthop_spec ways[GROUP_MEMBERS_MAX];
};

/* The next hop that an address will have when the messages before are carried out, or NEXTHOP_NONE.
 */
uint32_t route_will_match(const struct session_context *context, uint32_t address);

/* Reads RTM_NEWROUTE or RTM_DELROUTE. 0 or -errno, in words. */
int route_read(const struct session_context *context, const struct netlink_message *request,
	struct route_request *route, struct netlink_refusal *why);

/* What a prefix has, as the messages before will leave it. */
struct route_standing {
	bool exists;
	struct route route;
	uint32_t last; /* its next hop, or the one that it had before this datagram took it away:
			  whoever puts it back inherits its buckets */
};

/* Makes room for a change, reads a message, and looks up what its prefix has. 0, -errno in words,
 * or SESSION_BREAKS. */
int route_look(struct session *session, const struct netlink_message *request,
	struct route_request *named, struct route_standing *there, struct netlink_refusal *why);
/* Puts a change behind the others: SESSION_DEFERS. */
int route_enqueue(struct session *session, const struct route_change *change,
	const struct netlink_message *request);

/* Is it there because the configuration gives that address to a port or tunnel? */
bool route_is_own(const struct gateway *gw, const struct route *route);
int route_refuse_own(struct prefix prefix, struct netlink_refusal *why);
/* Why nexthop_acquire() gave none. */
int route_refuse_nexthop(int error, struct netlink_refusal *why);
/* True: they are the same, and in the same shares. Alone one takes all, whatever its weight. */
bool
route_same_ways(const struct gateway *gw, uint32_t nexthop, const struct route_request *wanted);

/* What the attributes of a route must look like; also for RTM_GETROUTE. */
#define ROUTE_ATTRIBUTES (RTA_MAX + 1)
extern const struct netlink_rule route_rules[ROUTE_ATTRIBUTES];

/* Reads an address in network order from an attribute that a rule has checked. */
uint32_t route_address(const struct netlink_attribute *attribute);

/* "192.0.2.0/24" or "192.0.2.1" */
const char *route_prefix_text(struct prefix prefix, char text[PREFIX_TEXT_BYTES]);

/* --- writing --- */

/* How a message begins. */
struct route_header {
	uint16_t type, flags;
	uint32_t sequence, pid;
};

/* Writes a route with all its ways. 0 or -EMSGSIZE. */
int route_write(struct netlink_writer *writer, const struct gateway *gw,
	const struct route_header *header, const struct route *route);
int neighbor_write(struct netlink_writer *writer, const struct gateway *gw,
	const struct route_header *header, const struct neighbor *neighbor);
int link_write(struct netlink_writer *writer, const struct gateway *gw,
	const struct route_header *header, struct link link);

/* The attributes of one way: gateway and interface. */
void route_put_way(
	struct netlink_writer *writer, const struct gateway *gw, const struct nexthop_spec *way);
/* rtm_type, rtm_table and rtm_scope of a route by its first way. */
uint8_t route_type(const struct nexthop_spec *way);
uint8_t route_table_of(const struct nexthop_spec *way);
uint8_t route_scope(const struct nexthop_spec *way);

/* Begins an answer of one message in the session's scratch. */
struct route_header route_answer_begin(struct session *session,
	const struct netlink_message *request, uint16_t type, struct netlink_writer *writer);
/* Sends it. 0 or -errno, in words. */
int route_answer_end(struct session *session, struct netlink_writer *writer, int written,
	struct netlink_refusal *why);

/* Is it a request for all, as opposed to one? */
static inline bool
route_is_dump(const struct netlink_message *request)
{
	return (request->flags & NLM_F_DUMP) != 0;
}

/* Takes the fixed part of a request that may be one for all. As with the kernel, the family alone
 * will do there (struct rtgenmsg, as libnl sends it): then false, and nothing behind it counts. */
static inline bool
route_take_asked(struct netlink_span *body, void *header, size_t bytes)
{
	if (netlink_take(body, header, bytes))
		return true;
	netlink_take(body, header, sizeof(struct rtgenmsg));
	body->bytes = 0;
	return false;
}

/* Is IPv4 in what a listing of that family holds? A family that has none of its own stands for all
 * of them, as with the kernel: pyroute2 asks for 255. */
static inline bool
route_lists_ipv4(uint8_t family)
{
	return family != AF_INET6 && family != RTNL_FAMILY_IPMR && family != RTNL_FAMILY_IP6MR;
}

/* The header of a row of a dump. */
static inline struct route_header
route_row_header(const struct dump *dump, uint16_t type)
{
	return (struct route_header) { type, NLM_F_MULTI, dump->request.sequence,
		dump->request.pid };
}
