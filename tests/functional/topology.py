# SPDX-License-Identifier: BSD-3-Clause
"""The network that every test talks about, and its configuration file.

    hosts 10.0.0.0/16 --- router 192.168.50.2 --- lan0 ESPALIER wan0 --- router 203.0.113.1 --- ...
                                                                    |=== conn1 === 192.0.2.1
                                                                    |=== conn2 === 192.0.2.2
                                                                    |=== conn3 === 192.0.2.3
    192.168.0.0/16  is behind all tunnels, with equal cost
    172.16.N.0/24   is behind connN alone
"""
from esp import SCENARIO_SUITE, Sa

LAN_ADDRESS = "192.168.50.1"
LAN_ROUTER = "192.168.50.2"
LAN_ROUTER_MAC = bytes.fromhex("020000000002")
WAN_ADDRESS = "203.0.113.191"
WAN_ROUTER = "203.0.113.1"
WAN_ROUTER_MAC = bytes.fromhex("020000000003")
HOST = "10.0.0.1"


class Tunnel:
    """connN with one SA each way. Their SPIs differ by more than a bit, so that no flip of one bit
    makes one of another."""

    def __init__(self, number, suite, options):
        self.number = number
        self.name = f"conn{number}"
        self.remote = f"192.0.2.{number}"
        self.inside = f"169.254.{9 + number}.1"
        self.peer_host = f"172.16.{number}.1"
        settings = dict(options)
        esn, udp_ports = settings.pop("esn", False), settings.pop("udp_ports", None)
        self.out = Sa(0x11000000 + number * 0x00111111, WAN_ADDRESS, self.remote, suite, esn,
                      udp_ports, settings)
        self.into = Sa(0xC6000000 + number * 0x00111111, self.remote, WAN_ADDRESS, suite, esn,
                       udp_ports and udp_ports[::-1], {"replay_window": 1024, **settings})

    def __repr__(self):
        return self.name


class Topology:
    """`suites`: one tunnel for each. `options` go into every SA: esn, udp_ports, and keys of the
    configuration file such as sequence or lifetime_packets."""

    def __init__(self, suites=(SCENARIO_SUITE,) * 3, **options):
        self.tunnels = [Tunnel(number, suite, options)
                        for number, suite in enumerate(suites, start=1)]

    def __getitem__(self, number):
        return self.tunnels[number - 1]

    def __iter__(self):
        return iter(self.tunnels)

    def of(self, packet):
        """The tunnel that an outer packet uses, by its destination; None: not encapsulated."""
        last = packet[19] if packet[16:19] == bytes([192, 0, 2]) else 0
        return self[last] if 1 <= last <= len(self.tunnels) else None

    def config(self, socket):
        """The configuration file as Python data; a test changes what it is about."""
        return {
            "gateway": {"name": "test", "control_socket": str(socket), "hash_seed": 1},
            "ports": (
                {"name": "lan0", "device": "net_pcap0", "addresses": [LAN_ADDRESS + "/24"],
                 "mtu": 1500},
                {"name": "wan0", "device": "net_pcap1", "addresses": [WAN_ADDRESS + "/24"],
                 "mtu": 1500}),
            "tunnels": tuple(
                {"name": t.name, "if_id": t.number, "local": WAN_ADDRESS, "remote": t.remote,
                 "addresses": [t.inside + "/30"]} for t in self),
            "routes": (
                {"prefix": "192.168.0.0/16",
                 "nexthops": tuple({"tunnel": t.name} for t in self)},
                *({"prefix": f"172.16.{t.number}.0/24", "nexthops": ({"tunnel": t.name},)}
                  for t in self),
                {"prefix": "10.0.0.0/16", "nexthops": ({"port": "lan0", "gateway": LAN_ROUTER},)},
                {"prefix": "0.0.0.0/0", "nexthops": ({"port": "wan0", "gateway": WAN_ROUTER},)}),
            "neighbors": (
                {"port": "lan0", "address": LAN_ROUTER, "mac": LAN_ROUTER_MAC.hex(":")},
                {"port": "wan0", "address": WAN_ROUTER, "mac": WAN_ROUTER_MAC.hex(":")}),
            "security_associations": tuple(
                sa.config(t.name, direction)
                for t in self for direction, sa in (("out", t.out), ("in", t.into))),
        }

    def config_without_sas(self, socket):
        """The same for SAs that come over the socket."""
        return {**self.config(socket), "security_associations": ()}


def render(value, indent=""):
    """libconfig's text of Python data: dict = group, tuple = list, list = array."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}L" if value > 0x7FFFFFFF else str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(render, value)) + "]"
    deeper = indent + "  "
    if isinstance(value, tuple):
        return "(" + ",".join(f"\n{deeper}{render(item, deeper)}" for item in value) + ")"
    return "{ " + " ".join(f"{key} = {render(item, deeper)};" for key, item in value.items()) + " }"


def render_file(config):
    return "".join(f"{key}: {render(value)};\n" for key, value in config.items())
