/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * espalier-limit: what intel-ipsec-mb alone does on one core, in a hot loop and with the jobs that
 * a gateway would give it: the ceiling for everything built on it. Of the library's calls the
 * fastest counts. `espalier` is our own layer on the same packets, for comparison.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "crypto.h"
#include "engine.h"
#include "limit_options.h"
#include "manager.h"

#define ROUNDS 5
#define PACKETS 384 /* for IMIX: whole patterns of 12 and whole bursts of 128 */
#define PACKET_STRIDE 2176
#define PAYLOAD_AT (ESP_HEADER_BYTES + IV_BYTES)
#define KEY_MATERIAL_BYTES 64

/* Inner IP lengths, 7:4:1, spread as traffic is. */
static const unsigned imix[] = { 48, 48, 576, 48, 48, 576, 48, 48, 576, 48, 576, 1420 };

enum job_order { AS_THEY_COME, SORTED };

/* One case: packets, and the jobs and ops that work on them. */
struct work {
	IMB_MGR *manager;
	struct crypto *crypto;
	struct crypto_key *key;
	const struct group *group;
	enum crypto_direction direction;
	unsigned burst;
	unsigned n; /* packets, whole bursts */
	CACHE_ALIGNED IMB_JOB jobs[PACKETS];
	struct crypto_op ops[PACKETS];
	uint8_t icvs[PACKETS][ICV_BYTES_MAX];
	CACHE_ALIGNED uint8_t packets[PACKETS][PACKET_STRIDE];
};

/* One way to have the packets of a case done. */
struct method {
	const char *name;
	unsigned burst;
	enum job_order order;
	unsigned (*pass)(
		struct work *work); /* once over all packets; returns those that are done */
};

static unsigned
pass_job(struct work *work)
{
	IMB_MGR *manager = work->manager;
	unsigned done = 0;

	for (unsigned i = 0; i < work->n; i++) {
		IMB_JOB *job = IMB_GET_NEXT_JOB(manager);

		*job = work->jobs[i];
		job = IMB_SUBMIT_JOB_NOCHECK(manager);
		for (; job != NULL; job = IMB_GET_COMPLETED_JOB(manager))
			done++;
	}
	return done;
}

static unsigned
pass_job_burst(struct work *work)
{
	IMB_MGR *manager = work->manager;
	IMB_JOB *jobs[BURST_PKTS];
	unsigned done = 0;

	for (unsigned i = 0; i < work->n; i += work->burst) {
		while (IMB_GET_NEXT_BURST(manager, work->burst, jobs) < work->burst)
			done += IMB_FLUSH_BURST(manager, work->burst, jobs);
		for (unsigned j = 0; j < work->burst; j++) {
			*jobs[j] = work->jobs[i + j];
			manager_finish_job(manager, jobs[j]);
		}
		done += IMB_SUBMIT_BURST_NOCHECK(manager, work->burst, jobs);
	}
	return done;
}

static unsigned
pass_pair(struct work *work)
{
	IMB_MGR *manager = work->manager;
	const struct group *group = work->group;
	unsigned n = work->burst;
	unsigned done = 0;

	for (unsigned i = 0; i < work->n; i += n) {
		IMB_JOB *jobs = &work->jobs[i];

		if (work->direction == CRYPTO_SEAL) {
			IMB_SUBMIT_CIPHER_BURST_NOCHECK(
				manager, jobs, n, IMB_CIPHER_CBC, IMB_DIR_ENCRYPT, group->key_size);
			done += IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs, n, group->hash);
		} else {
			IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs, n, group->hash);
			done += IMB_SUBMIT_CIPHER_BURST_NOCHECK(
				manager, jobs, n, IMB_CIPHER_CBC, IMB_DIR_DECRYPT, group->key_size);
		}
	}
	return done;
}

static unsigned
pass_espalier(struct work *work)
{
	for (unsigned i = 0; i < work->n; i += work->burst) {
		struct crypto_op *ops = &work->ops[i];

		if (work->direction == CRYPTO_SEAL) {
			crypto_seal(work->crypto, ops, work->burst);
		} else {
			crypto_verify(work->crypto, ops, work->burst);
			crypto_decrypt(work->crypto, ops, work->burst);
		}
	}
	return work->n;
}

