# SPDX-License-Identifier: BSD-3-Clause
"""Other gateways to compare with: built elsewhere, given by path, configured here.

A new peer is a class and a row in PEERS.
"""

import pathlib

import scenario
from scenario import LAN, WAN
from systems import Bench, System


class Peer(System):
    """A gateway whose binary somebody else built."""

    optional = True

    def __init__(self, bench: Bench, binary: pathlib.Path):
        super().__init__(bench)
        self.binary = binary


class IpsecSecgw(Peer):
    """DPDK's example gateway with the ipsec-mb crypto device (`crypto_aesni_mb`).

    It has no ECMP: a security policy picks the SA by destination, three policies for the three
    tunnels' blocks, which is its cheapest way to use them all.
    """

    name = "ipsec-secgw"
    options = ()

    def command(self, direction, packets):
        config = self.bench.directory / f"{self.name}-{direction.name}.cfg"
        config.write_text(self.config(direction))
        # It asks each port for one tx queue per lcore, and net_pcap has one: so a single lcore.
        lcores = f"0@{self.bench.cpus.worker}"
        return [
            self.binary,
            *self.bench.eal(self.name, direction, packets, lcores), "--vdev", "crypto_aesni_mb",
            "--", "-p", "0x3", "-P", "-u", hex(1 << WAN), "--config", "(0,0,0),(1,0,0)",
            "-s", scenario.BUFFERS, "-f", config, *self.options,
        ]

    def config(self, direction) -> str:
        def key(data: bytes) -> str:
            return data.hex(":")

        suite = (
            f"cipher_algo aes-128-cbc cipher_key {key(scenario.ENCRYPTION_KEY)} "
            f"auth_algo sha1-hmac auth_key {key(scenario.AUTHENTICATION_KEY)} mode ipv4-tunnel"
        )
        ports = "sport 0:65535 dport 0:65535"
        lines = []
        for tunnel in scenario.TUNNELS:
            lines += [
                f"sp ipv4 out esp protect {tunnel.spi_out} pri 1 dst {tunnel.block} {ports}",
                f"sp ipv4 in esp protect {tunnel.spi_in} pri 1 src {tunnel.block} {ports}",
                f"sa out {tunnel.spi_out} {suite} src {tunnel.local} dst {tunnel.remote}",
                f"sa in {tunnel.spi_in} {suite} src {tunnel.remote} dst {tunnel.local}",
                f"rt ipv4 dst {tunnel.remote}/32 port {WAN}",
            ]
        prefix, port = (
            (scenario.far_prefix, WAN) if direction is scenario.OUTBOUND
            else (scenario.near_prefix, LAN))
        lines += [f"rt ipv4 dst {prefix(n)} port {port}" for n in range(scenario.ROUTES)]
        lines += [f"neigh port {port} {scenario.NEXT_MAC[port].hex(':')}" for port in (LAN, WAN)]
        return "\n".join(lines) + "\n"


class IpsecSecgwLib(IpsecSecgw):
    """The same, with its other code path, through librte_ipsec."""

    name = "ipsec-secgw-lib"
    options = ("-l",)


PEERS = {peer.name: peer for peer in (IpsecSecgw, IpsecSecgwLib)}
