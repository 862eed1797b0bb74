/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <linux/netlink.h>

#include "event.h"
#include "own.h"
#include "protocol.h"
#include "xfrm.h"
#include "route_family.h"

/* Before the hello: room for it and some requests behind it. */
#define GREETING_BYTES_MAX 4096
/* What the smallest of the clients' buffers holds: more is in no datagram of a dump, but where a
 * single row is larger. */
#define FILL_BYTES 4096
/* It is not filled up where hardly a row was asked for. */
#define ROWS_PER_TURN 4096

/* Every message of a datagram may be refused, at length: there is room for all that beside events
 * and the word that some are missing. */
static_assert(SESSION_REQUEST_BYTES_MAX / sizeof(struct nlmsghdr) * (NETLINK_TEXT_BYTES + 64) <=
		OUTBOX_BYTES_MAX - EVENT_WAITING_BYTES_MAX - 64,
	"the refusals to one datagram fit into an outbox");

static const struct family *const families[] = {
	&own_family,
	&xfrm_family,
	&route_family,
};

static const struct family *
find_family(uint32_t id)
{
	for (unsigned i = 0; i < ARRAY_LEN(families); i++)
		if (families[i]->id == id)
			return families[i];
	return NULL;
}

static int
hello(struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_span body = request->body;
	struct espalier_hello hello = { 0 };

	netlink_take(&body, &hello, sizeof(hello));
	if (hello.version != ESPALIER_PROTOCOL_VERSION)
		return netlink_refuse(why, EPROTO,
			"the client speaks version %u of the control protocol, this is version %u",
			hello.version, ESPALIER_PROTOCOL_VERSION);
	const struct family *family = find_family(hello.family);
	if (family == NULL)
		return netlink_refuse(why, EPROTO,
			"there is no family %u; %u is ROUTE, %u XFRM, %u Espalier's own",
			hello.family, ESPALIER_FAMILY_ROUTE, ESPALIER_FAMILY_XFRM,
			ESPALIER_FAMILY_OWN);
	session->family = family;
	return 0;
}

static int
group(struct session *session, const struct netlink_message *request, struct netlink_refusal *why)
{
	struct netlink_span body = request->body;
	struct espalier_group wanted = { 0 };

	netlink_take(&body, &wanted, sizeof(wanted));
	if (wanted.group == 0 || wanted.group > session->family->groups_max)
		return netlink_refuse(why, EOPNOTSUPP, "family %s has no multicast group %u",
			session->family->name, wanted.group);
	if (wanted.join > 1)
		return netlink_refuse(why, EINVAL,
			"'join' is %u, it must be 1 to join or 0 to leave", wanted.join);
	if (wanted.join == 1)
		event_join(session, wanted.group);
	else
		event_leave(session, wanted.group);
	return 0;
}

static const struct message_type hello_type = {
	.type = ESPALIER_HELLO,
	.body_bytes = sizeof(struct espalier_hello),
	.name = "HELLO",
	.handle = hello,
};

static const struct message_type group_type = {
	.type = ESPALIER_GROUP,
	.body_bytes = sizeof(struct espalier_group),
	.name = "GROUP",
	.handle = group,
};

static const struct message_type *
find_type(const struct session *session, uint16_t type)
{
	if (type == hello_type.type)
		return &hello_type;
	if (type == group_type.type)
		return &group_type;
	for (unsigned i = 0; i < session->family->n_types; i++)
		if (session->family->types[i].type == type)
			return &session->family->types[i];
	return NULL;
}

/* All that can be said against a message before its handler sees it. */
static int
admit(const struct session *session, const struct netlink_message *message,
	const struct message_type **type, struct netlink_refusal *why)
{
	if (session->family == NULL && message->type != ESPALIER_HELLO)
		return netlink_refuse(why, EPROTO,
			"the first message must be a hello (type 0x%x), this has type 0x%x",
			ESPALIER_HELLO, message->type);
	if (session->family != NULL && message->type == ESPALIER_HELLO)
		return netlink_refuse(why, EPROTO,
			"there was a hello before; a connection speaks one family, %s",
			session->family->name);
	*type = session->family == NULL ? &hello_type : find_type(session, message->type);
	if (*type == NULL)
		return netlink_refuse(why, EOPNOTSUPP, "family %s has no message of type 0x%x",
			session->family->name, message->type);
	if (message->body.bytes < (*type)->body_bytes)
		return netlink_refuse(why, EINVAL,
			"a %s has at least %u bytes behind its header, this has %zu", (*type)->name,
			(*type)->body_bytes, message->body.bytes);
	if (((*type)->flags & MESSAGE_WRITES) != 0 && session->access != SESSION_READ_WRITE)
		return netlink_refuse(why, EPERM,
			"%s changes something, and this is the read-only socket", (*type)->name);
	if (((*type)->flags & MESSAGE_DUMPS) != 0 && session_dumping(session))
		return netlink_refuse(
			why, EBUSY, "another listing, or a COMMIT, runs on this connection");
	return 0;
}

