/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What the process waits for: descriptors, one event at a time, so that a watcher may go while
 * others have news. */

struct watcher {
	int fd; /* -1: watches nothing */
	uint32_t events;
	void (*ready)(struct watcher *watcher, uint32_t events);
	void *owner; /* for ready() */
};

struct loop {
	int epoll_fd;
};

/* 0 or -errno. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/* Watches watcher->fd for EPOLL* events, or for others than before. 0 or -errno. */
int loop_watch(struct loop *loop, struct watcher *watcher, uint32_t events);
/* Closes the descriptor, if there is one. */
void loop_forget(struct loop *loop, struct watcher *watcher);

/* Waits until something is ready, and lets its watcher deal with it, or until the time given. */
void loop_wait(struct loop *loop, uint64_t until_ns);
