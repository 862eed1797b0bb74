# SPDX-License-Identifier: BSD-3-Clause
"""Other gateways to compare with: built elsewhere, given by path, configured here.

A new peer is a class and a row in PEERS.
"""

import pathlib

import prefixes
import scenario
from scenario import CBC_SHA1, LAN, OUTBOUND, WAN, Task
from systems import Bench, System


class Peer(System):
    """A gateway whose binary somebody else built."""

    optional = True
    memory_mb = 768

    def __init__(self, bench: Bench, name: str, task: Task, binary: pathlib.Path):
        super().__init__(bench, name, task)
        self.binary = binary


class IpsecSecgw(Peer):
    """DPDK's example gateway with the ipsec-mb crypto device (`crypto_aesni_mb`).

    It has no ECMP: a security policy picks the SA by destination, three policies for the three
    tunnels' blocks, which is its cheapest way to use them all.
    """

    options = ()

    def lcores(self):
        # It asks each port for one tx queue per lcore, and net_pcap has one: so a single lcore.
        return f"0@{self.bench.cpus.worker}"

    def command(self):
        config = self.bench.directory / f"{self.name}.cfg"
        config.write_text(self.config())
        return [
            self.binary, *self.eal(), "--vdev", "crypto_aesni_mb",
            "--", "-p", "0x3", "-P", "-u", hex(1 << WAN), "--config", "(0,0,0),(1,0,0)",
            "-s", self.buffers, "-f", config, *self.options,
        ]

    def config(self) -> str:
        def key(data: bytes) -> str:
            return data.hex(":")

        suite = (
            f"cipher_algo aes-128-cbc cipher_key {key(CBC_SHA1.encryption_key)} "
            f"auth_algo sha1-hmac auth_key {key(CBC_SHA1.authentication_key)} mode ipv4-tunnel"
        )
        ports = "sport 0:65535 dport 0:65535"
        lines = []
        for tunnel, block in zip(self.task.tunnels, prefixes.BLOCKS):
            lines += [
                f"sp ipv4 out esp protect {tunnel.spi_out} pri 1 dst {block} {ports}",
                f"sp ipv4 in esp protect {tunnel.spi_in} pri 1 src {block} {ports}",
                f"sa out {tunnel.spi_out} {suite} src {tunnel.local} dst {tunnel.remote}",
                f"sa in {tunnel.spi_in} {suite} src {tunnel.remote} dst {tunnel.local}",
                f"rt ipv4 dst {tunnel.remote}/32 port {WAN}",
            ]
        to, port = (
            (self.task.far_prefixes(), WAN) if self.task.direction is OUTBOUND
            else (self.task.near_prefixes(), LAN))
        lines += [f"rt ipv4 dst {prefix} port {port}" for prefix in to]
        lines += [f"neigh port {port} {scenario.NEXT_MAC[port].hex(':')}" for port in (LAN, WAN)]
        return "\n".join(lines) + "\n"


class IpsecSecgwLib(IpsecSecgw):
    """The same, with its other code path, through librte_ipsec."""

    options = ("-l",)


PEERS = {"ipsec-secgw": IpsecSecgw, "ipsec-secgw-lib": IpsecSecgwLib}
