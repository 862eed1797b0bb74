/* SPDX-License-Identifier: BSD-3-Clause */
#include "publish.h"

#include <stdint.h>
#include <stdlib.h>

/* Slots hold object pointers of any type: the one place where that is told to the compiler. */
typedef void *__attribute__((__may_alias__)) any_pointer;

struct retired {
	void *object;
	publish_retire_fn retire;
	void *context;
};

struct queue {
	struct retired *items;
	size_t n, room;
};

struct publisher {
	struct rcu *rcu;
	struct queue waiting; /* for the next grace period */
};

struct publisher *
publisher_create(struct rcu *rcu)
{
	struct publisher *publisher = calloc(1, sizeof(*publisher));

	if (publisher != NULL)
		publisher->rcu = rcu;
	return publisher;
}

/* Runs what has waited long enough. What the callbacks queue in turn waits for the next period. */
static void
retire_waiting(struct publisher *publisher)
{
	struct queue due = publisher->waiting;

	publisher->waiting = (struct queue) { 0 };
	for (size_t i = 0; i < due.n; i++)
		due.items[i].retire(due.items[i].object, due.items[i].context);
	if (publisher->waiting.items == NULL) {
		due.n = 0;
		publisher->waiting = due; /* keeps the room for next time */
	} else {
		free(due.items);
	}
}

void
publisher_destroy(struct publisher *publisher)
{
	if (publisher == NULL)
		return;
	while (publisher->waiting.n > 0)
		retire_waiting(publisher);
	free(publisher->waiting.items);
	free(publisher);
}

void
publish_store(void *slot, const void *fresh)
{
	__atomic_store_n((any_pointer *)slot, (void *)(uintptr_t)fresh, __ATOMIC_RELEASE);
}

void
publish_swap(struct publisher *publisher, void *slot, const void *fresh, publish_retire_fn retire,
	void *context)
{
	void *old = *(any_pointer *)slot; /* only this core writes it */

	publish_store(slot, fresh);
	if (old != NULL && retire != NULL)
		publish_retire(publisher, old, retire, context);
}

void
publish_retire(struct publisher *publisher, void *object, publish_retire_fn retire, void *context)
{
	struct queue *queue = &publisher->waiting;

	if (queue->n == queue->room) {
		size_t room = queue->room == 0 ? 64 : 2 * queue->room;
		struct retired *items = realloc(queue->items, room * sizeof(*items));

		if (items == NULL) {
			/* No memory to wait later, so wait now. */
			publish_synchronize(publisher);
			retire(object, context);
			return;
		}
		queue->items = items;
		queue->room = room;
	}
	queue->items[queue->n++] = (struct retired) { object, retire, context };
}

void
publish_flush(struct publisher *publisher)
{
	if (publisher->waiting.n > 0)
		publish_synchronize(publisher);
}

void
publish_synchronize(struct publisher *publisher)
{
	rcu_synchronize(publisher->rcu);
	retire_waiting(publisher);
}
