/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "compare.h"
#include "feed.h"
#include "fpm.h"
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "netns.h"
#include "options.h"

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

/* All of the process. */
struct sync {
	struct loop loop;
	struct watcher signals;
	bool ends;
	const struct options *options;
	struct feed mirror_feed, fpm_feed;
	struct kernel kernel;
	struct fpm fpm;
};

static void
signal_ready(struct watcher *watcher, uint32_t events)
{
	struct sync *sync = watcher->owner;
	struct signalfd_siginfo signal;

	(void)events;
	if (read(watcher->fd, &signal, sizeof(signal)) != sizeof(signal))
		return;
	if (signal.ssi_signo != SIGUSR1) {
		sync->ends = true;
		return;
	}
	if (sync->options->mirror)
		feed_log(&sync->mirror_feed, "now");
	if (sync->options->fpm)
		feed_log(&sync->fpm_feed, "now");
}

static int
watch_signals(struct sync *sync)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	/* A reader of our log that goes is no reason to let routes go stale. */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	sync->signals = (struct watcher) {
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.ready = signal_ready,
		.owner = sync,
	};
	return sync->signals.fd < 0 ? -errno : loop_watch(&sync->loop, &sync->signals, EPOLLIN);
}

static void
learn(struct feed *feed, const struct learned_route *route)
{
	struct sync *sync = (struct sync *)(void *)((char *)feed - offsetof(struct sync, fpm_feed));

	fpm_learn(&sync->fpm, route);
}

/* 0 or -errno, said. */
static int
open_sources(struct sync *sync)
{
	const struct options *options = sync->options;
	int error = 0;

	if (options->mirror) {
		sync->mirror_feed.owner = "kernel";
		sync->mirror_feed.protocols = options->fpm ? PROTOCOLS_BUT_FRR : PROTOCOLS_ALL;
		error = feed_open(&sync->mirror_feed, &sync->loop, options->socket);
		if (error == 0)
			error = kernel_open(&sync->kernel, &sync->loop, &sync->mirror_feed,
				options->table, options->receive_bytes);
	}
	if (error == 0 && options->fpm) {
		sync->fpm_feed.owner = "fpm";
		sync->fpm_feed.protocols = PROTOCOLS_FRR;
		sync->fpm_feed.learn = learn;
		sync->fpm.feed = &sync->fpm_feed;
		sync->fpm.table = options->table;
		sync->fpm.grace_ns = options->fpm_grace_s * SECOND_NS;
		error = feed_open(&sync->fpm_feed, &sync->loop, options->socket);
		if (error == 0)
			error = fpm_open(&sync->fpm, &sync->loop, &options->fpm_address);
	}
	return error;
}

static uint64_t
earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* Sources first, so that what they bring is sent at once. */
static uint64_t
tend(struct sync *sync)
{
	uint64_t now_ns = clock_now_ns(), next_ns = NEVER_NS;

	if (sync->options->mirror) {
		next_ns = earlier(next_ns, kernel_tend(&sync->kernel, now_ns));
		next_ns = earlier(next_ns, feed_tend(&sync->mirror_feed, now_ns));
	}
	if (sync->options->fpm) {
		next_ns = earlier(next_ns, fpm_tend(&sync->fpm, now_ns));
		next_ns = earlier(next_ns, feed_tend(&sync->fpm_feed, now_ns));
	}
	return next_ns;
}

static int
run(struct sync *sync)
{
	while (!sync->ends) {
		loop_wait(&sync->loop, tend(sync));
		if (sync->mirror_feed.overtaken || sync->fpm_feed.overtaken) {
			log_error("another espalier-sync has taken over; ending");
			return EXIT_FAILED;
		}
	}
	return EXIT_GOOD;
}

static void
close_sources(struct sync *sync)
{
	kernel_close(&sync->kernel, &sync->loop);
	feed_close(&sync->mirror_feed);
	fpm_close(&sync->fpm, &sync->loop);
	feed_close(&sync->fpm_feed);
}

int
main(int argc, char **argv)
{
	struct options options;

	log_init("espalier-sync");
	enum options_verdict verdict = options_parse(argc, argv, &options);
	if (verdict != OPTIONS_RUN)
		return verdict == OPTIONS_DONE ? EXIT_GOOD : EXIT_USAGE;
	if (options.netns != NULL && netns_enter("--netns", options.netns) < 0)
		return options.compare ? COMPARE_FAILED : EXIT_FAILED;
	if (options.compare)
		return compare_run(&options);

	struct sync *sync = calloc(1, sizeof(*sync));
	if (sync == NULL || loop_open(&sync->loop) < 0) {
		log_error("cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	sync->options = &options;
	sync->signals.fd = sync->kernel.watcher.fd = -1;
	sync->fpm.listener.fd = sync->fpm.client.fd = -1;
	sync->mirror_feed.channel.watcher.fd = sync->fpm_feed.channel.watcher.fd = -1;
	int status = EXIT_FAILED;
	if (watch_signals(sync) == 0 && open_sources(sync) == 0)
		status = run(sync);
	close_sources(sync);
	loop_forget(&sync->loop, &sync->signals);
	loop_close(&sync->loop);
	free(sync);
	return status;
}
