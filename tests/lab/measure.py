# SPDX-License-Identifier: BSD-3-Clause
"""What the lab tries on two running gateways, and what must come of it."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import narrow
from counters import Phase, settled
from plan import CLIENTS, GATEWAYS, SERVERS, TUNNELS, TUNNEL_MTU, address, bare, host_link, peer
from shell import run_in
from traffic import echo_servers, iperf, ping, ping_words, plan_flows, read, talk

PINGS = 5
ICMP_HEADERS = 28
STREAMS = 6
BULK_S = 4
BULK_MBIT = 5      # data flows, it did not stall; how fast is for the reader to judge
BULK_LOSS = 0.001  # of the packets of a TCP run at full speed
UDP_S = 4
UDP_MBIT = (160, 80, 40, 20)
LEAST_MBIT = UDP_MBIT[-1]
SHARE_POINTS = 10  # 300 flows over three tunnels: the standard deviation is 2.7 points
EXPECTED_DROPS = {
    "too_big": "path MTU discovery",
    "icmp_limited": "path MTU discovery at full speed",
    "ttl_expired": "the ping with TTL 1",
}


class Trial:
    def __init__(self, gateways, report, scratch):
        self.gateways = {gateway.name: gateway for gateway in gateways}
        self.report = report
        self.scratch = scratch
        self.phases = []

    def run(self):
        for host in SERVERS + CLIENTS:  # what an earlier trial taught them
            run_in(host, "ip", "route", "flush", "cache")
        before = self.settled()
        self.pings()
        self.time_to_live()
        self.path_mtu()
        self.bulk("client0", "ecs")
        self.bulk("ecs", "client2")
        self.path_mtu_learned("client0", "ecs")
        self.path_mtu_learned("ecs", "client2")
        self.flows()
        self.steady("client1", "ecs2")
        self.steady("ecs2", "client1")
        self.totals(Phase("all", before, self.settled()))
        narrow.run(self.gateways, self.report)

    # --- trials

    def pings(self):
        self.report.progress("ping, from each host behind one gateway to each behind the other")
        pairs = [pair for server in SERVERS for client in CLIENTS
                 for pair in ((server, client), (client, server))]
        with self.phase("ping"), ThreadPoolExecutor(len(pairs)) as pool:
            answers = dict(zip(pairs, pool.map(lambda pair: ping(*pair, count=PINGS), pairs)))
        for server in SERVERS:
            for way, place in (("to clients", 0), ("from clients", 1)):
                got = [answer for pair, answer in answers.items() if pair[place] == server]
                sent = PINGS * len(got)
                self.claim(f"ping {server} {way} in all three prefixes",
                           f"{sum(got)} of {sent} answered", "all", sum(got) == sent)

    def time_to_live(self):
        self.report.progress("a ping with TTL 1")
        with self.phase("ttl") as phase:
            said = ping_words("ecs", "client1", "-c", "1", "-t", "1")
        found = re.search(r"From (\S+) .*Time to live exceeded", said)
        near = bare(host_link("ecs").gateway_addresses[0])
        self.claim("TTL 1 ends at the gateway, which says so",
                   f"time exceeded from {found[1]}" if found else "no answer", f"from {near}",
                   found and found[1] == near)
        dropped = phase().dropped()
        self.claim("... and drops that one packet under its name",
                   words({reason: packets for (_, reason), packets in dropped.items()}),
                   "ttl_expired 1", dropped == {("cloud", "ttl_expired"): 1})

    def path_mtu(self):
        """With DF the largest packet passes and the next one is answered; without, all pass."""
        self.report.progress("path MTU")
        largest = TUNNEL_MTU - ICMP_HEADERS
        with self.phase("path MTU"):
            fits = ping("ecs2", "client2", "-M", "do", "-s", str(largest), count=3)
            said = ping_words("ecs2", "client2", "-c", "1", "-M", "do", "-s", str(largest + 1))
            large = ping("client1", "ecs", "-M", "dont", "-s", "4000", count=3)
        found = re.search(r"mtu ?= ?(\d+)", said)
        self.claim(f"with DF {TUNNEL_MTU} bytes pass", f"{fits} of 3 answered", "3", fits == 3)
        self.claim(f"with DF {TUNNEL_MTU + 1} bytes are refused in words",
                   f"fragmentation needed, mtu {found[1]}" if found else "no answer",
                   f"mtu {TUNNEL_MTU}", found and int(found[1]) == TUNNEL_MTU)
        self.claim("without DF 4028 bytes pass in fragments", f"{large} of 3 answered", "3",
                   large == 3)

    def bulk(self, sender, receiver):
        """TCP as fast as it goes, from hosts that believe in 1500 bytes."""
        self.report.progress(f"TCP at full speed, {sender} to {receiver}")
        with self.cpu_use() as cpu, self.phase("bulk", lossless=False) as phase:
            end = self.iperf(sender, receiver, seconds=BULK_S)
        rate = end["sum_received"]["bits_per_second"] / 1e6
        lost, sent = phase().lost(), phase().sent(*GATEWAYS)
        self.throughput(f"TCP {sender} to {receiver}, {STREAMS} streams", rate, sent / BULK_S,
                        f"{end['sum_sent']['retransmits']} retransmits, {cpu()}")
        self.claim(f"TCP {sender} to {receiver} from 1500-byte hosts", f"{rate:.0f} Mbit/s",
                   f"at least {BULK_MBIT} Mbit/s", rate >= BULK_MBIT)
        self.claim("... hardly a packet lost between the gateways", f"{lost} of {sent}",
                   f"at most {BULK_LOSS:.1%}", lost <= sent * BULK_LOSS)

    def path_mtu_learned(self, here, there):
        route = run_in(here, "ip", "route", "get", address(there)).stdout
        found = re.search(r"mtu (\d+)", route)
        self.claim(f"TCP of {here} learned the path MTU",
                   f"mtu {found[1]}" if found else "nothing learned", f"mtu {TUNNEL_MTU}",
                   found and int(found[1]) == TUNNEL_MTU)

    def flows(self):
        plan = {protocol: plan_flows(protocol) for protocol in ("tcp", "udp")}
        count = sum(map(len, plan.values()))
        self.report.progress(f"{count} flows from three clients, each byte compared")
        outcomes, phases = {}, {}
        with echo_servers(self.scratch):
            for protocol, flows in plan.items():
                with self.phase(protocol) as phase:
                    outcomes[protocol] = talk(flows)
                phases[protocol] = phase()
        complete = sum(found.get("complete", 0) for found in outcomes.values())
        self.claim(f"{count} flows, half TCP and half UDP, each byte compared",
                   "; ".join(f"{protocol} {words(found)}" for protocol, found in outcomes.items()),
                   f"complete {count}", complete == count)
        self.shares(list(phases.values()), count)
        self.foretold(plan["udp"], phases["udp"])

    def shares(self, phases, count):
        for gateway in GATEWAYS:
            packets = [sum(phase.moved(gateway, tunnel, "tx") for phase in phases)
                       for tunnel in TUNNELS]
            percents = [100 * number / max(1, sum(packets)) for number in packets]
            for tunnel, number, percent in zip(TUNNELS, packets, percents):
                self.report.section.shares.append({"gateway": gateway, "tunnel": tunnel.name,
                                                   "packets": number, "percent": round(percent, 1)})
            self.claim(f"{count} flows over three tunnels, as {gateway} sends them",
                       " / ".join(f"{percent:.1f}" for percent in percents) + " %",
                       f"each 33.3 % +- {SHARE_POINTS} points",
                       all(abs(percent - 100 / 3) <= SHARE_POINTS for percent in percents))

    def foretold(self, flows, phase):
        """`espalierctl explain` names the tunnel of each flow; the counters must agree exactly."""
        self.report.progress("espalierctl explain, flow by flow, against the counters")
        for name, gateway in self.gateways.items():
            asked = flows if name == "onprem" else [flow.reversed() for flow in flows]
            with ThreadPoolExecutor(4) as pool:
                tunnels = [answer.get("tunnel") for answer in pool.map(gateway.explain, asked)]
            told = [tunnels.count(tunnel.name) for tunnel in TUNNELS]
            each = phase.sent(name) / len(flows) or 1
            seen = [phase.moved(name, tunnel, "tx") / each for tunnel in TUNNELS]
            self.claim(f"explain foretells the tunnel of {name}'s UDP flows",
                       " / ".join(f"{number:g}" for number in seen) + " flows",
                       " / ".join(map(str, told)), seen == told)

    def steady(self, sender, receiver):
        """UDP at the highest of a few rates at which nothing at all is lost."""
        for rate in UDP_MBIT:
            self.report.progress(f"UDP at {rate} Mbit/s, {sender} to {receiver}")
            with self.cpu_use() as cpu, self.phase(f"UDP from {sender}") as phase:
                end = self.iperf(sender, receiver, "-u", "-b", f"{rate * 1000 // STREAMS}K",
                                 "-l", "1400", "-w", str(socket_bytes()), seconds=UDP_S)["sum"]
            # iperf3 counts gaps, and so misses a lost end; the counters do not.
            lost = max(end["lost_packets"], phase().lost(), phase().overrun())
            if not lost:
                break
            self.report.progress(f"{lost} lost: more than this machine sustains")
            if rate != LEAST_MBIT:
                self.phases.remove(phase())  # no claim rests on it
        self.throughput(f"UDP {sender} to {receiver}, {STREAMS} streams",
                        end["bits_per_second"] / 1e6, end["packets"] / UDP_S,
                        f"{lost} lost, {cpu()}")
        self.claim(f"UDP {sender} to {receiver} at {rate} Mbit/s: nothing lost",
                   f"{lost} of {end['packets']} lost", f"0, at {LEAST_MBIT} Mbit/s or more",
                   lost == 0 and end["packets"] > 0)

    def totals(self, whole):
        """What must be true of all trials together."""
        self.report.progress("counters of both gateways and of the Internet")
        for gateway in GATEWAYS:
            self.agreement(gateway)
        for gateway in GATEWAYS:
            self.wire(whole, gateway)
        other = whole.internet("other")
        self.claim("the Internet saw nothing but ESP between the tunnels' ends",
                   f"{other} other packets", "0", other == 0)
        self.drops(whole)
        for name, gateway in self.gateways.items():
            self.report.gateways[name] = {subject: gateway.show(subject) for subject in
                                          ("version", "tunnels", "sas", "ports", "workers")}
            said = json.dumps(self.report.gateways[name]) + gateway.log_text()
            told = [key for key in gateway.configured_keys() if key in said]
            self.claim(f"{name} tells no key, in its log or to espalierctl", f"{len(told)} told",
                       "0 told", not told)

    # --- claims about counters

    def agreement(self, sender):
        """But for the runs at full speed, each packet and byte sent is one received."""
        phases = [phase for phase in self.phases if phase.lossless]

        def total(gateway, way, unit):
            return [sum(phase.moved(gateway, tunnel, way, unit) for phase in phases)
                    for tunnel in TUNNELS]

        sent, taken = total(sender, "tx", "packets"), total(peer(sender), "rx", "packets")
        alike = sent == taken and total(sender, "tx", "bytes") == total(peer(sender), "rx", "bytes")
        lossy = ", ".join(sorted({phase.name for phase in phases if phase.lost()}))
        self.claim(f"what {sender} sent into each tunnel is what {peer(sender)} took out",
                   " / ".join(map(str, taken)) + " packets" + (lossy and f"; lost in: {lossy}"),
                   " / ".join(map(str, sent)) + ", and the bytes", alike and all(sent))

    def wire(self, whole, sender):
        """The stranger on the way counts ESP packets, one for each that a tunnel sent."""
        sent = [whole.moved(sender, tunnel, "tx") for tunnel in TUNNELS]
        seen = [whole.on_the_wire(sender, tunnel) for tunnel in TUNNELS]
        self.claim(f"the Internet saw one ESP packet for each that {sender} sent",
                   " / ".join(map(str, seen)), " / ".join(map(str, sent)), seen == sent)

    def drops(self, whole):
        dropped = whole.dropped()
        self.report.section.drops += [{"gateway": gateway, "reason": reason, "packets": packets,
                                       "expected": EXPECTED_DROPS.get(reason)}
                                      for (gateway, reason), packets in dropped.items()]
        for gateway in GATEWAYS:
            surprises = {reason: packets for (where, reason), packets in dropped.items()
                         if where == gateway and reason not in EXPECTED_DROPS}
            self.claim(f"{gateway} dropped nothing without need", words(surprises) or "nothing",
                       "only " + ", ".join(EXPECTED_DROPS), not surprises)
        late = sum(packets for phase in self.phases if phase.name.startswith("UDP")
                   for packets in phase.dropped().values())
        self.claim("at a sustained rate neither dropped a packet, of any name", f"{late} dropped",
                   "0", late == 0)

    # --- tools

    def claim(self, *arguments):
        self.report.claim(*arguments)

    def settled(self):
        return settled(self.gateways.values())

    @contextmanager
    def phase(self, name, lossless=True):
        """Puts snapshots around a trial; yields a function that, afterwards, returns the Phase."""
        before, taken = self.settled(), []
        yield lambda: taken[0]
        taken.append(Phase(name, before, self.settled(), lossless))
        self.phases.append(taken[0])

    @contextmanager
    def cpu_use(self):
        """Yields a function that says, afterwards, what part of a CPU each gateway took."""
        def used():
            return {name: gateway.cpu_seconds() for name, gateway in self.gateways.items()}

        first, began, parts = used(), time.monotonic(), {}
        yield lambda: "CPU " + ", ".join(f"{name} {part:.0%}" for name, part in parts.items())
        spent = time.monotonic() - began
        parts.update({name: (now - first[name]) / spent for name, now in used().items()})

    def iperf(self, sender, receiver, *options, seconds):
        """Servers listen on the cloud's side, as in the scenario; they also send where asked to."""
        if sender in CLIENTS:
            client, server, way = sender, receiver, ()
        else:
            client, server, way = receiver, sender, ("-R",)
        return iperf(self.scratch, client, server, "-P", str(STREAMS), *way, *options,
                     seconds=seconds)

    def throughput(self, what, mbit, packets, note):
        self.report.section.throughput.append({"what": what, "mbit_per_s": round(mbit, 1),
                                               "packets_per_s": round(packets), "note": note})


def socket_bytes():
    """The largest buffer that a socket may ask for here, up to a megabyte."""
    return min(2 ** 20, *(int(read(f"/proc/sys/net/core/{way}mem_max")) for way in "rw"))


def words(numbers):
    """{"a": 1, "b": 2} -> "a 1, b 2" """
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