/* Sorted ones are for IMIX alone: equal lengths have no order. */
static const struct method methods[] = {
	{ "job", 1, AS_THEY_COME, pass_job },
	{ "job", 128, SORTED, pass_job },
	{ "job-burst", 64, AS_THEY_COME, pass_job_burst },
	{ "job-burst", 64, SORTED, pass_job_burst },
	{ "job-burst", 128, AS_THEY_COME, pass_job_burst },
	{ "job-burst", 128, SORTED, pass_job_burst },
	{ "pair", 64, AS_THEY_COME, pass_pair },
	{ "pair", 64, SORTED, pass_pair },
	{ "pair", 128, AS_THEY_COME, pass_pair },
	{ "pair", 128, SORTED, pass_pair },
	{ "espalier", 64, AS_THEY_COME, pass_espalier },
	{ "espalier", 128, AS_THEY_COME, pass_espalier },
};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

static int
longest_first(const void *a, const void *b)
{
	const struct crypto_op *x = a, *y = b;

	return (int)y->bytes - (int)x->bytes;
}

static void
fill_job(struct work *work, unsigned i)
{
	const struct crypto_key *key = work->key;
	const uint8_t state_bytes = work->group->state_bytes;
	const struct crypto_op *op = &work->ops[i];
	bool seal = work->direction == CRYPTO_SEAL;

	work->jobs[i] = (IMB_JOB) {
		.enc_keys = key->schedule + 2 * state_bytes,
		.dec_keys = key->schedule + 2 * state_bytes,
		.key_len_in_bytes = work->group->key_size,
		.src = op->esp,
		.dst = op->esp + PAYLOAD_AT,
		.cipher_start_src_offset_in_bytes = PAYLOAD_AT,
		.msg_len_to_cipher_in_bytes = op->bytes - PAYLOAD_AT,
		.msg_len_to_hash_in_bytes = op->bytes,
		.iv = op->esp + ESP_HEADER_BYTES,
		.iv_len_in_bytes = IV_BYTES,
		.auth_tag_output = seal ? op->esp + op->bytes : work->icvs[i],
		.auth_tag_output_len_in_bytes = key->icv_bytes,
		.u.HMAC._hashed_auth_key_xor_ipad = key->schedule,
		.u.HMAC._hashed_auth_key_xor_opad = key->schedule + state_bytes,
		.cipher_mode = IMB_CIPHER_CBC,
		.cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
		.hash_alg = work->group->hash,
		.chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER,
	};
}

