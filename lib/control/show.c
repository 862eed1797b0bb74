/* SPDX-License-Identifier: BSD-3-Clause */
#include "show.h"

#include <errno.h>

#include "protocol.h"

static const show_row_fn rows[ESPALIER_SUBJECTS] = {
	[ESPALIER_SHOW_TUNNELS] = show_tunnel,
	[ESPALIER_SHOW_SAS] = show_sa,
	[ESPALIER_SHOW_ROUTES] = show_route,
	[ESPALIER_SHOW_NEIGHBORS] = show_neighbor,
	[ESPALIER_SHOW_PORTS] = show_port,
	[ESPALIER_SHOW_WORKERS] = show_worker,
	[ESPALIER_SHOW_DROPS] = show_drop,
	[ESPALIER_SHOW_GROUPS] = show_group,
	[ESPALIER_SHOW_VERSION] = show_version,
	[ESPALIER_SHOW_POLICIES] = show_policy,
};

int
show_row(const struct session_context *context, uint32_t subject, uint32_t *cursor, json_t **row)
{
	*row = NULL;
	int more = rows[subject](context, cursor, row);
	return more == 1 && *row == NULL ? -ENOMEM : more;
}
