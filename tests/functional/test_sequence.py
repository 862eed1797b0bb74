# SPDX-License-Identifier: BSD-3-Clause
"""What an outbound SA may never do twice: sequence numbers and IVs; and when it must stop."""
import random
import time

import pytest

import wire
from topology import HOST, Topology

PACKETS = 1 << 16


def frames_to(tunnel, count, size=60):
    """As many flows as packets, so that both workers get their part."""
    return [wire.ether(wire.udp_packet(HOST, tunnel.peer_host, bytes(size - 28), sport=n % 65521))
            for n in range(count)]


def frames_from(tunnel, count, size=60, first=1):
    inner = wire.udp_packet(tunnel.peer_host, HOST, bytes(size - 28))
    return [wire.ether(tunnel.into.seal(inner, first + n)) for n in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_sequence_numbers_and_ivs_never_repeat(run, workers):
    """RFC 3602 wants IVs that nobody can predict, SP 800-38A wants them distinct."""
    topology = Topology()
    outcome = run(topology, lan=frames_to(topology[1], PACKETS), workers=workers)
    assert outcome.drops == {}
    sa = topology[1].out
    assert all(outcome.queues["wan0"]), "both workers sent some"
    assert sorted(map(sa.sequence_of, outcome.wan)) == list(range(1, PACKETS + 1))
    ivs = {sa.iv_of(packet) for packet in outcome.wan}
    assert len(ivs) == PACKETS
    for column in range(16):
        assert len({iv[column] for iv in ivs}) == 256, "a byte that hardly varies"
    for column in range(0, 16, 4):
        assert len({iv[column:column + 4] for iv in ivs}) > PACKETS * 0.999
    for packet in random.Random(6).sample(outcome.wan, 500):
        sa.open(packet, sa.sequence_of(packet))
    assert outcome.sa(sa)["sequence"] == PACKETS


@pytest.mark.parametrize("suite", [("aes128-gcm", None), ("chacha20-poly1305", None)],
                         ids=lambda suite: suite[0])
def test_aead_nonces_never_repeat(run, suite):
    """One repeated nonce gives the key of GCM's authentication away; a restart must not do it."""
    topology = Topology([suite])
    frames, sa = frames_to(topology[1], 5000), topology[1].out
    runs = [run(topology, lan=frames, workers=2).wan for _ in range(2)]
    assert len({sa.iv_of(packet) for packets in runs for packet in packets}) == 10_000


def test_cbc_ivs_differ_after_a_restart(run):
    topology = Topology()
    frames = frames_to(topology[1], 100)
    runs = [run(topology, lan=frames).wan for _ in range(2)]
    assert len({topology[1].out.iv_of(packet) for packets in runs for packet in packets}) == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_stops_before_the_counter_wraps(run, workers):
    """RFC 4303 3.3.3: 2^32 - 1 is the last number. The SA's neighbours carry on."""
    left = 1000
    topology = Topology(sequence=(1 << 32) - 1 - left)
    frames = frames_to(topology[1], 5000)
    outcome = run(topology, lan=frames, workers=workers)
    sa = topology[1].out
    assert sorted(map(sa.sequence_of, outcome.wan)) == list(range((1 << 32) - left, 1 << 32))
    assert outcome.drops.pop("sequence_exhausted") > 0
    # By what it is told first: that the SA ran out, or that its tunnel has none.
    assert set(outcome.drops) <= {"sa_expired", "no_sa"}
    assert outcome.sa(sa)["sequence"] == (1 << 32) - 1
    assert outcome.sa(sa)["packets"] == left


def test_exhausted_tunnel_leaves_its_group(start):
    """Once its SA is used up, the flows go on over the other tunnels."""
    topology = Topology(sequence=(1 << 32) - 1 - 10)
    gateway = start(topology, lan="live")
    gateway.feed("lan0", frames_to(topology[1], 50))
    time.sleep(0.5)
    flows = [wire.ether(wire.udp_packet(HOST, "192.168.0.1", sport=1000 + n)) for n in range(12)]
    gateway.feed("lan0", flows)
    outcome = gateway.stop()
    used = [topology.of(packet) for packet in outcome.wan[10:]]
    assert len(used) == len(flows) and set(used) == {topology[2], topology[3]}


@pytest.mark.parametrize("workers", [1, 2])
def test_outbound_lifetime_in_packets(run, workers):
    topology = Topology(lifetime_packets=700)
    outcome = run(topology, lan=frames_to(topology[1], 3000), workers=workers)
    assert len(outcome.wan) == 700
    assert outcome.drops.pop("sa_expired") > 0 and set(outcome.drops) <= {"no_sa"}
    assert outcome.sa(topology[1].out)["packets"] == 700


def test_outbound_lifetime_in_bytes(run):
    """Inner bytes. The packet that reaches the limit is the last one, as in Linux."""
    topology = Topology(lifetime_bytes=100_000)
    outcome = run(topology, lan=frames_to(topology[1], 3000, size=300))
    assert len(outcome.wan) == 334
    assert outcome.drops.pop("sa_expired") > 0 and set(outcome.drops) <= {"no_sa"}
    assert outcome.sa(topology[1].out)["bytes"] == 334 * 300


def test_outbound_lifetime_in_packets_pays_for_no_more(run):
    """A limit of bytes besides, which is far, takes what it is owed and not more."""
    topology = Topology(lifetime_packets=10, lifetime_bytes=10**9)
    outcome = run(topology, lan=frames_to(topology[1], 100, size=100))
    sa = outcome.sa(topology[1].out)
    assert (len(outcome.wan), sa["packets"], sa["bytes"]) == (10, 10, 1000)


@pytest.mark.parametrize("limit", [{"lifetime_packets": 100}, {"lifetime_bytes": 100 * 60}],
                         ids=["packets", "bytes"])
def test_inbound_lifetime(run, limit):
    topology = Topology(**limit)
    outcome = run(topology, wan=frames_from(topology[1], 1000))
    assert len(outcome.lan) == 100
    assert outcome.drops.pop("sa_expired") > 0 and set(outcome.drops) <= {"unknown_spi"}
    assert outcome.sa(topology[1].into)["packets"] == 100


def test_lifetime_in_seconds(start):
    """Both directions work within it and are shut after it."""
    topology = Topology(lifetime_seconds=2)
    gateway = start(topology, lan="live", wan="live")
    started = time.monotonic()
    gateway.feed("lan0", frames_to(topology[1], 10))
    gateway.feed("wan0", frames_from(topology[1], 10))
    assert time.monotonic() - started < 1.5, "too slow to tell"
    time.sleep(2.5)
    gateway.feed("lan0", frames_to(topology[1], 10))
    gateway.feed("wan0", frames_from(topology[1], 10, first=100))
    assert {row["state"] for row in gateway.show("tunnels")} == {"no-sa"}
    outcome = gateway.stop()
    assert (len(outcome.wan), len(outcome.lan)) == (10, 10)
    outcome.drops.pop("not_ip")
    assert sum(outcome.drops.values()) == 20
    assert set(outcome.drops) <= {"sa_expired", "no_sa", "unknown_spi"}
