/* SPDX-License-Identifier: BSD-3-Clause */
#include "compare.h"

#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "clock.h"
#include "feed.h"
#include "kernel.h"
#include "log.h"
#include "socket_path.h"

#define PATIENCE_NS (10 * SECOND_NS)
#define LINES_MAX 50

struct comparison {
	struct loop loop;
	struct feed feed; /* its rib: the kernel's routes */
	struct kernel kernel;
	struct rib espalier;
	uint32_t n_same, n_different;
	uint32_t n_configured_too;   /* of the same: the configuration file's, not the mirror's */
	uint32_t n_configured_alone; /* that the kernel need not have */
};

static void
learn(struct feed *feed, const struct learned_route *route)
{
	struct comparison *comparison =
		(struct comparison *)(void *)((char *)feed - offsetof(struct comparison, feed));

	if (!rib_set(&comparison->espalier, route, RIB_LISTED))
		log_error("there is no memory for a route");
}

/* --- what is said --- */

static void
print_hops(const struct espalier_route *route)
{
	char name[IF_NAMESIZE], text[ADDRESS_TEXT_BYTES];

	for (unsigned i = 0; i < route->n_hops; i++) {
		const struct hop *hop = &route->hops[i];

		printf("%s", i == 0 ? " " : ", ");
		if (hop->gateway != 0)
			printf("via %s ", address_format(hop->gateway, text));
		if (if_indextoname(hop->ifindex, name) != NULL)
			printf("dev %s", name);
		else
			printf("dev %u", hop->ifindex);
		if (route->n_hops > 1)
			printf(" weight %u", hop->weight);
	}
}

static void
print_side(const char *who, const struct espalier_route *route)
{
	if (route == NULL) {
		printf(" %s has none", who);
		return;
	}
	printf(" %s", who);
	if (route->type == RTN_BLACKHOLE)
		printf(" blackhole");
	if (route->type == RTN_UNREACHABLE)
		printf(" unreachable");
	if (route->type == RTN_PROHIBIT)
		printf(" prohibit");
	print_hops(route);
	printf(" proto %u", route->protocol);
}

/* A difference; NULL: that side has nothing. */
static void
differ(struct comparison *comparison, struct prefix prefix, const struct espalier_route *kernel,
	const struct espalier_route *espalier)
{
	char text[PREFIX_TEXT_BYTES];

	if (comparison->n_different++ >= LINES_MAX)
		return;
	printf("%s:", prefix_format(prefix, text));
	print_side("kernel", kernel);
	printf(";");
	print_side("espalier", espalier);
	printf("\n");
}

/* --- comparing --- */

/* What Espalier has for a prefix; false: nothing that a mirror could have told it. */
static bool
espalier_has(
	const struct comparison *comparison, struct prefix prefix, struct espalier_route *route)
{
	const struct interfaces *interfaces = &comparison->feed.interfaces;
	const struct rib_entry *entry = rib_find(&comparison->espalier, prefix);

	if (entry == NULL)
		return false;
	const struct rib_route *from = entry->routes;
	if (from->facts.type == RTN_LOCAL)
		return false;
	route->protocol = from->facts.protocol;
	route->type = from->facts.type;
	route->n_hops = from->facts.n_hops;
	memcpy(route->hops, from->hops, route->n_hops * sizeof(route->hops[0]));
	translate_normalize(interfaces, route);
	return !(route->protocol == RTPROT_KERNEL && route->n_hops == 1 &&
		interfaces_connects(interfaces, route->hops[0].ifindex, prefix));
}

static enum rib_verdict
kernel_has(struct comparison *comparison, struct prefix prefix, struct espalier_route *route)
{
	const struct translation translation = {
		.interfaces = &comparison->feed.interfaces,
		.nexthops = &comparison->feed.nexthops,
		.protocols = PROTOCOLS_ALL,
	};
	const struct rib_entry *entry = rib_find(&comparison->feed.rib, prefix);

	return entry == NULL ? RIB_NOTHING : translate_entry(&translation, entry, route);
}

