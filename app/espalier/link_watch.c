/* SPDX-License-Identifier: BSD-3-Clause */
#include "link_watch.h"

#include "clock.h"
#include "listener.h"
#include "log.h"

#define LOOK_NS (100 * MILLISECOND_NS)

/* What nobody can tell counts as a link; so does what nobody has looked at yet. */
static void
look(struct link_watch *watch, struct gateway *gw, struct kernel_if *kernel_if,
	const struct port *port)
{
	enum port_link now = port_link(port);
	bool was_down = watch->seen[port->index] == PORT_LINK_DOWN;
	bool is_down = now == PORT_LINK_DOWN;

	watch->seen[port->index] = now;
	if (is_down == was_down)
		return;
	if (is_down)
		log_warning("port '%s' has no link", port->name);
	else
		log_info("port '%s' has a link", port->name);
	kernel_if_set_port_carrier(kernel_if, port, !is_down);
	if (gw->listener != NULL && gw->listener->port_changed != NULL)
		gw->listener->port_changed(gw->listener->context, port);
}

void
link_watch_tick(
	struct link_watch *watch, struct gateway *gw, struct kernel_if *kernel_if, uint64_t now_ns)
{
	if (now_ns < watch->next_look_ns)
		return;
	watch->next_look_ns = now_ns + LOOK_NS;
	for (unsigned i = 0; i < gw->n_ports; i++)
		look(watch, gw, kernel_if, &gw->ports[i]);
}
