/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "client.h"
#include "compiler.h"
#include "output.h"
#include "protocol.h"
#include "table.h"

struct flow {
	struct in_addr from, to;
	uint8_t protocol;
	uint16_t sport, dport;
};

/* A decimal number of at most `most`; NULL keeps *value. */
static bool
parse_number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (text == NULL)
		return true;
	errno = 0;
	*value = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *value <= most;
}

static bool
parse_protocol(const char *text, unsigned long *value)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = { { "udp", IPPROTO_UDP }, { "tcp", IPPROTO_TCP }, { "icmp", IPPROTO_ICMP },
		{ "esp", IPPROTO_ESP } };

	for (unsigned i = 0; text != NULL && i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i].name, text) == 0) {
			*value = names[i].number;
			return true;
		}
	}
	return parse_number(text, UINT8_MAX, value);
}

static int
parse_flow(const struct arguments *arguments, struct flow *flow)
{
	unsigned long protocol = IPPROTO_UDP, sport = 0, dport = 0;

	if (arguments->n_operands != 0)
		return usage_error(
			"explain takes options only, this is none: %s", arguments->operands[0]);
	if (arguments->from == NULL || arguments->to == NULL)
		return usage_error("explain needs --from and --to, for example: "
				   "espalierctl explain --from 10.0.0.1 --to 192.168.1.7");
	if (inet_pton(AF_INET, arguments->from, &flow->from) != 1)
		return usage_error("--from %s is no IPv4 address", arguments->from);
	if (inet_pton(AF_INET, arguments->to, &flow->to) != 1)
		return usage_error("--to %s is no IPv4 address", arguments->to);
	if (!parse_protocol(arguments->protocol, &protocol))
		return usage_error(
			"--proto %s is neither udp, tcp, icmp, esp nor a number up to 255",
			arguments->protocol);
	if (!parse_number(arguments->sport, UINT16_MAX, &sport))
		return usage_error("--sport %s is no port", arguments->sport);
	if (!parse_number(arguments->dport, UINT16_MAX, &dport))
		return usage_error("--dport %s is no port", arguments->dport);
	flow->protocol = (uint8_t)protocol;
	flow->sport = (uint16_t)sport;
	flow->dport = (uint16_t)dport;
	return EXIT_GOOD;
}

static json_t *
ask(const char *socket, const struct flow *flow)
{
	uint8_t buffer[CLIENT_REQUEST_BYTES];
	struct netlink_writer writer;
	struct client client;

	if (client_open(&client, socket, CLIENT_READS) < 0)
		return NULL;
	client_begin(&client, &writer, buffer, ESPALIER_EXPLAIN);
	netlink_put_u32(&writer, ESPALIER_FLOW_FROM, flow->from.s_addr);
	netlink_put_u32(&writer, ESPALIER_FLOW_TO, flow->to.s_addr);
	netlink_put_u8(&writer, ESPALIER_FLOW_PROTOCOL, flow->protocol);
	netlink_put_u16(&writer, ESPALIER_FLOW_SPORT, flow->sport);
	netlink_put_u16(&writer, ESPALIER_FLOW_DPORT, flow->dport);
	json_t *answer = client_ask(&client, &writer);
	client_close(&client);
	return answer;
}

static const char *
text_at(const json_t *answer, const char *key)
{
	return json_string_value(json_object_get(answer, key));
}

static void
print_for_people(const struct arguments *arguments, const json_t *answer)
{
	const json_t *bucket = json_object_get(answer, "bucket");
	const json_t *way = json_object_get(answer, "nexthop");
	const char *route = text_at(answer, "route");
	const json_t *outside = json_object_get(answer, "outside");
	const char *spi = text_at(answer, "spi");
	const char *drop = text_at(answer, "drop");

	printf("A packet from %s to %s\n", arguments->from, arguments->to);
	if (route != NULL)
		printf("  matches the route  %s\n", route);
	if (json_is_integer(bucket))
		printf("  falls into bucket  %lld\n", (long long)json_integer_value(bucket));
	if (json_is_object(way)) {
		char *words = table_way(way);

		printf("  takes the way      %s%s\n",
			json_object_get(way, "tunnel") != NULL ? "tunnel " : "", words);
		free(words);
	}
	if (spi != NULL)
		printf("  is sealed with     SPI %s\n", spi);
	if (spi != NULL && json_is_object(outside))
		printf("  leaves by          %s, to %s\n", text_at(outside, "port"),
			text_at(outside, "neighbor"));
	if (json_is_true(json_object_get(answer, "waits")))
		printf("  waits              for an SA, which its tunnel asks for\n");
	if (drop != NULL)
		printf("  is dropped         %s: %s\n", drop, text_at(answer, "description"));
}

int
explain_run(const struct arguments *arguments)
{
	struct flow flow;
	int status = parse_flow(arguments, &flow);

	if (status != EXIT_GOOD)
		return status;
	json_t *answers = ask(arguments->socket, &flow);
	if (answers == NULL)
		return EXIT_REFUSED;
	const json_t *answer = json_array_get(answers, 0);
	if (arguments->json)
		output_object(answer);
	else
		print_for_people(arguments, answer);
	json_decref(answers);
	return EXIT_GOOD;
}
