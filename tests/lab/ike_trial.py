# SPDX-License-Identifier: BSD-3-Clause
"""What the lab tries on an Espalier that strongSwan drives, and what must come of it."""

import json
import os
import re
import time
from contextlib import contextmanager

import ike_plan
import measure
from measure import socket_bytes, words
from network import internet_counters
from plan import SUITE, address, namespace
from shell import LabError, run, run_in, start_in, wait_for
from strongswan import CHILD, CONNECTION, read
from traffic import iperf, ping

PINGS = 5
IPERF_S = 3
LEAST_MBIT = 5
UDP_MBIT = (80, 40, 20, 10)
# So little in flight mostly fits into the socket buffer of the peer's charon.
TCP_WINDOW = "48K"
REKEY_PINGS, REKEY_INTERVAL_S = 450, 0.02  # 9 s; strongSwan deletes the old inbound SA after 5
LAST_PINGS = 50  # more of them, for whose answers ping may not wait
REKEY_AFTER_S = 1.5
REKEY_LIMIT_S = 15
DOWN_S = 5
EXPECTED_DROPS = {reason: measure.EXPECTED_DROPS[reason] for reason in ("too_big", "icmp_limited")}
WAYS = {"cloud": ("out", "in"), "peer": ("in", "out")}  # sender: way at the cloud, at the peer


class Account:
    """What everybody has counted of the one CHILD_SA that is there, at one moment."""

    def __init__(self, gateway, cloud, peer):
        self.sas = {(int(row["spi"], 16), row["direction"]): row for row in gateway.show("sas")}
        self.cloud, self.peer = only_child(cloud), only_child(peer)
        self.internet = internet_counters()
        self.overrun = overrun(peer.end.node)

    def __eq__(self, other):
        return vars(self) == vars(other)

    def told(self, sender, unit):
        """{who: packets or bytes} of what `sender` sent."""
        here, there = WAYS[sender]
        spi = self.cloud.spi_out if here == "out" else self.cloud.spi_in
        told = {"espalierctl": self.sas[spi, here][unit],
                "its charon": self.cloud.count(here, unit),
                "the peer": self.peer.count(there, unit)}
        if unit == "packets":
            told["the Internet"] = self.internet[f"esp_{sender}"]
        return told


