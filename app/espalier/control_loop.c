/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "log.h"
#include "publish.h"
#include "sa.h"
#include "tunnel.h"

#define TICK_READY_MS 1     /* until the workers poll */
#define TICK_LIVENESS_MS 10 /* with a tunnel that has liveness_ms */
#define TICK_LIFETIMES_MS 100

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
stop_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
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

static int
watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/* What time does to SAs and tunnels. */
static void
tick(struct gateway *gw)
{
	uint64_t now = now_ns();

	sa_expire(gw, now);
	tunnel_check_liveness(gw, now);
	publish_flush(gw->publisher);
}

static int
tick_ms(const struct gateway *gw)
{
	for (unsigned i = 0; i < gw->n_tunnels; i++)
		if (gw->tunnels[i].liveness_ms != 0)
			return TICK_LIVENESS_MS;
	return TICK_LIFETIMES_MS;
}

static int
loop(struct gateway *gw, struct control *control, const struct workers *workers, int epoll,
	int signals)
{
	int interval_ms = tick_ms(gw);
	uint64_t next_tick_ns = now_ns();
	bool ready = false;

	for (;;) {
		struct epoll_event event;
		uint64_t now = now_ns();

		if (!ready && workers_poll(workers, gw)) {
			puts("espalier: ready");
			fflush(stdout);
			ready = true;
		}
		if (now >= next_tick_ns) {
			tick(gw);
			next_tick_ns = now + (uint64_t)interval_ms * 1000000;
		}
		int wait_ms = ready ? (int)((next_tick_ns - now) / 1000000) + 1 : TICK_READY_MS;
		int n = epoll_wait(epoll, &event, 1, wait_ms);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		if (event.data.fd == signals)
			return 0;
		control_dispatch(control);
	}
}

int
control_loop_run(struct gateway *gw, struct control *control, const struct workers *workers)
{
	sigset_t stop;
	int signals, epoll, error;

	stop_signals(&stop);
	signals = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	error = signals < 0 || epoll < 0 ? -errno : watch(epoll, signals);
	if (error == 0)
		error = watch(epoll, control_fd(control));
	if (error == 0)
		error = loop(gw, control, workers, epoll, signals);
	if (error != 0)
		log_error("the control core cannot wait for events: %s", strerror(-error));
	close(epoll);
	close(signals);
	return error;
}
