#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many small conversations with content that is checked: a peer that echoes, and one that compares.

flows.py serve ADDRESS PORT    echoes TCP and UDP until it is stopped
flows.py talk                  reads [{protocol, source, source_port, target, target_port}...] from
                               stdin, holds all these conversations, and prints what became of them

All flows of a run are open at the same time; TURNS of them have data under way.
"""

import asyncio
import json
import os
import socket
import struct
import sys

STREAM_BYTES = 16384
DATAGRAM_BYTES = (18, 64, 200, 512, 1024, 1410)  # with headers up to what a tunnel carries
DATAGRAMS = 24
TURNS = 16
PATIENCE_S = 10
DATAGRAM_PATIENCE_S = 2


async def serve(address, port):
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(DatagramEcho, local_addr=(address, port))
    server = await asyncio.start_server(echo_stream, address, port, backlog=1024)
    print("serving", flush=True)
    await server.serve_forever()


class DatagramEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def echo_stream(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the client resets once it has everything
    finally:
        writer.close()


async def talk(flows):
    turns = asyncio.Semaphore(TURNS)
    talkers = {"tcp": talk_stream, "udp": talk_datagrams}
    opened = [asyncio.create_task(talkers[flow["protocol"]](flow, turns)) for flow in flows]
    outcomes = await asyncio.gather(*opened)
    return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


async def talk_stream(flow, turns):
    """Sends a random text and compares what comes back. The outcome in one word."""
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(flow["target"], flow["target_port"],
                                    local_addr=(flow["source"], flow["source_port"])), PATIENCE_S)
    except (OSError, asyncio.TimeoutError):
        return "refused"
    # Reset at close: no TIME_WAIT, so that the next run may use the same ports.
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    text = os.urandom(STREAM_BYTES)
    try:
        async with turns:
            writer.write(text)
            answer = await asyncio.wait_for(reader.readexactly(len(text)), PATIENCE_S)
    except (OSError, EOFError, asyncio.TimeoutError):
        return "lost"
    finally:
        writer.close()
    return "complete" if answer == text else "damaged"


class Mailbox(asyncio.DatagramProtocol):
    def __init__(self):
        self.received = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.received.put_nowait(data)


async def talk_datagrams(flow, turns):
    """The same with datagrams, one under way at a time. None is sent twice: lost is lost."""
    loop = asyncio.get_running_loop()
    transport, mailbox = await loop.create_datagram_endpoint(
        Mailbox, local_addr=(flow["source"], flow["source_port"]),
        remote_addr=(flow["target"], flow["target_port"]))
    outcome = "complete"
    async with turns:
        for number in range(DATAGRAMS):
            text = os.urandom(DATAGRAM_BYTES[number % len(DATAGRAM_BYTES)])
            transport.sendto(text)
            try:
                answer = await asyncio.wait_for(mailbox.received.get(), DATAGRAM_PATIENCE_S)
            except asyncio.TimeoutError:
                outcome = "lost"
                break
            if answer != text:
                outcome = "damaged"
                break
    transport.close()
    return outcome


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(sys.argv[2], int(sys.argv[3])))
    else:
        print(json.dumps(asyncio.run(talk(json.load(sys.stdin)))))
