"""The ends of a forwarding benchmark, each a process: `python -m tests.bench.traffic ROLE N [uneven]`.

ROLE is source or sinks.

Both print one line of JSON, `{"dtls": [...]}`, and read one, `{"servers": [...]}`, with the transport
description for each end. The source then sends 1000 packets a second, the sinks count what reaches them
without decrypting it. Every further line on stdin is answered by the counters so far; the end of stdin ends
the process.
"""

import asyncio
import json
import random
import resource
import secrets
import socket
import struct
import sys
import time
from typing import Any

from aioice import stun

from media import rtcp, rtp
from media.ortc import ABS_SEND_TIME, MID, TRANSPORT_CC
from media.peer import Peer
from media.sending import wants_keyframe

SSRC = 0x51501
PAYLOAD_TYPE = 96
CLOCK_RATE = 90_000
BURST = 8
INTERVAL = 0.008
SIZES = (1150, 1200)
"""Bytes of an RTP packet, before protection; a fixed seed draws evenly from between. Within a frame they
differ by a byte, as Chromium cuts it up (RtpPacketizer::SplitAboutEqually), or, uneven, each is drawn."""
EXTENSIONS = {MID: 1, ABS_SEND_TIME: 2, TRANSPORT_CC: 3}
ICE_FRAGMENT, ICE_PASSWORD = "bnch", "benchbenchbenchbenchbench"
DRAIN_EVERY = 0.005
REPORT_EVERY = 1.0
_PREPARED = 512
_HEADER = struct.Struct("!HL")

PARAMETERS: dict[str, Any] = {
    "mid": "0",
    "codecs": [
        {
            "mimeType": "video/VP8",
            "payloadType": PAYLOAD_TYPE,
            "clockRate": CLOCK_RATE,
            "parameters": {},
            "rtcpFeedback": [
                {"type": "nack", "parameter": ""},
                {"type": "nack", "parameter": "pli"},
                {"type": "ccm", "parameter": "fir"},
                {"type": "transport-cc", "parameter": ""},
            ],
        }
    ],
    "headerExtensions": [
        {"uri": uri, "id": number, "encrypt": False, "parameters": {}} for uri, number in EXTENSIONS.items()
    ],
    "encodings": [{"ssrc": SSRC}],
    "rtcp": {"cname": "bench", "reducedSize": True},
}


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def sizes(uneven: bool) -> list[int]:
    draw = random.Random(7)
    if uneven:
        return [draw.randint(*SIZES) for _ in range(_PREPARED)]
    frames = [
        (draw.randint(SIZES[0], SIZES[1] - 1), draw.randrange(BURST)) for _ in range(_PREPARED // BURST)
    ]
    return [size + (place >= BURST - longer) for size, longer in frames for place in range(BURST)]


def prepared(first: bool, uneven: bool = False) -> list[bytearray]:
    """Packets to be stamped with number and time; `first` ones begin a VP8 frame (RFC 7741 section 4.2)."""
    draw = random.Random(8)
    made = []
    for whole in sizes(uneven):
        extensions = rtp.extension_block({1: b"0", 2: bytes(3), 3: bytes(2)})
        size = whole - 12 - len(extensions)
        payload = bytes((0x10 if first else 0x00, 0x01)) + draw.randbytes(size - 2)
        packet = rtp.build(
            payload_type=PAYLOAD_TYPE,
            sequence=0,
            timestamp=0,
            ssrc=SSRC,
            payload=payload,
            marker=False,
            extensions=extensions,
        )
        made.append(bytearray(packet))
    return made


class FullPeer(Peer):
    """Also answers the checks of a server that is not ICE-lite, and stays in the controlling role."""

    def _open(self, family: int) -> None:
        super()._open(family)
        assert self._checks is not None
        self._checks.tie_breaker = (1 << 64) - 1

    def _dispatch(self, datagram: bytes, address: tuple[str, int]) -> None:
        if datagram[:2] == b"\x00\x01":
            self._send_to(answered(datagram, address), address)
        else:
            super()._dispatch(datagram, address)


def answered(datagram: bytes, address: tuple[str, int]) -> bytes:
    """RFC 8445 section 7.3; the benchmark trusts who asks."""
    request = stun.parse_message(datagram)
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id)
    answer.attributes["XOR-MAPPED-ADDRESS"] = address
    answer.add_message_integrity(ICE_PASSWORD.encode())
    return bytes(answer)


