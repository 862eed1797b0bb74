# SPDX-License-Identifier: BSD-3-Clause
"""The second scene: raising an Espalier that strongSwan drives, and an independent strongSwan."""

import ike_plan
import network
from gateway import Gateway
from ike_trial import IkeTrial
from plan import bare, namespace
from shell import run, run_in
from stage import Stage
from strongswan import CHILD, Charon, End


class IkeGateway(Gateway):
    """Espalier with kernel interfaces: no neighbors and no keys in its file."""

    def __init__(self, build):
        super().__init__(ike_plan.GATEWAY, build, node=ike_plan.WIRES, links=ike_plan.LINKS)

    def options(self):
        return []

    def settings(self):
        return super().settings() | {"kernel_netns": namespace(ike_plan.GATEWAY)}

    def tunnels(self):
        tunnel = ike_plan.TUNNEL
        yield dict(name=tunnel.name, if_id=tunnel.number, local=tunnel.cloud, remote=tunnel.onprem,
                   addresses=[tunnel.inside_end(self.name)], interface=ike_plan.TUN)

    def routes(self):
        yield dict(prefix=ike_plan.PEER_PREFIX, nexthops=[dict(tunnel=ike_plan.TUNNEL.name)])
        wan = self.wan()
        yield dict(prefix="0.0.0.0/0",
                   nexthops=[dict(port=wan.port, gateway=bare(wan.node_addresses[0]))])

    def neighbors(self):
        return ()

    def associations(self, _):
        return ()


class IkeScene(Stage):
    name = "ike"
    title = "Espalier with strongSwan against an independent strongSwan, IKEv2"
    drawing = ike_plan.DRAWING

    def __init__(self, options, report):
        build = options.build
        super().__init__([IkeGateway(build)], report)
        gateway, tunnel = self.gateways[0], ike_plan.TUNNEL
        self.cloud = Charon(
            End(ike_plan.GATEWAY, "kernel-netlink", "no", tunnel.cloud, tunnel.onprem,
                ike_plan.CLOUD_PREFIX, ike_plan.PEER_PREFIX,
                f"if_id_in = {tunnel.number}\n        if_id_out = {tunnel.number}"),
            (f"{build}/app/espalier-run/espalier-run", "-s", gateway.socket))
        self.peer = Charon(
            End(ike_plan.PEER, "kernel-libipsec kernel-netlink", "yes", tunnel.onprem, tunnel.cloud,
                ike_plan.PEER_PREFIX, ike_plan.CLOUD_PREFIX))

    def raise_up(self):
        self.report.progress("namespaces and cables")
        self.sweep()
        self.create_network()
        self.write_configs(None)
        for charon in (self.cloud, self.peer):
            charon.write_config()
        self.report.progress("Espalier, and two strongSwans")
        gateway = self.gateways[0]
        gateway.start()
        gateway.wait_ready()
        default_route(ike_plan.GATEWAY, *ike_plan.CLOUD_DEFAULT_ROUTE)
        for charon in (self.cloud, self.peer):
            charon.start()
        for charon in (self.cloud, self.peer):
            charon.wait_ready()

    def create_network(self):
        network.create_nodes(ike_plan.NODES)
        for link in ike_plan.LINKS:
            network.connect(link)
        for near, far in ike_plan.CABLES:
            network.join(near, far)
        for node, way in ike_plan.DEFAULT_ROUTES.items():
            default_route(node, *way)
        for node in ("internet", ike_plan.PEER):
            network.sysctl(node, "net.ipv4.ip_forward=1")
        for host in ike_plan.HOSTS:
            network.sysctl(host, *network.HOST_SYSCTLS)
        run_in("internet", "nft", "-f", "-", stdin=internet_rules())
        run_in(ike_plan.WIRES, "nft", "-f", "-", stdin=network.patch_rules(ike_plan.LINKS))

    def hints(self):
        return super().hints() + [
            f"{charon.end.node:8} {' '.join(charon.swanctl_command(*words))}"
            for charon, words in ((self.cloud, ("--initiate", "--child", CHILD)),
                                  (self.peer, ("--list-sas",)))]

    def measure(self, scratch):
        IkeTrial(self.gateways[0], self.cloud, self.peer, self.report, scratch).run()

    def stop_daemons(self):
        """Charon goes first, as one would do it."""
        for charon in (self.cloud, self.peer):
            status = charon.stop()
            if status is not None:
                self.report.claim(f"charon of {charon.end.node} stops cleanly",
                                  f"exit status {status}", "exit status 0", status == 0)

    def logs(self):
        return super().logs() | {f"charon of {charon.end.node}": charon.log_text()
                                 for charon in (self.cloud, self.peer)}


def default_route(node, gateway, interface):
    run("ip", "-n", namespace(node), "route", "add", "default", "via", gateway, "dev", interface)


def internet_rules():
    """The Internet counts IKE, ESP in UDP, keepalives, and what it should never see. All of it is
    UDP between the two ends: kernel-libipsec knows no other ESP. On port 4500 IKE begins with four
    zero bytes where ESP has its SPI (RFC 3948 section 2), and a keepalive is one byte long."""
    counters, rules = ["counter other { }"], []
    for sender, source, target in (
            ("cloud", ike_plan.TUNNEL.cloud, ike_plan.TUNNEL.onprem),
            ("peer", ike_plan.TUNNEL.onprem, ike_plan.TUNNEL.cloud)):
        flow = f"ip saddr {source} ip daddr {target} udp"
        for name, match in (("ike", "dport 500"), ("keepalive", "dport 4500 udp length 9"),
                            ("ike", "dport 4500 @th,64,32 0"), ("esp", "dport 4500")):
            rules.append(f"{flow} {match} counter name {name}_{sender} accept")
        counters += [f"counter {name}_{sender} {{ }}" for name in ("ike", "keepalive", "esp")]
    return f"""table ip espalier {{
    {chr(10).join(counters)}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        {chr(10).join(rules)}
        counter name other drop
    }}
    chain input {{
        type filter hook input priority 0; policy drop;
        counter name other drop
    }}
}}
"""
