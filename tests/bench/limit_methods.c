/* SPDX-License-Identifier: BSD-3-Clause */
#include "limit_work.h"
#include "manager.h"

/* Every way that the library offers for ESP, and ours. */

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

/* The synchronous bursts: all of the cipher, all of the hash. */
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
			done += IMB_SUBMIT_HASH_BURST_NOCHECK(
				manager, jobs, n, hasher_algorithms[group->mac]);
		} else {
			IMB_SUBMIT_HASH_BURST_NOCHECK(
				manager, jobs, n, hasher_algorithms[group->mac]);
			done += IMB_SUBMIT_CIPHER_BURST_NOCHECK(
				manager, jobs, n, IMB_CIPHER_CBC, IMB_DIR_DECRYPT, group->key_size);
		}
	}
	return done;
}

static aes_gcm_enc_dec_t
gcm_function(const struct work *work)
{
	const IMB_MGR *manager = work->manager;
	bool seal = work->direction == CRYPTO_SEAL;

	switch (work->group->key_size) {
	case IMB_KEY_128_BYTES:
		return seal ? manager->gcm128_enc : manager->gcm128_dec;
	case IMB_KEY_192_BYTES:
		return seal ? manager->gcm192_enc : manager->gcm192_dec;
	default:
		return seal ? manager->gcm256_enc : manager->gcm256_dec;
	}
}

/* AES-GCM, one call for each packet. */
static unsigned
pass_direct(struct work *work)
{
	const struct gcm_key_data *key = gcm_schedule(work->key);
	aes_gcm_enc_dec_t function = gcm_function(work);

	for (unsigned i = 0; i < work->n; i++) {
		const IMB_JOB *job = &work->jobs[i];

		function(key, &work->gcm, job->dst, job->dst, job->msg_len_to_cipher_in_bytes,
			job->iv, job->u.GCM.aad, job->u.GCM.aad_len_in_bytes, job->auth_tag_output,
			job->auth_tag_output_len_in_bytes);
	}
	return work->n;
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
const struct method methods[] = {
	{ "job", 1, AS_THEY_COME, true, true, pass_job },
	{ "job", 128, SORTED, true, false, pass_job },
	{ "job-burst", 64, AS_THEY_COME, true, true, pass_job_burst },
	{ "job-burst", 64, SORTED, true, false, pass_job_burst },
	{ "job-burst", 128, AS_THEY_COME, true, true, pass_job_burst },
	{ "job-burst", 128, SORTED, true, false, pass_job_burst },
	{ "pair", 64, AS_THEY_COME, true, false, pass_pair },
	{ "pair", 64, SORTED, true, false, pass_pair },
	{ "pair", 128, AS_THEY_COME, true, false, pass_pair },
	{ "pair", 128, SORTED, true, false, pass_pair },
	{ "direct", 128, AS_THEY_COME, false, true, pass_direct },
	{ "espalier", 64, AS_THEY_COME, true, true, pass_espalier },
	{ "espalier", 128, AS_THEY_COME, true, true, pass_espalier },
};
const unsigned methods_n = ARRAY_LEN(methods);

bool
method_is_ours(const struct method *method)
{
	return method->pass == pass_espalier;
}