/* One ack or refusal, a datagram of its own as from the kernel. */
static enum session_verdict
ack(struct session *session, const struct netlink_message *request, int error,
	const struct netlink_refusal *why)
{
	uint8_t *buffer = session->context->scratch;
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(session->context->scratch));
	/* An answer that cannot be kept would leave the client waiting: better to hang up. */
	if (netlink_write_ack(&writer, request, error, why) < 0 ||
		outbox_put(session->outbox, buffer, writer.used) < 0)
		return SESSION_OVER;
	return SESSION_GOES_ON;
}

enum session_verdict
session_ack(struct session *session, const struct netlink_message *request, int error,
	const struct netlink_refusal *why)
{
	if (error == 0 && (request->flags & NLM_F_ACK) == 0)
		return SESSION_GOES_ON;
	return ack(session, request, error, why);
}

static enum session_verdict
settle(struct session *session)
{
	if (session->family == NULL || session->family->settle == NULL)
		return SESSION_GOES_ON;
	return session->family->settle(session);
}

/* Whatever is wrong with it, the words say: the client speaks another protocol. */
static enum session_verdict
reject_greeting(struct session *session, const struct netlink_message *message,
	const struct netlink_refusal *why)
{
	ack(session, message, -EPROTO, why);
	return SESSION_OVER;
}

static enum session_verdict
greet(struct session *session, const struct netlink_message *message)
{
	const struct message_type *type = NULL;
	struct netlink_refusal why = { "" };

	if (settle(session) == SESSION_OVER)
		return SESSION_OVER;
	int result = admit(session, message, &type, &why);
	if (result == 0)
		result = type->handle(session, message, &why);
	if (result < 0)
		return reject_greeting(session, message, &why);
	return ack(session, message, 0, &why);
}

static enum session_verdict
handle(struct session *session, const struct netlink_message *message)
{
	const struct message_type *type = NULL;
	struct netlink_refusal why = { "" };

	/* NLMSG_NOOP and its like are of netlink itself, and no family's: a kernel skips them. */
	if (message->type < NLMSG_MIN_TYPE)
		return settle(session) == SESSION_OVER ? SESSION_OVER
						       : session_ack(session, message, 0, &why);
	int result = admit(session, message, &type, &why);
	bool may_defer = result == 0 && (type->flags & MESSAGE_DEFERS) != 0;

	if (!may_defer && settle(session) == SESSION_OVER)
		return SESSION_OVER;
	if (result == 0)
		result = type->handle(session, message, &why);
	if (result == SESSION_DEFERS || result == SESSION_DUMPS)
		return SESSION_GOES_ON;
	if (result == SESSION_BREAKS)
		return SESSION_OVER;
	if (result < 0 && type != NULL && (type->flags & MESSAGE_LOGGED) != 0)
		refusal_log_tell(&session->context->refusals, session, type->name, result, &why);
	if (may_defer && settle(session) == SESSION_OVER)
		return SESSION_OVER;
	return session_ack(session, message, result, &why);
}

/* A datagram that is no row of messages. As a greeting it is no better than any other wrong one. */
static enum session_verdict
reject(struct session *session, const struct netlink_message *message, int error,
	const struct netlink_refusal *why)
{
	return session->family == NULL ? reject_greeting(session, message, why)
				       : ack(session, message, error, why);
}

static enum session_verdict
handle_all(struct session *session, struct netlink_span rest)
{
	enum session_verdict verdict = SESSION_GOES_ON;
	struct netlink_message message;
	struct netlink_refusal why;
	int got;

	for (bool first = true; verdict == SESSION_GOES_ON; first = false) {
		got = netlink_next_message(&rest, &message, &why);
		/* iproute2 asks for dumps with buffers that it filled only in front; the kernel
		 * stops at a length of zero too. */
		if (got == 0 || (!first && got < 0 && message.length == 0))
			return settle(session);
		if (got < 0) {
			verdict = settle(session);
			return verdict == SESSION_OVER ? verdict
						       : reject(session, &message, got, &why);
		}
		bool greeting = session->family == NULL || message.type == ESPALIER_HELLO;
		session->context->sequence = message.sequence;
		verdict = greeting ? greet(session, &message) : handle(session, &message);
	}
	return verdict;
}

