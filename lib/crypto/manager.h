/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

#include <intel-ipsec-mb.h>

/*
 * Instances of intel-ipsec-mb for a chosen architecture. What differs between the library's
 * versions stands here and in manager.c and nowhere else. Control only.
 */

/* NULL or "auto": the best that the CPU and the operating system offer. NULL on failure, with one
 * line of why in `error`. */
IMB_MGR *manager_create(const char *arch, char *error, size_t error_bytes);
/* Zeroizes what the lanes still hold of keys and packets, and frees. NULL is fine. */
void manager_destroy(IMB_MGR *manager);

/*
 * Another one that hashes SHA-1 and SHA-256 with the CPU's SHA instructions, two packets at a time,
 * which the wider architectures of 1.3 do not use. NULL, and that is no error: the CPU has none,
 * `wide` is as narrow itself, or somebody named an architecture and is to have that alone.
 */
IMB_MGR *manager_create_narrow(const char *arch, const IMB_MGR *wide);

/* "avx2 (type 1) and SHA instructions, intel-ipsec-mb 1.3.0"; `narrow` may be NULL. */
void manager_describe(const IMB_MGR *manager, const IMB_MGR *narrow, char *text, size_t text_bytes);

/* Ends the filling of a job for IMB_SUBMIT_BURST(), which from 1.4 on wants to know when jobs are
 * alike. Not for the synchronous bursts. */
static inline void
manager_finish_job(IMB_MGR *manager, IMB_JOB *job)
{
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
	imb_set_session(manager, job);
#else
	(void)manager;
	(void)job;
#endif
}