static void
compare_kernel_entry(struct rib *rib, struct rib_entry *entry, void *context)
{
	static struct espalier_route wanted, there;
	struct comparison *comparison = context;

	(void)rib;
	if (kernel_has(comparison, entry->prefix, &wanted) != RIB_CARRIED)
		return;
	if (!espalier_has(comparison, entry->prefix, &there)) {
		differ(comparison, entry->prefix, &wanted, NULL);
		return;
	}
	bool same = translate_same(&wanted, &there);
	/* The configuration file's route stands, by whatever protocol the kernel has that way. */
	bool configured =
		!same && there.protocol == RTPROT_STATIC && translate_same_ways(&wanted, &there);
	comparison->n_same += same || configured;
	comparison->n_configured_too += configured;
	if (!same && !configured)
		differ(comparison, entry->prefix, &wanted, &there);
}

static void
compare_espalier_entry(struct rib *rib, struct rib_entry *entry, void *context)
{
	static struct espalier_route wanted, there;
	struct comparison *comparison = context;

	(void)rib;
	if (!espalier_has(comparison, entry->prefix, &there) ||
		kernel_has(comparison, entry->prefix, &wanted) == RIB_CARRIED)
		return;
	/* The configuration file's routes need not be the kernel's. */
	if (there.protocol == RTPROT_STATIC)
		comparison->n_configured_alone++;
	else
		differ(comparison, entry->prefix, NULL, &there);
}

static int
conclude(struct comparison *comparison)
{
	rib_each(&comparison->feed.rib, compare_kernel_entry, comparison);
	rib_each(&comparison->espalier, compare_espalier_entry, comparison);
	if (comparison->n_different > LINES_MAX)
		printf("... and %u more\n", comparison->n_different - LINES_MAX);
	printf("%u routes agree, %u differ", comparison->n_same, comparison->n_different);
	if (comparison->n_configured_too > 0)
		printf("; %u agree but for the protocol, which is static in Espalier",
			comparison->n_configured_too);
	if (comparison->n_configured_alone > 0)
		printf("; %u static ones are Espalier's alone", comparison->n_configured_alone);
	printf("\n");
	if (fflush(stdout) != 0)
		return COMPARE_FAILED;
	return comparison->n_different == 0 ? COMPARE_SAME : COMPARE_DIFFERENT;
}

/* --- listing --- */

/* Until both have listed all, or time is over. False: it is over. */
static bool
gather(struct comparison *comparison)
{
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;

	for (;;) {
		uint64_t now_ns = clock_now_ns();

		if (comparison->feed.stage == FEED_LOOKS && comparison->feed.whole)
			return true;
		if (now_ns >= deadline_ns)
			return false;
		uint64_t kernel_ns = kernel_tend(&comparison->kernel, now_ns);
		uint64_t feed_ns = feed_tend(&comparison->feed, now_ns);
		uint64_t next_ns = kernel_ns < feed_ns ? kernel_ns : feed_ns;
		loop_wait(&comparison->loop, next_ns < deadline_ns ? next_ns : deadline_ns);
	}
}

int
compare_run(const struct options *options)
{
	struct comparison *comparison = calloc(1, sizeof(*comparison));
	char read_only[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *path = options->socket;
	int status = COMPARE_FAILED;

	if (comparison == NULL || loop_open(&comparison->loop) < 0)
		return COMPARE_FAILED;
	if (socket_path_ro(path, read_only, sizeof(read_only)) && access(read_only, W_OK) == 0)
		path = read_only;
	comparison->feed.purpose = FEED_TO_LOOK;
	comparison->feed.owner = "nobody";
	comparison->feed.learn = learn;
	if (rib_open(&comparison->espalier) == 0 &&
		feed_open(&comparison->feed, &comparison->loop, path) == 0 &&
		kernel_open(&comparison->kernel, &comparison->loop, &comparison->feed,
			options->table, options->receive_bytes) == 0) {
		if (gather(comparison))
			status = conclude(comparison);
		else
			log_error("espalier or the kernel did not list its routes in time");
		kernel_close(&comparison->kernel, &comparison->loop);
		feed_close(&comparison->feed);
		rib_close(&comparison->espalier);
	}
	loop_close(&comparison->loop);
	free(comparison);
	return status;
}
