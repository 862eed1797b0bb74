/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "control.h"
#include "gateway.h"
#include "kernel_if.h"
#include "workers.h"

/*
 * The control core's life: an epoll loop over the control socket, the kernel interfaces, what
 * workers punt, a timer and signals, asleep when nothing happens. It alone changes tables.
 */

/* Blocks the signals that the loop takes, for this thread and all it will make. main(), before any
 * thread is made. */
void control_loop_block_signals(void);

/* Prints "espalier: ready" when all workers poll, and runs until SIGTERM, SIGINT, SIGHUP or
 * SIGQUIT. 0, or -errno with the reason in the log. `kernel_if` is NULL where there are none. */
int control_loop_run(struct gateway *gw, struct control *control, struct kernel_if *kernel_if,
	const struct workers *workers);