class Source:
    """One publisher: a frame of eight packets every 8 ms, the next one a key frame whenever asked."""

    def __init__(self, uneven: bool) -> None:
        self.peer = FullPeer(on_rtcp=self._feedback)
        self.packets = self.keyframes = self.late = 0
        self._sequence, self._timestamp, self._octets = 1000, 90_000, 0
        self._keyframe = True
        self._first, self._rest = prepared(True, uneven), prepared(False, uneven)
        probe = self._first[0]
        self._payload_at = len(probe) - len(rtp.parse(bytes(probe)).payload)
        self._number_at = probe.index(bytes((3 << 4 | 1, 0, 0)), 12) + 1
        self._due = self._report_at = 0.0

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = self._report_at = self._loop.time()
        self._tick()

    def _tick(self) -> None:
        now = self._loop.time()
        if now - self._due > 0.1:
            self.late += 1
            self._due = now
        while self._due <= now:
            self._frame()
            self._due += INTERVAL
        if now >= self._report_at:
            self._report()
            self._report_at = now + REPORT_EVERY
        self._loop.call_at(self._due, self._tick)

    def _frame(self) -> None:
        for place in range(BURST):
            packet = (self._first if place == 0 else self._rest)[self.packets % _PREPARED]
            packet[1] = PAYLOAD_TYPE | (0x80 if place == BURST - 1 else 0)
            _HEADER.pack_into(packet, 2, self._sequence, self._timestamp)
            packet[self._number_at : self._number_at + 2] = packet[2:4]
            if place == 0:
                packet[self._payload_at + 1] = 0x00 if self._keyframe else 0x01
            self.peer.send_rtp(bytes(packet))
            self._sequence = self._sequence + 1 & 0xFFFF
            self._octets += len(packet) - self._payload_at
            self.packets += 1
        self.keyframes += self._keyframe
        self._keyframe = False
        self._timestamp = self._timestamp + int(CLOCK_RATE * INTERVAL) & 0xFFFFFFFF

    def _report(self) -> None:
        self.peer.send_rtcp(
            rtcp.build_sender_report(
                SSRC,
                ntp=rtp.to_ntp(time.time()),
                rtp_timestamp=self._timestamp,
                packet_count=self.packets,
                octet_count=self._octets & 0xFFFFFFFF,
                cname="bench",
            )
        )

    def _feedback(self, data: bytes, arrived: int) -> None:
        if any(wants_keyframe(message, SSRC) for message in rtcp.parse(data)):
            self._keyframe = True

    def counters(self) -> dict[str, Any]:
        return {
            "packets": self.packets,
            "keyframes": self.keyframes,
            "late": self.late,
            "processor": processor(),
        }


class Sink:
    """One listener. Reads what has come every 5 ms, so that neither side pays for wake-ups."""

    def __init__(self) -> None:
        self.peer = FullPeer()
        self.packets = self.octets = self.lost = 0
        self._ssrc = self._highest = -1
        self._own = secrets.randbits(31) | 1

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        opened = self.peer._socket
        assert opened is not None
        self._socket: socket.socket = opened
        self._loop.remove_reader(opened.fileno())
        self._drain()
        self._report()

    def _drain(self) -> None:
        if self._socket.fileno() < 0:
            return
        receive = self._socket.recvfrom
        try:
            while True:
                data, address = receive(2048)
                if data[0] & 0xC0 == 0x80 and not 192 <= data[1] <= 223:
                    self._count(data)
                else:
                    self.peer._dispatch(data, address)
                    if self._socket.fileno() < 0:
                        return
        except BlockingIOError:
            pass
        self._loop.call_later(DRAIN_EVERY, self._drain)

    def _count(self, data: bytes) -> None:
        self.packets += 1
        self.octets += len(data)
        sequence = int.from_bytes(data[2:4], "big")
        if self._highest < 0:
            self._ssrc, self._highest = int.from_bytes(data[8:12], "big"), sequence
            return
        ahead = sequence - self._highest & 0xFFFF
        if 0 < ahead < 0x8000:
            self.lost += ahead - 1
            self._highest += ahead
        else:
            self.lost -= 1

    def _report(self) -> None:
        if self._highest >= 0:
            block = rtcp.ReportBlock(self._ssrc, 0, max(0, self.lost), self._highest & 0xFFFFFFFF, 0, 0, 0)
            self.peer.send_rtcp(rtcp.build_receiver_report(self._own, [block]))
        self._loop.call_later(REPORT_EVERY, self._report)


def profile(peer: Peer) -> str:
    connection: Any = peer._dtls._connection
    return str(connection._ssl.get_selected_srtp_profile().decode())


async def main(role: str, number: int, uneven: bool) -> None:
    ends: list[Source] | list[Sink] = (
        [Source(uneven)] if role == "source" else [Sink() for _ in range(number)]
    )
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say({"dtls": [end.peer.dtls_parameters for end in ends]})
    servers = json.loads(await reader.readline())["servers"]
    for end, server in zip(ends, servers, strict=True):
        await end.peer.connect(server["iceParameters"], server["iceCandidates"], server["dtlsParameters"])
    for end in ends:
        end.start()
    say({"connected": True, "profile": profile(ends[0].peer)})
    while await reader.readline():
        say(counted(ends))
    for end in ends:
        end.peer.close()


def counted(ends: list[Source] | list[Sink]) -> dict[str, Any]:
    if isinstance(ends[0], Source):
        return ends[0].counters()
    sinks = [end for end in ends if isinstance(end, Sink)]
    return {
        "packets": sum(sink.packets for sink in sinks),
        "octets": sum(sink.octets for sink in sinks),
        "lost": sum(sink.lost for sink in sinks),
        "least": min(sink.packets for sink in sinks),
        "processor": processor(),
    }


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), "uneven" in sys.argv[3:]))
