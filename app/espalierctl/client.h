/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <jansson.h>

#include "netlink.h"

/*
 * A connection to a running espalier: says hello, asks, collects answers. Whatever goes wrong is
 * said on stderr in words.
 */

enum client_access {
	CLIENT_READS,   /* the read-only socket; the other where that one cannot be had */
	CLIENT_CHANGES, /* the read-write socket */
};

struct client {
	int fd;
	uint32_t sequence;
};

/* 0, or -1 after a message. `path` is that of the read-write socket. */
int client_open(struct client *client, const char *path, enum client_access access);
void client_close(struct client *client);

/*
 * Begins a request in `writer`, whose rest is the caller's; client_ask() then sends it and returns
 * the JSON objects that came as answer, in an array (empty for a bare ack), or NULL after a
 * message.
 */
#define CLIENT_REQUEST_BYTES 512
void
client_begin(struct client *client, struct netlink_writer *writer, void *buffer, uint16_t type);
json_t *client_ask(struct client *client, struct netlink_writer *writer);
