/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <stdio.h>
#include <string.h>

#include "client.h"
#include "protocol.h"

/* Sends a finished change and hangs up. */
static int
ask(struct client *client, struct netlink_writer *writer)
{
	json_t *nothing = client_ask(client, writer);
	int status = nothing == NULL ? EXIT_REFUSED : EXIT_GOOD;

	json_decref(nothing);
	client_close(client);
	return status;
}

int
resume_run(const struct arguments *arguments)
{
	uint8_t buffer[CLIENT_REQUEST_BYTES];
	struct netlink_writer writer;
	struct client client;

	if (arguments->n_operands != 0)
		return usage_error("resume takes nothing behind it");
	if (client_open(&client, arguments->socket, CLIENT_CHANGES) < 0)
		return EXIT_REFUSED;
	client_begin(&client, &writer, buffer, ESPALIER_RESUME);
	return ask(&client, &writer);
}

int
tunnel_run(const struct arguments *arguments)
{
	uint8_t buffer[CLIENT_REQUEST_BYTES];
	struct netlink_writer writer;
	struct client client;

	if (arguments->n_operands > 2)
		return usage_error("tunnel takes one name; one with blanks stands in quotes, for "
				   "example: espalierctl tunnel \"IPsec-VPN Connection 1\" down");
	if (arguments->n_operands != 2)
		return usage_error("tunnel takes a name, and up or down, for example: "
				   "espalierctl tunnel conn1 down");
	const char *name = arguments->operands[0];
	bool down = strcmp(arguments->operands[1], "down") == 0;
	if (!down && strcmp(arguments->operands[1], "up") != 0)
		return usage_error("'%s' is neither up nor down", arguments->operands[1]);
	if (client_open(&client, arguments->socket, CLIENT_CHANGES) < 0)
		return EXIT_REFUSED;
	client_begin(&client, &writer, buffer, ESPALIER_TUNNEL_SET);
	netlink_put_text(&writer, ESPALIER_TUNNEL_NAME, name);
	netlink_put_u8(&writer, ESPALIER_TUNNEL_DOWN, down);
	return ask(&client, &writer);
}
