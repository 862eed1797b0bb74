# SPDX-License-Identifier: BSD-3-Clause
"""All chapters of a run, in its order."""

import subprocess

import churn
import latency
import order
import scale
import speed
import window
import workers
from chapter import Run
from process import Failure

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


def take(names, run: Run) -> tuple[dict, dict]:
    """The documents of these chapters; and of those that failed, why. A failure ends its chapter
    alone: the others took minutes."""
    documents, failures = {}, {}
    for name in names:
        run.progress.chapter(name)
        try:
            documents[name] = CHAPTERS[name](run).document()
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            failures[name] = str(failure)
            run.progress.tell(f"{name} failed: {failure}")
    return documents, failures
