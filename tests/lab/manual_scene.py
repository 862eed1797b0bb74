# SPDX-License-Identifier: BSD-3-Clause
"""The first scene: two Espaliers with manual keys, three tunnels between them."""

import network
from gateway import Gateway, make_keys
from measure import Trial
from plan import DRAWING, GATEWAYS
from stage import Stage


class ManualScene(Stage):
    name = "manual"
    title = "two Espaliers, manual keys"
    drawing = DRAWING

    def __init__(self, options, report):
        super().__init__([Gateway(name, options.build) for name in GATEWAYS], report)

    def raise_up(self):
        self.report.progress("namespaces and cables")
        self.sweep()  # what a killed run may have left
        network.create()
        self.write_configs(make_keys())
        self.report.progress("two Espaliers")
        for gateway in self.gateways:
            gateway.start()
        for gateway in self.gateways:
            gateway.wait_ready()

    def measure(self, scratch):
        Trial(self.gateways, self.report, scratch).run()
