# SPDX-License-Identifier: BSD-3-Clause
"""All chapters of a run, in its order."""

import churn
import latency
import order
import scale
import speed
import window
import workers

CHAPTERS = {
    "outbound": speed.outbound,
    "inbound": speed.inbound,
    "gcm-outbound": speed.gcm_outbound,
    "gcm-inbound": speed.gcm_inbound,
    "suites": speed.suites,
    "window": window.window,
    "mixed": speed.mixed,
    "workers": workers.workers,
    "order": order.order,
    "tunnels": scale.tunnels,
    "routes": scale.routes,
    "control": churn.churn,
    "latency": latency.latency,
}
