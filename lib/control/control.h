/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The control socket: lets programs look into a running gateway and change it. One object, served
 * by the control core; docs/control-socket.md is what its clients read.
 *
 * No client can hold it up: each turn does a bounded amount of work per client, nobody is waited
 * for, and what a client does not read it stops getting.
 */

struct control;
struct crypto;
struct gateway;

/* What only main() knows, for `show version` and `show workers`, and new SAs. The strings and the
 * array stay the caller's and outlive the control. */
struct control_facts {
	const char *version;    /* of Espalier */
	const char *crypto;     /* crypto_description(); NULL: not known */
	const unsigned *lcores; /* [gw->n_workers]; NULL: not known */
	struct crypto *keys; /* expands keys of new SAs: the control core's own; NULL: none can be
				added */
};

/*
 * Listens at `path`, read-write, and beside it, read-only ("control.sock" -> "control-ro.sock").
 * Makes the directory if it is not there, and replaces sockets that nobody serves any more.
 * Control, at start. NULL on failure, with one line of what and why in `error`.
 */
struct control *control_open(struct gateway *gw, const struct control_facts *facts,
	const char *path, char *error, size_t error_bytes);

/* A descriptor that becomes readable when there is something to do, for the control core's epoll.
 * Stays the control's. */
int control_fd(const struct control *control);

/* One turn: each client that is ready gets a bounded share of work. Never blocks. Control only. */
void control_dispatch(struct control *control);

/* What time does to what clients set up. Control, every 100 ms or so. */
void control_tick(struct control *control, uint64_t now_ns);

/* Hangs up on all clients and removes the sockets. Control, before the gateway goes. NULL is fine.
 */
void control_close(struct control *control);
