/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* EAL's device of that vdev name or PCI address; else the one with that DPDK port number. False:
 * there is none. Any thread, once EAL has started. */
bool device_find(const char *name, uint16_t *id);

/* What EAL has, for messages: "net_pcap0, net_pcap1", cut where it is long, or "none". Returns
 * `list`. */
#define DEVICE_LIST_BYTES 256
const char *device_list(char list[DEVICE_LIST_BYTES]);
