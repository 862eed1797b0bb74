/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control.h"
#include "netlink.h"
#include "outbox.h"
#include "owner.h"
#include "refusal_log.h"
#include "route_batch.h"

/*
 * One conversation, without its socket: datagrams go in, answers come out into an outbox. So the
 * server, the tests and the fuzzer drive the same code. Control only.
 *
 * A session speaks one family, named by its hello. A family is a table of message types; everything
 * that all families share (hello, lengths, permission, acks, dumps) is here.
 */

#define SESSION_REQUEST_BYTES_MAX 32768 /* of one datagram from a client, in any family */
#define SESSION_ANSWER_BYTES_MAX 32768  /* of one datagram to a client, in any family */
#define SESSION_GROUPS_MAX 64           /* multicast groups of a family */

struct session;
struct xfrm;

/* What handlers work on: one for all sessions. */
struct session_context {
	struct gateway *gw;
	struct control_facts facts;
	struct session *listening; /* sessions that joined groups; see event.h */
	struct xfrm *xfrm;         /* what sessions of family XFRM share; see xfrm.h */
	uint32_t sequence;         /* of the request that is handled, for events; 0: none is */
	struct route_batch routes; /* the ROUTE family's changes of one datagram */
	struct owners owners;      /* of routes and neighbors */
	struct refusal_log refusals;
	/* Where datagrams are put together; nothing stays in it between calls. */
	_Alignas(4) uint8_t scratch[SESSION_ANSWER_BYTES_MAX];
};

/* --- a family --- */

/* What a handler returns besides 0 and -errno: a dump has begun, whose end is the answer; the
 * message waits with others for the family's settle(), which answers it; or answers to those before
 * it are lost, and the session is over. */
#define SESSION_DUMPS 1
#define SESSION_DEFERS 2
#define SESSION_BREAKS 3

enum message_flags {
	MESSAGE_WRITES = 1, /* refused on the read-only socket */
	MESSAGE_DUMPS = 2,  /* refused while another dump of the session runs */
	MESSAGE_DEFERS = 4, /* may return SESSION_DEFERS */
	MESSAGE_LOGGED = 8, /* its refusal is logged; see refusal_log.h */
};

struct message_type {
	uint16_t type;
	uint16_t body_bytes; /* shortest body; checked before the handler runs */
	unsigned flags;
	const char *name; /* as refusals call it */
	/* 0: done, acked where asked; SESSION_DUMPS and its like; or -errno with words in `why`. */
	int (*handle)(struct session *session, const struct netlink_message *request,
		struct netlink_refusal *why);
};

enum session_verdict {
	SESSION_GOES_ON,
	SESSION_OVER, /* hang up once the outbox is empty */
};

struct family {
	uint32_t id; /* enum espalier_family */
	const char *name;
	size_t request_bytes; /* longest datagram it takes, at most SESSION_REQUEST_BYTES_MAX: what
				 bounds the work of one turn */
	size_t answer_bytes;  /* longest it sends, at most SESSION_ANSWER_BYTES_MAX */
	uint32_t groups_max; /* sessions may join groups 1 .. groups_max <= SESSION_GROUPS_MAX, also
				those in which nothing happens, as in the kernel; 0: none */
	const struct message_type *types;
	unsigned n_types;
	/*
	 * Carries out what handlers deferred, all at once, and answers each with session_ack().
	 * Called before any other message is handled or answered, so answers keep their order, and
	 * at the end of the datagram. NULL: no handler defers.
	 */
	enum session_verdict (*settle)(struct session *session);
};

/* --- a dump --- */

/*
 * Appends the next row as one message and moves the cursor. 1: appended, or passed over for it was
 * not asked for; 0: there are no more rows; -EMSGSIZE: no room in this datagram; else -errno, which
 * ends the dump. What it did to the cursor counts with 1 only. Rows that come or go between calls
 * may or may not be seen.
 */
struct dump;
typedef int (*dump_row_fn)(
	struct session *session, struct dump *dump, struct netlink_writer *writer);

/*
 * One step of work that takes many, each of a turn's length: 1: there is more to do; 0 or -errno,
 * in words: that was the last, and the request is answered with it. It goes on when its client has
 * gone.
 */
typedef int (*dump_step_fn)(
	struct session *session, struct dump *dump, struct netlink_refusal *why);

struct dump {
	dump_row_fn row;                /* NULL: none runs */
	dump_step_fn step;              /* or work does; NULL: none */
	struct netlink_message request; /* for sequence and pid; its body is gone */
	uint32_t subject;               /* the family's own */
	uint32_t filter[4];             /* the family's own */
	uint32_t cursor;                /* the table's own; starts at 0 */
};

/* --- a session --- */

enum session_access { SESSION_READ_ONLY, SESSION_READ_WRITE };

struct session {
	struct session_context *context;
	struct outbox *outbox;
	enum session_access access;
	pid_t pid; /* of the peer, as SO_PEERCRED tells, for the log; 0: nobody */
	uid_t uid;
	const struct family *family; /* NULL: no hello yet */
	struct dump dump;
	uint8_t owner; /* for whom it sets routes and neighbors; see owner.h */
	/* events */
	uint64_t groups; /* bit n - 1: joined group n */
	bool overrun;    /* it missed events and was told so; no more until its outbox is empty */
	struct session *next_listening;
	/* Told when an event came into the empty outbox, for whoever empties it; may be NULL. */
	void (*stir)(struct session *session);
};

/* The session hears of no more events and speaks for nobody; what it points to is its owner's. */
void session_close(struct session *session);

/*
 * Takes one datagram and puts all answers into the outbox; call it only while that is empty, of
 * events too, which is what bounds it. `bytes` is what the client sent: of more than
 * SESSION_REQUEST_BYTES_MAX only so many need be there, and it is refused.
 */
enum session_verdict
session_receive(struct session *session, const uint8_t *datagram, size_t bytes);

/* Puts the next datagram of a running dump into the outbox, if one runs. */
enum session_verdict session_continue(struct session *session);

static inline bool
session_dumping(const struct session *session)
{
	return session->dump.row != NULL || session->dump.step != NULL;
}

/* For settle(): the ack, where it was asked for, or the refusal of a request. */
enum session_verdict session_ack(struct session *session, const struct netlink_message *request,
	int error, const struct netlink_refusal *why);
/* For handlers: one message as a datagram of its own. 0 or -errno, in words. */
int session_answer(struct session *session, const struct netlink_message *request, uint16_t type,
	const char *text, struct netlink_refusal *why);
/* For handlers: begins a dump; returns SESSION_DUMPS. */
int session_dump(struct session *session, const struct netlink_message *request, dump_row_fn row,
	uint32_t subject);
/* The same for work: does its first step, and returns 0 or -errno where that was all. */
int session_work(struct session *session, const struct netlink_message *request, dump_step_fn step,
	struct netlink_refusal *why);
