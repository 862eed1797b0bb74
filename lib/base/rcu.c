/* SPDX-License-Identifier: BSD-3-Clause */
#include "rcu.h"

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

/* struct rcu is rte_rcu_qsbr under another name: the domain has a variable length and no other
 * state of its own. */

static struct rte_rcu_qsbr *
domain(struct rcu *rcu)
{
	return (struct rte_rcu_qsbr *)rcu;
}

struct rcu *
rcu_create(unsigned workers)
{
	struct rte_rcu_qsbr *qsbr =
		rte_zmalloc("rcu", rte_rcu_qsbr_get_memsize(workers), RTE_CACHE_LINE_SIZE);

	if (qsbr == NULL)
		return NULL;
	rte_rcu_qsbr_init(qsbr, workers);
	for (unsigned id = 0; id < workers; id++)
		rte_rcu_qsbr_thread_register(qsbr, id);
	return (struct rcu *)qsbr;
}

void
rcu_destroy(struct rcu *rcu)
{
	rte_free(rcu);
}

void
rcu_online(struct rcu *rcu, unsigned id)
{
	rte_rcu_qsbr_thread_online(domain(rcu), id);
}

void
rcu_offline(struct rcu *rcu, unsigned id)
{
	rte_rcu_qsbr_thread_offline(domain(rcu), id);
}

void
rcu_quiescent(struct rcu *rcu, unsigned id)
{
	rte_rcu_qsbr_quiescent(domain(rcu), id);
}

void
rcu_synchronize(struct rcu *rcu)
{
	rte_rcu_qsbr_synchronize(domain(rcu), RTE_QSBR_THRID_INVALID);
}