class IkeTrial:
    def __init__(self, gateway, cloud, peer, report, scratch):
        self.gateway, self.cloud, self.peer = gateway, cloud, peer
        self.report, self.scratch = report, scratch
        self.accounts = []  # (before, after) of each trial at a rate at which nothing may get lost

    def run(self):
        for host in ike_plan.HOSTS:  # what an earlier trial taught them
            run_in(host, "ip", "route", "flush", "cache")
        if self.cloud.children():  # somebody's, in a lab that stands
            self.cloud.swanctl("--terminate", "--ike", CONNECTION)
        drops = self.drops()
        self.up()
        self.installed()
        self.pings()
        self.tcp("ecs", "client0")
        self.path_mtu_learned()
        self.tcp("client0", "ecs")
        self.udp("client0", "ecs")
        self.udp("ecs", "client0")
        self.agreement("ping and UDP")
        self.rekey()
        self.pings()
        self.agreement("after the rekeys")
        self.remember()
        self.secrets()
        self.down()
        self.totals(drops)

    # --- trials

    def up(self):
        self.report.progress("IKEv2")
        self.claim("before IKE the tunnel has no SA, its TUN no carrier", self.state(),
                   "no-sa, NO-CARRIER", self.state() == "no-sa, NO-CARRIER")
        began = time.monotonic()
        done = self.cloud.swanctl("--initiate", "--child", CHILD, check=False)
        self.claim("swanctl --initiate by Espalier's charon",
                   f"established in {time.monotonic() - began:.2f} s" if done.returncode == 0
                   else last_line(done), "IKE_SA and CHILD_SA established", done.returncode == 0)
        if done.returncode != 0:
            raise LabError("without SAs there is nothing to try\n" + done.stdout)

    def installed(self):
        """Keys and SPIs went where they should, and in the suites that the tutorial names."""
        self.suite("IKE_SA", self.cloud.ike_words(), ike_plan.IKE_SUITE)
        child = only_child(self.cloud)
        self.suite("CHILD_SA", child.words, ike_plan.ESP_SUITE)
        wait_for("the peer's CHILD_SA", self.peer.children, DOWN_S)
        told = {(int(row["spi"], 16), row["direction"]):
                (row["tunnel"], row["encryption"], row["authentication"])
                for row in self.gateway.show("sas")}
        expected = (ike_plan.TUNNEL.name, SUITE[0], SUITE[2])
        self.claim("espalierctl shows charon's two SAs, under its SPIs",
                   ", ".join(f"{way} {spi:08x}" for spi, way in sorted(told)),
                   f"in {child.spi_in:08x}, out {child.spi_out:08x}, {', '.join(expected)}",
                   told == {(child.spi_in, "in"): expected, (child.spi_out, "out"): expected})
        counted = run_in(ike_plan.GATEWAY, "ip", "xfrm", "state", check=False).stdout
        self.claim("the kernel of its namespace got none", f"{counted.count('proto esp')} SAs",
                   "0 SAs", counted.count("proto esp") == 0)
        self.claim("the tunnel is up, its TUN has carrier", self.state(), "up, UP",
                   self.state() == "up, UP")

    def suite(self, what, told, expected):
        said = {name: told.get(name) for name in expected}
        self.claim(f"{what} of the tutorial's proposal", "/".join(map(str, said.values())),
                   "/".join(expected.values()), said == expected)

    def pings(self):
        self.report.progress("ping, both ways")
        for here, there in (("ecs", "client0"), ("client0", "ecs")):
            with self.account():
                got = ping(here, there, count=PINGS)
            self.claim(f"ping {here} to {there}", f"{got} of {PINGS} answered", "all",
                       got == PINGS)

    def tcp(self, sender, receiver):
        self.report.progress(f"TCP, {sender} to {receiver}")
        before = self.settled()
        end = iperf(self.scratch, receiver, sender, "-R", "-w", TCP_WINDOW, seconds=IPERF_S)
        after = self.settled()
        sent, taken = (moved([(before, after)], way, "packets") for way in WAYS)
        rate = end["sum_received"]["bits_per_second"] / 1e6
        self.throughput(f"TCP {sender} to {receiver}", rate,
                        (sent["espalierctl"] + taken["espalierctl"]) / IPERF_S,
                        f"{end['sum_sent']['retransmits']} retransmits")
        self.claim(f"TCP {sender} to {receiver}", f"{rate:.0f} Mbit/s",
                   f"at least {LEAST_MBIT} Mbit/s", rate >= LEAST_MBIT)
        late = after.overrun - before.overrun
        self.claim("... each packet that Espalier sent got to the peer or overran its socket",
                   f"{sent['the peer']} + {late}", sent["espalierctl"],
                   sent["the peer"] + late == sent["espalierctl"])
        self.claim("... and each that the peer sent got to Espalier", taken["espalierctl"],
                   taken["the peer"], len(set(taken.values())) == 1)

    def path_mtu_learned(self):
        """Espalier knows what UDP encapsulation takes, and tells hosts that believe in 1500."""
        route = run_in("ecs", "ip", "route", "get", address("client0")).stdout
        found = re.search(r"mtu (\d+)", route)
        self.claim("TCP of ecs learned the path MTU, UDP encapsulation included",
                   f"mtu {found[1]}" if found else "nothing learned", f"mtu {ike_plan.TUNNEL_MTU}",
                   found and int(found[1]) == ike_plan.TUNNEL_MTU)

    def udp(self, sender, receiver):
        """At the highest of a few rates at which nothing is lost."""
        for rate in UDP_MBIT:
            self.report.progress(f"UDP at {rate} Mbit/s, {sender} to {receiver}")
            with self.account() as account:
                end = iperf(self.scratch, receiver, sender, "-R", "-u", "-b", f"{rate}M",
                            "-l", "1300", "-w", str(socket_bytes()), seconds=IPERF_S)["sum"]
            before, after = account()
            if not end["lost_packets"] and after.overrun == before.overrun:
                break
            if rate != UDP_MBIT[-1]:
                self.accounts.remove(account())  # no claim rests on it
        self.throughput(f"UDP {sender} to {receiver}", end["bits_per_second"] / 1e6,
                        end["packets"] / IPERF_S, f"{end['lost_packets']} lost")
        self.claim(f"UDP {sender} to {receiver} at {rate} Mbit/s: nothing lost",
                   f"{end['lost_packets']} of {end['packets']} lost",
                   f"0, at {UDP_MBIT[-1]} Mbit/s or more",
                   end["lost_packets"] == 0 and end["packets"] > 0)

    def rekey(self):
        """Make before break, asked for by either side: pings go on all the time, none is missed."""
        self.report.progress("rekeys, under way of pings")
        spis = [self.spis()]
        with self.pinging() as result:
            for charon in (self.cloud, self.peer):
                time.sleep(REKEY_AFTER_S)
                done = charon.swanctl("--rekey", "--child", CHILD, check=False)
                self.claim(f"swanctl --rekey --child at {charon.end.node} while pings go on",
                           "accepted" if done.returncode == 0 else last_line(done), "accepted",
                           done.returncode == 0)
                wait_for("new SPIs", lambda: self.spis() not in [None, *spis], REKEY_LIMIT_S)
                spis.append(self.spis())
        lost = REKEY_PINGS - result()
        self.claim("... not a ping lost", f"{lost} of {REKEY_PINGS} lost", "0 lost", lost == 0)
        self.claim("... new SPIs both ways, each time",
                   " to ".join(f"{inward:08x}/{outward:08x}" for inward, outward in spis),
                   "all different", len({spi for pair in spis for spi in pair}) == 2 * len(spis))
        wait_for("the old SAs to go", lambda: len(self.gateway.show("sas")) == 2, REKEY_LIMIT_S)
        shown = {int(row["spi"], 16) for row in self.gateway.show("sas")}
        other = only_child(self.peer)
        self.claim("... the old SAs gone from Espalier and the peer",
                   " / ".join(f"{spi:08x}" for spi in sorted(shown)),
                   " / ".join(f"{spi:08x}" for spi in sorted(spis[-1])),
                   shown == set(spis[-1]) == {other.spi_in, other.spi_out})
        group = only_child(self.cloud).words.get("dh-group", "none")
        self.claim("... with a fresh Diffie-Hellman exchange (PFS)", group, "MODP_2048",
                   group == "MODP_2048")

    def down(self):
        self.report.progress("down")
        done = self.cloud.swanctl("--terminate", "--ike", CONNECTION, check=False)
        self.claim("swanctl --terminate", "done" if done.returncode == 0 else last_line(done),
                   "done", done.returncode == 0)
        wait_for("the SAs to go", lambda: not self.gateway.show("sas") and not self.peer.children(),
                 DOWN_S)
        left = len(self.gateway.show("sas")), len(self.cloud.children()), len(self.peer.children())
        self.claim("no SA is left at Espalier, its charon, the peer", " / ".join(map(str, left)),
                   "0 / 0 / 0", not any(left))
        self.claim("the tunnel has no SA, its TUN no carrier", self.state(), "no-sa, NO-CARRIER",
                   self.state() == "no-sa, NO-CARRIER")

    def remember(self):
        """For the JSON document: Espalier and its charon, in their own words."""
        said = {subject: self.gateway.show(subject)
                for subject in ("version", "tunnels", "sas", "neighbors", "ports", "workers")}
        said["swanctl --list-sas"] = self.cloud.swanctl("--list-sas").stdout.splitlines()
        self.report.gateways["cloud with strongSwan"] = said

    def secrets(self):
        """Only root, over the read-write socket, may read keys: as of the kernel."""
        carried = run(*self.cloud.carrier, "/usr/sbin/ip", "xfrm", "state").stdout
        keys = re.findall(r"(?:auth-trunc|auth|enc) \S+ 0x([0-9a-f]+)", carried)
        shown = [self.gateway.ctl("-j", "show", what).stdout for what in ("sas", "tunnels")]
        said = "".join((self.gateway.log_text(), self.cloud.log_text(), *shown)).lower()
        told = [key for key in (*keys, ike_plan.PSK.lower()) if key in said]
        self.claim("no log and no espalierctl tells a key or the secret",
                   f"{len(told)} of {len(keys) + 1} told", "0 of 5",
                   not told and len(keys) == 4)

    def totals(self, before):
        dropped = {reason: packets - before[reason] for reason, packets in self.drops().items()
                   if packets != before[reason]}
        self.report.section.drops += [{"gateway": self.gateway.name, "reason": reason,
                                       "packets": packets, "expected": EXPECTED_DROPS.get(reason)}
                                      for reason, packets in dropped.items()]
        surprises = {reason: packets for reason, packets in dropped.items()
                     if reason not in EXPECTED_DROPS}
        self.claim("Espalier dropped nothing without need", words(surprises) or "nothing",
                   "only " + ", ".join(EXPECTED_DROPS), not surprises)
        seen = internet_counters()
        self.claim("the Internet saw IKE and ESP in UDP between the two ends, and nothing else",
                   f"{seen['other']} other packets", "0", seen["other"] == 0)

    def agreement(self, when):
        """Espalier, its charon, the peer and, in packets, the Internet count alike."""
        for sender, title in (("cloud", "Espalier"), ("peer", "the peer")):
            for unit in ("packets", "bytes"):
                counts = moved(self.accounts, sender, unit)
                alike = len(set(counts.values())) == 1
                self.claim(f"{when}: {unit} from {title}, as all count them",
                           f"{counts['espalierctl']}: {', '.join(counts)}" if alike
                           else words(counts), "all alike, more than 0",
                           alike and counts["espalierctl"] > 0)
        self.accounts.clear()

    # --- tools

    def claim(self, *arguments):
        self.report.claim(*arguments)

    def throughput(self, what, mbit, packets, note):
        self.report.section.throughput.append({"what": what, "mbit_per_s": round(mbit, 1),
                                               "packets_per_s": round(packets), "note": note})

    def drops(self):
        return {row["reason"]: row["packets"] for row in self.gateway.show("drops")}

    def state(self):
        """The tunnel's state, and what the kernel thinks of its TUN."""
        name = ike_plan.TUNNEL.name
        state = next(row["state"] for row in self.gateway.show("tunnels") if row["name"] == name)
        listed = json.loads(run("ip", "-n", namespace(ike_plan.GATEWAY), "-j", "link", "show",
                                "dev", ike_plan.TUN).stdout)[0]["flags"]
        return f"{state}, {'NO-CARRIER' if 'NO-CARRIER' in listed else 'UP'}"

    def settled(self):
        """An account at rest: two in a row that are alike."""
        last = Account(self.gateway, self.cloud, self.peer)
        for _ in range(40):
            time.sleep(0.1)
            now = Account(self.gateway, self.cloud, self.peer)
            if now == last:
                return now
            last = now
        raise LabError("the counters do not come to rest, though nobody sends")

    @contextmanager
    def account(self):
        """Puts accounts around a trial; yields a function that, afterwards, returns both."""
        before, taken = self.settled(), []
        yield lambda: taken[0]
        taken.append((before, self.settled()))
        self.accounts.append(taken[0])

    def spis(self):
        """In and out, of the newest CHILD_SA; None while that is not yet to be said."""
        children = self.cloud.children()
        return (children[0].spi_in, children[0].spi_out) if len(children) == 1 else None

    @contextmanager
    def pinging(self):
        """Pings from the ECS during the block and beyond; yields a function that, afterwards, says
        how many of the first REKEY_PINGS were answered."""
        log, found = f"{self.scratch}/rekey-ping.log", []
        if os.path.exists(log):
            os.unlink(log)  # of an earlier report on the same lab
        process = start_in("ecs", "ping", "-n", "-c", str(REKEY_PINGS + LAST_PINGS),
                           "-i", str(REKEY_INTERVAL_S), address("client0"), log=log)
        try:
            yield lambda: found[0]
            wait_for("the pings", lambda: process.poll() is not None, 2 * REKEY_LIMIT_S)
        finally:
            process.kill()
        answered = set(map(int, re.findall(r"icmp_seq=(\d+) ttl=", read(log))))
        found.append(len(answered & set(range(1, REKEY_PINGS + 1))))


def moved(accounts, sender, unit):
    """{who: packets or bytes} of what `sender` sent between the accounts of all pairs."""
    total = {}
    for before, after in accounts:
        first, last = before.told(sender, unit), after.told(sender, unit)
        for who, count in last.items():
            total[who] = total.get(who, 0) + count - first[who]
    return total


def overrun(node):
    """Datagrams that found the buffer of their socket full, in that node so far."""
    names, values = (line.split() for line in run_in(node, "cat", "/proc/net/snmp").stdout
                     .splitlines() if line.startswith("Udp: "))
    return int(values[names.index("RcvbufErrors")])


def only_child(charon):
    children = charon.children()
    if len(children) != 1:
        raise LabError(f"{charon.end.node} has {len(children)} CHILD_SAs instead of one")
    return children[0]


def last_line(done):
    return ((done.stdout + done.stderr).strip().splitlines() or ["it said nothing"])[-1]
