/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <linux/xfrm.h>

/*
 * What clients see of policies and the tables do not keep: what they said when they installed them.
 * Some have no effect and are here alone. Control only.
 */

#define XFRM_POLICIES_MAX (1u << 18) /* four for each of TUNNELS_MAX */

struct xfrm_policy_name {
	struct xfrm_selector selector;
	uint32_t direction; /* XFRM_POLICY_* */
	uint32_t if_id;     /* 0: none given */
};

struct xfrm_policy {
	struct xfrm_policy_name name;
	struct policy *policy; /* NULL: without effect */
	struct xfrm_userpolicy_info info;
	bool has_template;
	struct xfrm_user_tmpl template;
	uint64_t added_at;  /* wall clock, seconds: when it was said last */
	uint64_t warned_at; /* when its soft end was told last; 0: not yet */

	/* xfrm_policies.c's own */
	UT_hash_handle hh;
	bool mortal;
	TAILQ_ENTRY(xfrm_policy) link; /* among those that are */
};

struct xfrm_policies;

struct xfrm_policies *xfrm_policies_create(void);
/* Those in the tables stay there. NULL is fine. */
void xfrm_policies_destroy(struct xfrm_policies *policies);

/* A new one with its name and index, which ends in its direction as in the kernel. NULL: out of
 * memory, or there are XFRM_POLICIES_MAX. The name must be free. */
struct xfrm_policy *
xfrm_policy_add(struct xfrm_policies *policies, const struct xfrm_policy_name *name);
void xfrm_policy_remove(struct xfrm_policies *policies, struct xfrm_policy *policy);

/* The name by which policies are told apart. */
struct xfrm_policy_name
xfrm_policy_name(const struct xfrm_selector *selector, uint32_t direction, uint32_t if_id);

/* NULL when there is none. */
struct xfrm_policy *
xfrm_policy_find(const struct xfrm_policies *policies, const struct xfrm_policy_name *name);
struct xfrm_policy *xfrm_policy_at(const struct xfrm_policies *policies, uint32_t index);
/* Counts it among those that end by themselves, or not, by the seconds of its info. */
void xfrm_policy_set_mortal(struct xfrm_policies *policies, struct xfrm_policy *policy);
/* The one after `policy` of these, or the first; NULL at the end. */
struct xfrm_policy *
xfrm_policy_next_mortal(const struct xfrm_policies *policies, const struct xfrm_policy *policy);
/* Walks all, by a cursor that starts at 0; NULL at the end. */
struct xfrm_policy *xfrm_policy_next(const struct xfrm_policies *policies, uint32_t *cursor);
