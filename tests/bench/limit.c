/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * espalier-limit: what intel-ipsec-mb alone does, in a hot loop and with the jobs that a gateway
 * would give it: the ceiling for everything built on it. Of the library's calls the fastest counts.
 * `espalier` is our own layer on the same packets, for comparison.
 */
#include <stdio.h>
#include <stdlib.h>

#include "limit_threads.h"

#define ROUNDS 5

static int
fewer_cycles(const void *a, const void *b)
{
	double x = ((const struct result *)a)->cycles, y = ((const struct result *)b)->cycles;

	return (x > y) - (x < y);
}

static void
print(const struct options *options, enum crypto_direction direction, unsigned length,
	const struct method *method, struct result result, const char *kind)
{
	const char *way = direction == CRYPTO_SEAL ? "outbound" : "inbound";
	const char *sorted = method->order == SORTED ? "true" : "false";
	char name[16];

	snprintf(name, sizeof(name), length == IMIX ? "\"imix\"" : "%u", length);
	if (options->json)
		printf("{\"kind\": \"%s\", \"direction\": \"%s\", \"length\": %s, \"method\": "
		       "\"%s\", \"burst\": %u, \"sorted\": %s, \"mpps\": %.3f, \"cycles\": "
		       "%.1f}\n",
			kind, way, name, method->name, method->burst, sorted, result.mpps,
			result.cycles);
	else
		printf("%-8s %-8s %6s  %-9s %3u%s  %8.3f Mpps %8.1f cycles\n", kind, way,
			length == IMIX ? "imix" : name, method->name, method->burst,
			method->order == SORTED ? " sorted" : "       ", result.mpps,
			result.cycles);
	fflush(stdout);
}

static bool
is_for(const struct method *method, struct suite suite, unsigned length)
{
	if (method->order == SORTED && length != IMIX)
		return false;
	return suite.encryption->aead ? method->aead : method->cbc;
}

/* All methods on one length, rounds interleaved, medians. */
static void
measure(const struct options *options, const struct threads *threads,
	enum crypto_direction direction, unsigned length)
{
	struct result(*results)[ROUNDS] = calloc(methods_n, sizeof(*results));
	const struct method *best = NULL;
	struct result best_result = { 0 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned m = 0; m < methods_n; m++) {
			if (!is_for(&methods[m], options->suite, length))
				continue;
			for (unsigned i = 0; i < threads->n; i++)
				work_prepare(threads->works[i], length, &methods[m]);
			results[m][round] = threads_run(
				threads, options, &methods[m], options->seconds / ROUNDS);
		}
	}
	for (unsigned m = 0; m < methods_n; m++) {
		if (!is_for(&methods[m], options->suite, length))
			continue;
		qsort(results[m], ROUNDS, sizeof(results[m][0]), fewer_cycles);
		struct result median = results[m][ROUNDS / 2];

		print(options, direction, length, &methods[m], median, "measure");
		if (method_is_ours(&methods[m]))
			continue;
		if (best == NULL || median.cycles < best_result.cycles) {
			best = &methods[m];
			best_result = median;
		}
	}
	print(options, direction, length, best, best_result, "limit");
	free(results);
}

int
main(int argc, char **argv)
{
	struct options options;
	struct threads threads = { 0 };
	int status = 2;

	if (!options_parse(&options, argc, argv))
		return 2;
	for (unsigned i = 0; i < options.cpus_n || i == 0; i++) {
		threads.works[i] = work_create(options.arch, options.suite);
		if (threads.works[i] == NULL)
			goto destroy;
		threads.n++;
	}
	if (!options.json)
		printf("%s, %s%s%s, threads: %u\n", crypto_description(threads.works[0]->crypto),
			options.suite.encryption->name,
			options.suite.authentication != NULL ? " with " : "",
			options.suite.authentication != NULL ? options.suite.authentication->name
							     : "",
			threads.n);
	for (unsigned i = 0; i < options.lengths_n; i++) {
		for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++) {
			if ((options.directions & 1u << d) == 0)
				continue;
			for (unsigned t = 0; t < threads.n; t++)
				work_turn(threads.works[t], options.suite, d);
			measure(&options, &threads, d, options.lengths[i]);
		}
	}
	status = 0;
destroy:
	for (unsigned i = 0; i < threads.n; i++)
		work_destroy(threads.works[i]);
	return status;
}
