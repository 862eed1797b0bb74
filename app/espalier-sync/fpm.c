/* SPDX-License-Identifier: BSD-3-Clause */
#include "fpm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "clock.h"
#include "log.h"

/* zebra rests for a second where its buffer is full, in the middle of telling its routes. */
#define SILENCE_NS (3 * SECOND_NS)

/* --- frames --- */

/* False: no memory. */
static bool
take_route(struct fpm *fpm, const struct netlink_message *message)
{
	static struct learned_route route;

	if (!learned_read_route(message, &route) || route.table != fpm->table)
		return true;
	/* zebra tells the one route of a prefix that it has chosen, and deletes it by its prefix.
	 */
	route.facts.metric = 0;
	route.facts.tos = 0;
	if (message->type == RTM_NEWROUTE)
		return rib_set(&fpm->feed->rib, &route, RIB_REPLACED);
	rib_remove(&fpm->feed->rib, &route);
	return true;
}

static bool
take_nexthop(struct fpm *fpm, const struct netlink_message *message)
{
	static struct learned_nexthop nexthop;

	if (!learned_read_nexthop(message, &nexthop))
		return true;
	if (message->type == RTM_NEWNEXTHOP)
		return nexthops_set(&fpm->feed->nexthops, &nexthop);
	nexthops_remove(&fpm->feed->nexthops, nexthop.id);
	return true;
}

int
fpm_take_frame(struct fpm *fpm, struct netlink_span body, struct netlink_refusal *why)
{
	struct netlink_message message;
	bool kept = true;
	int got = 0;

	while (kept && (got = netlink_next_message(&body, &message, why)) > 0) {
		switch (message.type) {
		case RTM_NEWROUTE:
		case RTM_DELROUTE:
			kept = take_route(fpm, &message);
			break;
		case RTM_NEWNEXTHOP:
		case RTM_DELNEXTHOP:
			kept = take_nexthop(fpm, &message);
			break;
		default: /* EVPN and MPLS, which is not for us */
			break;
		}
	}
	/* Whoever is hung up on comes again, and says everything anew. */
	return kept ? got : netlink_refuse(why, ENOMEM, "there is no memory for a route");
}

/* --- the client --- */

static void
hang_up(struct fpm *fpm, const char *why)
{
	if (ration_take(&fpm->complaints))
		log_warning("FPM: %s; its routes stay", why);
	loop_forget(fpm->loop, &fpm->client);
	fpm->n_buffered = 0;
}

/* Takes all frames that are there. False: the client is gone. */
static bool
take_frames(struct fpm *fpm)
{
	struct netlink_span stream = { fpm->buffer, fpm->n_buffered }, body;
	struct netlink_refusal why;
	int got;

	while ((got = fpm_next_frame(&stream, &body, &why)) > 0) {
		got = fpm_take_frame(fpm, body, &why);
		if (got < 0)
			break;
	}
	if (got < 0) {
		hang_up(fpm, why.text);
		return false;
	}
	memmove(fpm->buffer, stream.at, stream.bytes);
	fpm->n_buffered = (uint32_t)stream.bytes;
	return true;
}

static void
client_ready(struct watcher *watcher, uint32_t events)
{
	struct fpm *fpm = watcher->owner;
	ssize_t bytes = recv(watcher->fd, fpm->buffer + fpm->n_buffered,
		sizeof(fpm->buffer) - fpm->n_buffered, 0);

	(void)events;
	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (bytes <= 0) {
		hang_up(fpm, bytes == 0 ? "zebra has gone" : strerror(errno));
		return;
	}
	fpm->n_buffered += (uint32_t)bytes;
	fpm->heard_ns = clock_now_ns();
	if (take_frames(fpm))
		feed_send(fpm->feed);
}

static void
listener_ready(struct watcher *watcher, uint32_t events)
{
	struct fpm *fpm = watcher->owner;
	int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (fpm->client.fd >= 0)
		hang_up(fpm, "another client takes its place");
	fpm->client.fd = fd;
	/* A zebra that was restarted counts from 1 again. */
	if (!feed_forget_nexthops(fpm->feed)) {
		hang_up(fpm, "there is no memory for the ways of the routes so far");
		return;
	}
	if (loop_watch(fpm->loop, &fpm->client, EPOLLIN) < 0) {
		hang_up(fpm, "the client cannot be watched");
		return;
	}
	fpm->connected_ns = fpm->heard_ns = clock_now_ns();
	fpm->replaying = true;
	rib_round_begin(&fpm->feed->rib);
	feed_unsure(fpm->feed);
	if (ration_take(&fpm->complaints))
		log_info("FPM: zebra is here");
}

/* --- the end of a replay --- */

/* When the replay will count as over, if nothing more comes. */
static uint64_t
replay_ends_ns(const struct fpm *fpm)
{
	uint64_t silent_ns = fpm->heard_ns + SILENCE_NS;
	uint64_t grace_ns = fpm->connected_ns + fpm->grace_ns;
	uint64_t longest_ns = fpm->connected_ns + 2 * fpm->grace_ns + SILENCE_NS;

	if (fpm->feed->rib.n_stale > 0 && silent_ns < grace_ns)
		silent_ns = grace_ns;
	return silent_ns < longest_ns ? silent_ns : longest_ns;
}

uint64_t
fpm_tend(struct fpm *fpm, uint64_t now_ns)
{
	uint64_t complaints_ns;
	uint32_t unsaid = ration_tend(&fpm->complaints, now_ns, &complaints_ns);

	if (unsaid > 0)
		log_warning("FPM: clients came or went %u more times", unsaid);
	if (!fpm->replaying || fpm->client.fd < 0)
		return complaints_ns;
	uint64_t ends_ns = replay_ends_ns(fpm);
	if (now_ns < ends_ns)
		return ends_ns < complaints_ns ? ends_ns : complaints_ns;
	fpm->replaying = false;
	uint32_t went = rib_round_end(&fpm->feed->rib);
	if (went > 0)
		log_info("FPM: %u routes did not come again and go", went);
	feed_whole(fpm->feed);
	return complaints_ns;
}

void
fpm_learn(struct fpm *fpm, const struct learned_route *route)
{
	struct learned_route learned = *route;

	if (fpm->feed->whole || !translate_is_frr(route->facts.protocol) ||
		route->table != RT_TABLE_MAIN)
		return;
	learned.facts.metric = 0;
	learned.facts.tos = 0;
	if (!rib_learn(&fpm->feed->rib, &learned))
		log_error("there is no memory for a route");
}

/* --- life --- */

static int
listen_at(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 && listen(fd, 1) == 0)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

int
fpm_open(struct fpm *fpm, struct loop *loop, const struct sockaddr_in *address)
{
	char text[INET_ADDRSTRLEN];

	fpm->loop = loop;
	fpm->client = (struct watcher) { .fd = -1, .ready = client_ready, .owner = fpm };
	fpm->listener = (struct watcher) {
		.fd = listen_at(address),
		.ready = listener_ready,
		.owner = fpm,
	};
	int error = fpm->listener.fd;
	if (error >= 0)
		error = loop_watch(loop, &fpm->listener, EPOLLIN);
	if (error >= 0)
		return 0;
	log_error("FPM cannot be served at %s port %u: %s",
		inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text)),
		ntohs(address->sin_port), strerror(-error));
	return error;
}

void
fpm_close(struct fpm *fpm, struct loop *loop)
{
	loop_forget(loop, &fpm->client);
	loop_forget(loop, &fpm->listener);
}
