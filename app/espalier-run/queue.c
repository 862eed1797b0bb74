/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "order.h"
#include "protocol.h"

struct request *
request_create(enum request_origin origin, const void *message, size_t bytes)
{
	struct request *request = calloc(1, sizeof(*request) + bytes);
	struct nlmsghdr header;

	if (request == NULL)
		return NULL;
	memcpy(request->data, message, bytes);
	memcpy(&header, message, sizeof(header));
	request->origin = origin;
	request->answer_fd = -1;
	request->bytes = bytes;
	request->acked = (header.nlmsg_flags & NLM_F_ACK) != 0;
	request->sequence = header.nlmsg_seq;
	request->pid = header.nlmsg_pid;
	header.nlmsg_flags |= NLM_F_ACK;
	memcpy(request->data, &header, sizeof(header));
	return request;
}

void
request_destroy(struct request *request, int error)
{
	const struct order_answer answer = { .error = request->answer_error ? error : 0 };

	if (request->answer_fd >= 0) {
		send(request->answer_fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
		close(request->answer_fd);
	}
	explicit_bzero(request->data, request->bytes);
	free(request);
}

struct netlink_message
request_message(const struct request *request)
{
	struct netlink_span span = { .at = request->data, .bytes = request->bytes };
	struct netlink_message message = { 0 };
	struct netlink_refusal why;

	/* It was taken off a datagram with the same call, so it is one. */
	netlink_next_message(&span, &message, &why);
	return message;
}

struct request *
request_group(enum request_origin origin, uint32_t group)
{
	const struct espalier_group body = { .group = group, .join = origin == REQUEST_JOIN };
	_Alignas(4) uint8_t buffer[64];
	struct netlink_writer writer;

	netlink_writer_init(&writer, buffer, sizeof(buffer));
	netlink_begin(&writer, ESPALIER_GROUP, NLM_F_REQUEST | NLM_F_ACK, group, REQUEST_PID);
	netlink_put(&writer, &body, sizeof(body));
	netlink_commit(&writer);
	struct request *request = request_create(origin, buffer, writer.used);
	if (request != NULL)
		request->value = group;
	return request;
}

void
queue_append(struct queue *queue, struct request *request)
{
	request->next = NULL;
	if (queue->first == NULL)
		queue->first = request;
	else
		queue->last->next = request;
	queue->last = request;
	if (queue->unsent == NULL)
		queue->unsent = request;
	queue->bytes += request->bytes;
}

void
queue_prepend(struct queue *queue, struct request *request)
{
	request->next = queue->first;
	if (queue->first == NULL)
		queue->last = request;
	queue->first = request;
	queue->unsent = request;
	queue->bytes += request->bytes;
}

struct request *
queue_take(struct queue *queue)
{
	struct request *first = queue->first;

	if (first == NULL)
		return NULL;
	if (queue->unsent == first)
		queue->unsent = first->next;
	queue->first = first->next;
	queue->bytes -= first->bytes;
	return first;
}

void
queue_sent(struct queue *queue)
{
	queue->unsent = queue->unsent->next;
}

void
queue_rewind(struct queue *queue)
{
	queue->unsent = queue->first;
}

void
queue_clear(struct queue *queue)
{
	struct request *request;

	while ((request = queue_take(queue)) != NULL)
		request_destroy(request, 0);
}
