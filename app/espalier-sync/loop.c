/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"

int
loop_open(struct loop *loop)
{
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? -errno : 0;
}

void
loop_close(struct loop *loop)
{
	close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int
loop_watch(struct loop *loop, struct watcher *watcher, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watcher };
	int operation = watcher->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (watcher->events == events)
		return 0;
	if (epoll_ctl(loop->epoll_fd, operation, watcher->fd, &event) < 0)
		return -errno;
	watcher->events = events;
	return 0;
}

void
loop_forget(struct loop *loop, struct watcher *watcher)
{
	if (watcher->fd < 0)
		return;
	if (watcher->events != 0)
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watcher->fd, NULL);
	close(watcher->fd);
	watcher->fd = -1;
	watcher->events = 0;
}

static int
milliseconds_until(uint64_t until_ns)
{
	uint64_t now_ns = clock_now_ns();

	if (until_ns == NEVER_NS)
		return -1;
	if (until_ns <= now_ns)
		return 0;
	uint64_t wait_ms = (until_ns - now_ns) / MILLISECOND_NS + 1;
	return wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
}

void
loop_wait(struct loop *loop, uint64_t until_ns)
{
	struct epoll_event event;

	if (epoll_wait(loop->epoll_fd, &event, 1, milliseconds_until(until_ns)) == 1) {
		struct watcher *watcher = event.data.ptr;

		watcher->ready(watcher, event.events);
	}
}
