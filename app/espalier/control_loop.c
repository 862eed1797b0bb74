/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "burst.h"
#include "clock.h"
#include "early.h"
#include "handover.h"
#include "hold.h"
#include "ipv4.h"
#include "link_watch.h"
#include "log.h"
#include "mapping.h"
#include "path_mtu.h"
#include "policy.h"
#include "publish.h"
#include "punt.h"
#include "sa.h"
#include "tunnel.h"

#define TICK_READY_MS 1     /* until the workers poll */
#define TICK_LIVENESS_MS 10 /* with a tunnel that has liveness_ms */
#define TICK_LIFETIMES_MS 100

#define PUNTS_PER_TURN 256
#define NOTHING INT_MIN /* of wait_for_event(): neither a descriptor nor -errno */

/* The last two come from a terminal: one that was closed, or its quit key. Under nohup SIGHUP is
 * ignored, and stays so. */
static void
stop_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGQUIT);
}

void
control_loop_block_signals(void)
{
	sigset_t signals;

	stop_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	/* A reader of our output that goes is no reason to stop forwarding. */
	signal(SIGPIPE, SIG_IGN);
}

/* What the loop serves, and its own descriptors. */
struct loop {
	struct gateway *gw;
	struct control *control;
	struct kernel_if *kernel_if; /* NULL: there are none */
	const struct workers *workers;
	struct link_watch links;
	int epoll, signals;
};

static int
watch(const struct loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/* What time does to SAs, tunnels and links. */
static void
tick(struct loop *loop, uint64_t now)
{
	sa_expire(loop->gw, now);
	mapping_tell(loop->gw, now);
	path_mtu_tick(loop->gw, now);
	early_tick(loop->gw, now);
	control_tick(loop->control, now);
	tunnel_check_liveness(loop->gw, now);
	policy_note_use(loop->gw, (uint64_t)time(NULL));
	link_watch_tick(&loop->links, loop->gw, loop->kernel_if, now);
	kernel_if_tick(loop->kernel_if, now);
	publish_flush(loop->gw->publisher);
}

static int
tick_ms(const struct gateway *gw)
{
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		if (gw->tunnels[i].liveness_ms != 0)
			return TICK_LIVENESS_MS;
	return TICK_LIFETIMES_MS;
}

/* A bounded number of packets that workers punted. */
static void
take_punted(const struct loop *loop, uint64_t now)
{
	struct rte_mbuf *pkt[PUNTS_PER_TURN];
	unsigned n = punt_take(loop->gw->punt, pkt, PUNTS_PER_TURN);

	for (unsigned i = 0; i < n; i++) {
		if (punt_kind(pkt[i]) == PUNT_HOLD)
			hold_take(loop->gw, pkt[i], now);
		else if (loop->kernel_if != NULL)
			kernel_if_take(loop->kernel_if, pkt[i]);
		else
			rte_pktmbuf_free(pkt[i]);
	}
}

/* What has waited for an SA goes to the worker that has the flow. */
static void
send_held(const void *context, struct rte_mbuf *pkt, uint16_t tunnel)
{
	const struct loop *loop = context;
	unsigned owner =
		handover_owner(loop->gw, ipv4_flow_hash(burst_ip(pkt), loop->gw->hash_seed));

	pkt->hash.usr = tunnel;
	if (rte_ring_enqueue(loop->workers->worker[owner]->inject, pkt) == 0)
		return;
	loop->gw->control_drops[DROP_handover_full]++;
	rte_pktmbuf_free(pkt);
}

/* What came before its SA goes back to the worker that received it, who owns the SA by that: who
 * else did would have all later packets handed over to him. */
static void
send_early(const void *context, struct rte_mbuf *pkt, unsigned id)
{
	const struct loop *loop = context;

	if (rte_ring_enqueue(loop->workers->worker[id]->handed[id], pkt) == 0)
		return;
	loop->gw->control_drops[DROP_handover_full]++;
	rte_pktmbuf_free(pkt);
}

/* Waits for one event, at most until the next tick: its descriptor, NOTHING or -errno. */
static int
wait_for_event(const struct loop *loop, int wait_ms)
{
	struct epoll_event event;

	if (!punt_may_sleep(loop->gw->punt) || !early_may_sleep(loop->gw->early))
		wait_ms = 0;
	int n = epoll_wait(loop->epoll, &event, 1, wait_ms);
	if (n > 0)
		return event.data.fd;
	return n == 0 || errno == EINTR ? NOTHING : -errno;
}

/* Why it stops. */
static void
tell_signal(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		log_info("stopping: SIG%s", sigabbrev_np((int)info.ssi_signo));
}

static int
run(struct loop *loop)
{
	uint64_t interval_ns = (uint64_t)tick_ms(loop->gw) * MILLISECOND_NS;
	uint64_t now = clock_now_ns();
	uint64_t next_tick_ns = now;
	bool ready = false;

	for (;;) {
		if (!ready && workers_poll(loop->workers, loop->gw)) {
			puts("espalier: ready");
			fflush(stdout);
			ready = true;
		}
		if (now >= next_tick_ns) {
			tick(loop, now);
			next_tick_ns = now + interval_ns;
		}
		hold_release(loop->gw, now, send_held, loop);
		kernel_if_follow(loop->kernel_if);
		int fd = wait_for_event(loop,
			ready ? (int)((next_tick_ns - now) / MILLISECOND_NS) + 1 : TICK_READY_MS);
		now = clock_now_ns();
		take_punted(loop, now);
		early_collect(loop->gw, now);
		if (fd == loop->signals) {
			tell_signal(loop->signals);
			return 0;
		}
		if (fd == control_fd(loop->control))
			control_dispatch(loop->control);
		else if (loop->kernel_if != NULL && fd == kernel_if_fd(loop->kernel_if))
			kernel_if_dispatch(loop->kernel_if, now);
		else if (fd < 0 && fd != NOTHING)
			return fd;
	}
}

static int
watch_all(struct loop *loop)
{
	int error = watch(loop, loop->signals, EPOLLIN);

	if (error == 0)
		error = watch(loop, control_fd(loop->control), EPOLLIN);
	if (error == 0)
		error = watch(loop, loop->gw->punt->wake, EPOLLIN | EPOLLET);
	if (error == 0 && loop->kernel_if != NULL)
		error = watch(loop, kernel_if_fd(loop->kernel_if), EPOLLIN);
	return error;
}

int
control_loop_run(struct gateway *gw, struct control *control, struct kernel_if *kernel_if,
	const struct workers *workers)
{
	struct loop loop = { gw, control, kernel_if, workers, .epoll = -1, .signals = -1 };
	sigset_t stop;
	int error;

	early_set_sender(gw->early, send_early, &loop);
	stop_signals(&stop);
	loop.signals = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	error = loop.signals < 0 || loop.epoll < 0 ? -errno : watch_all(&loop);
	if (error == 0)
		error = run(&loop);
	if (error != 0)
		log_error("the control core cannot wait for events: %s", strerror(-error));
	close(loop.epoll);
	close(loop.signals);
	return error;
}
