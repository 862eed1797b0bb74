/* SPDX-License-Identifier: BSD-3-Clause */
#include "fpm_frame.h"

#include <errno.h>

#define HEADER_BYTES 4u
#define VERSION 1
#define TYPE_NETLINK 1

int
fpm_next_frame(struct netlink_span *stream, struct netlink_span *body, struct netlink_refusal *why)
{
	const uint8_t *header = stream->at;

	if (stream->bytes < HEADER_BYTES)
		return 0;
	uint32_t bytes = (uint32_t)header[2] << 8 | header[3];
	if (header[0] != VERSION)
		return netlink_refuse(
			why, EINVAL, "FPM version %u, and %u is spoken here", header[0], VERSION);
	if (header[1] != TYPE_NETLINK)
		return netlink_refuse(why, EINVAL,
			"FPM messages of type %u, and netlink (%u) is spoken here; is zebra "
			"started with -M dplane_fpm_nl?",
			header[1], TYPE_NETLINK);
	if (bytes < HEADER_BYTES)
		return netlink_refuse(why, EINVAL,
			"an FPM frame says it is %u bytes long, less than its header", bytes);
	if (stream->bytes < bytes)
		return 0;
	*body = (struct netlink_span) { header + HEADER_BYTES, bytes - HEADER_BYTES };
	stream->at += bytes;
	stream->bytes -= bytes;
	return 1;
}