/* Equal lengths stay within one burst's packets, as a real burst's would be: hot. */
static void
prepare(struct work *work, unsigned length, const struct method *method)
{
	unsigned sort = method->burst;

	work->burst = method->burst;
	work->n = length == IMIX || method->burst == 1 ? PACKETS : method->burst;
	for (unsigned i = 0; i < work->n; i++) {
		unsigned inner = length == IMIX ? imix[i % ARRAY_LEN(imix)] : length;

		work->ops[i] = (struct crypto_op) {
			.key = work->key,
			.esp = work->packets[i],
			/* padding, pad length and next header fill up the block */
			.bytes = (uint16_t)(PAYLOAD_AT + ((inner + 2 + 15) & ~15U)),
		};
	}
	for (unsigned i = 0; method->order == SORTED && i < work->n; i += sort)
		qsort(&work->ops[i], sort, sizeof(work->ops[0]), longest_first);
	for (unsigned i = 0; i < work->n; i++)
		fill_job(work, i);
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct result {
	double cycles; /* TSC, per packet */
	double mpps;
};

static struct result
run_round(struct work *work, const struct method *method, double seconds)
{
	uint64_t start_ns = now_ns();
	uint64_t end_ns = start_ns + (uint64_t)(seconds * 1e9);
	uint64_t packets = 0, start, cycles, t;

	method->pass(work); /* warms up */
	start_ns = now_ns();
	start = __rdtsc();
	do {
		for (unsigned i = 0; i < 16; i++)
			packets += method->pass(work);
		t = now_ns();
	} while (t < end_ns);
	cycles = __rdtsc() - start;
	while (IMB_FLUSH_JOB(work->manager) != NULL)
		; /* the next round may be of another method */
	return (struct result) { (double)cycles / (double)packets,
		(double)packets * 1e3 / (double)(t - start_ns) };
}

static int
fewer_cycles(const void *a, const void *b)
{
	double x = ((const struct result *)a)->cycles, y = ((const struct result *)b)->cycles;

	return (x > y) - (x < y);
}

static void
print(const struct options *options, const struct work *work, unsigned length,
	const struct method *method, struct result result, const char *kind)
{
	const char *direction = work->direction == CRYPTO_SEAL ? "outbound" : "inbound";
	const char *sorted = method->order == SORTED ? "true" : "false";
	char name[16];

	snprintf(name, sizeof(name), length == IMIX ? "\"imix\"" : "%u", length);
	if (options->json)
		printf("{\"kind\": \"%s\", \"direction\": \"%s\", \"length\": %s, \"method\": "
		       "\"%s\", \"burst\": %u, \"sorted\": %s, \"mpps\": %.3f, \"cycles\": "
		       "%.1f}\n",
			kind, direction, name, method->name, method->burst, sorted, result.mpps,
			result.cycles);
	else
		printf("%-8s %-8s %6s  %-9s %3u%s  %8.3f Mpps %8.1f cycles\n", kind, direction,
			length == IMIX ? "imix" : name, method->name, method->burst,
			method->order == SORTED ? " sorted" : "       ", result.mpps,
			result.cycles);
	fflush(stdout);
}

/* All methods on one length, rounds interleaved, medians. */
static void
measure(const struct options *options, struct work *work, unsigned length)
{
	static struct result results[METHODS][ROUNDS];
	const struct method *best = NULL;
	struct result best_result = { 0 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned m = 0; m < METHODS; m++) {
			if (methods[m].order == SORTED && length != IMIX)
				continue;
			prepare(work, length, &methods[m]);
			results[m][round] = run_round(work, &methods[m], options->seconds / ROUNDS);
		}
	}
	for (unsigned m = 0; m < METHODS; m++) {
		if (methods[m].order == SORTED && length != IMIX)
			continue;
		qsort(results[m], ROUNDS, sizeof(results[m][0]), fewer_cycles);
		print(options, work, length, &methods[m], results[m][ROUNDS / 2], "measure");
		if (methods[m].pass == pass_espalier)
			continue;
		if (best == NULL || results[m][ROUNDS / 2].cycles < best_result.cycles) {
			best = &methods[m];
			best_result = results[m][ROUNDS / 2];
		}
	}
	print(options, work, length, best, best_result, "limit");
}

int
main(int argc, char **argv)
{
	static const uint8_t key_material[KEY_MATERIAL_BYTES];
	struct options options;
	struct work *work;
	char error[256];
	int status = 2;

	if (!options_parse(&options, argc, argv))
		return 2;
	work = aligned_alloc(CACHE_LINE_BYTES, sizeof(*work));
	memset(work, 0, sizeof(*work));
	/* Jobs still in its queue must not meet synchronous bursts: a manager of its own. */
	work->crypto = crypto_create(options.arch, error, sizeof(error));
	work->manager = manager_create(options.arch, error, sizeof(error));
	if (work->crypto == NULL || work->manager == NULL) {
		fprintf(stderr, "espalier-limit: %s\n", error);
		goto destroy;
	}
	if (!options.json)
		printf("%s, %s with %s\n", crypto_description(work->crypto),
			options.suite.encryption->name, options.suite.authentication->name);
	work->key = aligned_alloc(CACHE_LINE_BYTES, crypto_key_size(options.suite));
	for (unsigned i = 0; i < options.lengths_n; i++) {
		for (enum crypto_direction d = CRYPTO_SEAL; d <= CRYPTO_OPEN; d++) {
			work->direction = d;
			crypto_key_init(work->crypto, work->key, d,
				&(struct crypto_material) { .suite = options.suite,
					.encryption_key = key_material,
					.authentication_key = key_material });
			work->group = &engine_groups[work->key->group];
			measure(&options, work, options.lengths[i]);
		}
	}
	free(work->key);
	status = 0;
destroy:
	manager_destroy(work->manager);
	crypto_destroy(work->crypto);
	free(work);
	return status;
}
