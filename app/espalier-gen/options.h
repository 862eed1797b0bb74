/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "eal_line.h"
#include "faults.h"
#include "lengths.h"
#include "prefix.h"
#include "sizes.h"

/* The command line: `espalier-gen [EAL options] -- [options]`, as testpmd has it. */

#define EXIT_WRONG 1 /* packets were lost beyond --loss, or something was wrong */
#define NAMED_MAX PORTS_MAX
#define PREFIXES_MAX 64

/* Which way traffic goes through the gateway. */
enum direction { DIRECTION_OUT, DIRECTION_IN, DIRECTION_COUNT };

/* NAME=VALUE of an option: a port of the file and what it says of it. */
struct named {
	const char *name; /* not terminated: `name_bytes`; 0 bytes: every port */
	int name_bytes;
	const char *value;
};

struct named_list {
	struct named item[NAMED_MAX];
	unsigned n;
};

struct prefix_list {
	struct prefix item[PREFIXES_MAX];
	unsigned n;
};

enum rate_kind { RATE_MAX, RATE_PPS, RATE_SHARE };

struct options {
	int eal_argc; /* argv[0 .. eal_argc) is EAL's */
	const char *config_path;
	const char *imb_arch; /* NULL: the best there is */
	const char *tunnel;   /* the only one to use; NULL: all */
	struct named_list opposite, gateway_mac;
	struct prefix_list local, remote; /* empty: as the routes say */
	struct lengths lengths;
	bool directions[DIRECTION_COUNT];
	enum rate_kind rate_kind;
	double rate; /* packets per second and direction, or share of the maximum */
	double duration_s, warm_up_s, ramp_s, drain_s, wait_s;
	double loss; /* accepted share of what was sent */
	double resolution;
	uint64_t packets;  /* per direction; 0: as --duration says */
	uint64_t sequence; /* last ESP sequence number used before */
	bool sequence_given;
	uint32_t id;
	bool id_given;
	unsigned flows, senders, queues, burst, hops, mbufs; /* senders, queues, mbufs: 0: chosen */
	bool search, json;
	bool allowed[FAULT_COUNT];
};

/*
 * Reads the command line. OPTIONS_DONE: it asked for help or the version, which were printed.
 * OPTIONS_BAD: said why. Called once, first of all, before EAL takes its part of the line.
 */
enum options_result options_parse(int argc, char *argv[], struct options *options);

/* What an option's list says of a port; NULL: nothing. */
const char *options_named(const struct named_list *list, const char *port);

/* "out" or "in". */
const char *direction_name(enum direction direction);