enum session_verdict
session_receive(struct session *session, const uint8_t *datagram, size_t bytes)
{
	size_t most = session->family == NULL ? GREETING_BYTES_MAX : session->family->request_bytes;
	struct netlink_span rest = { .at = datagram, .bytes = bytes };
	struct netlink_message message = { 0 };
	struct netlink_refusal why;

	if (bytes == 0)
		return reject(
			session, &message, netlink_refuse(&why, EINVAL, "an empty datagram"), &why);
	if (bytes > most) {
		/* Its first header still tells whom to answer. */
		rest.bytes = most;
		netlink_next_message(&rest, &message, &why);
		netlink_refuse(&why, EMSGSIZE, "a datagram of %zu bytes; %zu are taken at most",
			bytes, most);
		return reject(session, &message, -EMSGSIZE, &why);
	}
	enum session_verdict verdict = handle_all(session, rest);
	session->context->sequence = 0;
	return verdict;
}

int
session_answer(struct session *session, const struct netlink_message *request, uint16_t type,
	const char *text, struct netlink_refusal *why)
{
	uint8_t *buffer = session->context->scratch;
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, session->family->answer_bytes);
	netlink_begin(&writer, type, 0, request->sequence, request->pid);
	netlink_put(&writer, text, strlen(text));
	int error = netlink_commit_exact(&writer);
	if (error == 0)
		error = outbox_put(session->outbox, buffer, writer.used);
	return error == 0 ? 0 : netlink_refuse(why, -error, "there is no room for the answer");
}

int
session_dump(struct session *session, const struct netlink_message *request, dump_row_fn row,
	uint32_t subject)
{
	session->dump = (struct dump) { .row = row, .request = *request, .subject = subject };
	session->dump.request.body = (struct netlink_span) { 0 };
	return SESSION_DUMPS;
}

int
session_work(struct session *session, const struct netlink_message *request, dump_step_fn step,
	struct netlink_refusal *why)
{
	session_dump(session, request, NULL, 0);
	int more = step(session, &session->dump, why);
	if (more <= 0)
		return more;
	session->dump.step = step;
	return SESSION_DUMPS;
}

/* The next step of work, and at its end the answer. */
static enum session_verdict
work(struct session *session)
{
	const struct netlink_message request = session->dump.request;
	struct netlink_refusal why = { "" };

	session->context->sequence = request.sequence;
	int more = session->dump.step(session, &session->dump, &why);
	session->context->sequence = 0;
	if (more > 0)
		return SESSION_GOES_ON;
	session->dump.step = NULL;
	return session_ack(session, &request, more, &why);
}

/* Fills one datagram with rows. 1: there is more to come; 0: that was the last row; -errno. */
static int
fill(struct session *session, struct netlink_writer *writer)
{
	struct dump *dump = &session->dump;

	for (unsigned rows = 0; rows < ROWS_PER_TURN && writer->used < FILL_BYTES; rows++) {
		uint32_t before = dump->cursor;
		int row = dump->row(session, dump, writer);

		if (row == 1) {
			if (writer->used <= FILL_BYTES && writer->room > FILL_BYTES)
				writer->room = FILL_BYTES;
			continue;
		}
		dump->cursor = before;
		if (row == -EMSGSIZE && writer->used > 0)
			return 1;
		return row;
	}
	return 1;
}

enum session_verdict
session_continue(struct session *session)
{
	uint8_t *buffer = session->context->scratch;
	struct netlink_refusal why;
	struct netlink_writer writer;

	if (!session_dumping(session))
		return SESSION_GOES_ON;
	if (session->dump.step != NULL)
		return work(session);
	netlink_writer_init(&writer, buffer, session->family->answer_bytes);
	int more = fill(session, &writer);
	if (more < 0)
		netlink_refuse(&why, -more, "the listing broke off: %s", strerror(-more));
	/* The end goes with the last rows where there is room, else into the next datagram. */
	if (more <= 0 && netlink_write_done(&writer, &session->dump.request, more, &why) == 0)
		session->dump.row = NULL;
	if (writer.used == 0)
		return SESSION_GOES_ON;
	int error = outbox_put(session->outbox, buffer, writer.used);
	/* There may have been keys in it. */
	explicit_bzero(buffer, writer.used);
	return error == 0 ? SESSION_GOES_ON : SESSION_OVER;
}

void
session_close(struct session *session)
{
	owner_leave(session);
	event_leave_all(session);
}
