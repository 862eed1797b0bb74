# SPDX-License-Identifier: BSD-3-Clause
"""The plan of the second scene: an Espalier driven by IKE, and a stranger at the other end."""

from plan import TUNNELS, Link

DRAWING = """\
 ecs 10.0.0.1 ── Espalier 203.0.113.191 ──── internet ──── 192.0.2.1 gw1 ── client0 192.168.0.10
                 │ TAPs and TUN                                     kernel-libipsec
                 cloud: kernel, espalier-run charon-systemd         charon-systemd
"""

# Espalier's ports lie in `wires`, its kernel interfaces in `cloud`, where no cable ends.
NODES = ("ecs", "wires", "cloud", "internet", "gw1", "client0")
WIRES = "wires"
GATEWAY = "cloud"
PEER = "gw1"
HOSTS = ("ecs", "client0")

# Plugged into Espalier.
LINKS = (
    Link(1, WIRES, "vswitch1", ("10.0.0.253/24",), "ecs", "eth0", ("10.0.0.1/24",)),
    Link(2, WIRES, "wan0", ("203.0.113.191/24",), "internet", "cloud", ("203.0.113.1/24",)),
)
# Between kernels: node, interface, address at either end.
CABLES = (
    (("internet", "gw1", "192.0.2.254/24"), (PEER, "wan0", "192.0.2.1/24")),
    ((PEER, "dc0", "192.168.0.1/24"), ("client0", "eth0", "192.168.0.10/24")),
)
# node: next hop of its default route, and the interface that leads to it
DEFAULT_ROUTES = {"ecs": ("10.0.0.253", "eth0"), PEER: ("192.0.2.254", "wan0"),
                  "client0": ("192.168.0.1", "eth0")}
CLOUD_DEFAULT_ROUTE = ("203.0.113.1", "wan0")  # of a TAP, which comes with Espalier

TUNNEL = TUNNELS[0]
TUN = "vpn1"
TUNNEL_MTU = 1422  # plan.TUNNEL_MTU less 8 bytes of UDP, and then in whole blocks of 16
CLOUD_PREFIX, PEER_PREFIX = "10.0.0.0/16", "192.168.0.0/24"

# The tutorial's parameters of the connection; its asterisks are literal.
PSK = "fddsFF123****"
IKE_PROPOSAL = "aes128-sha1-modp2048"
ESP_PROPOSAL = "aes128-sha1-modp2048"
LIFETIME_S = 86400
# The same in the words of swanctl --raw.
IKE_SUITE = {"encr-alg": "AES_CBC", "encr-keysize": "128", "integ-alg": "HMAC_SHA1_96",
             "prf-alg": "PRF_HMAC_SHA1", "dh-group": "MODP_2048"}
ESP_SUITE = {"encr-alg": "AES_CBC", "encr-keysize": "128", "integ-alg": "HMAC_SHA1_96"}
