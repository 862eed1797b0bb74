# SPDX-License-Identifier: BSD-3-Clause
"""All chapters of a run, in its order."""

import scale
import speed
import workers

CHAPTERS = {
    "outbound": speed.outbound,
    "inbound": speed.inbound,
    "gcm-outbound": speed.gcm_outbound,
    "gcm-inbound": speed.gcm_inbound,
    "mixed": speed.mixed,
    "workers": workers.workers,
    "tunnels": scale.tunnels,
    "routes": scale.routes,
}
