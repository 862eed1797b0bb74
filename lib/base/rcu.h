/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * Grace periods between the control core, which replaces objects, and the workers, which read them
 * without a lock: a thin face on DPDK's rte_rcu_qsbr, so that one file says who may call what.
 *
 * A worker is online while it may hold pointers to shared objects. It reports quiescent once per
 * turn of its loop, when it holds none, and goes offline before it sleeps, so that the control core
 * never waits for a sleeping worker.
 */

struct rcu;

/* Makes the domain for `workers` readers. Control, before any worker runs. NULL: out of memory. */
struct rcu *rcu_create(unsigned workers);
/* Control, after the last worker stopped. */
void rcu_destroy(struct rcu *rcu);

/* Worker `id` only. Between rcu_online() and rcu_offline() it may read shared objects. */
void rcu_online(struct rcu *rcu, unsigned id);
void rcu_offline(struct rcu *rcu, unsigned id);
/* Worker `id` only, once per turn, holding no shared pointer. */
void rcu_quiescent(struct rcu *rcu, unsigned id);

/* Returns when every worker that was online at the call has been quiescent or offline since.
 * Control only. */
void rcu_synchronize(struct rcu *rcu);
