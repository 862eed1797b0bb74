/* SPDX-License-Identifier: BSD-3-Clause */
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct outbox_datagram {
	struct outbox_datagram *next;
	size_t bytes;
	uint8_t data[];
};

int
outbox_put(struct outbox *outbox, const void *datagram, size_t bytes)
{
	size_t cost = sizeof(struct outbox_datagram) + bytes;

	if (outbox->bytes + cost > OUTBOX_BYTES_MAX)
		return -ENOBUFS;
	struct outbox_datagram *fresh = malloc(cost);
	if (fresh == NULL)
		return -ENOMEM;
	fresh->next = NULL;
	fresh->bytes = bytes;
	memcpy(fresh->data, datagram, bytes);
	if (outbox->first == NULL)
		outbox->first = fresh;
	else
		outbox->last->next = fresh;
	outbox->last = fresh;
	outbox->bytes += cost;
	return 0;
}

const uint8_t *
outbox_peek(const struct outbox *outbox, size_t *bytes)
{
	if (outbox->first == NULL)
		return NULL;
	*bytes = outbox->first->bytes;
	return outbox->first->data;
}

void
outbox_pop(struct outbox *outbox)
{
	struct outbox_datagram *first = outbox->first;

	outbox->first = first->next;
	outbox->bytes -= sizeof(*first) + first->bytes;
	/* There may have been keys in it. */
	explicit_bzero(first->data, first->bytes);
	free(first);
}

int
outbox_flush(struct outbox *outbox, int socket)
{
	const uint8_t *datagram;
	size_t bytes;

	while ((datagram = outbox_peek(outbox, &bytes)) != NULL) {
		ssize_t sent = send(socket, datagram, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		outbox_pop(outbox);
	}
	return 0;
}

void
outbox_clear(struct outbox *outbox)
{
	while (outbox->first != NULL)
		outbox_pop(outbox);
}
