"""The ends of a forwarding benchmark, each a process: `python -m tests.bench.traffic ROLE N [words]`.

ROLE is source (one that sends 1000 packets a second), people (who send sound and a picture each) or sinks.
With `uneven` no two packets are of one size. Timestamps of RTP are the time of sending; with `timed` the last
sink compares them with when its kernel got the packet.

All print one line of JSON, `{"dtls": [...]}`, and read one, `{"servers": [...]}`, with the transport
description for each end. The sources then send, the sinks count what reaches them without decrypting it.
Every further line on stdin is answered by the counters so far; the end of stdin ends the process.
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
from collections.abc import Sequence
from typing import Any

from aioice import stun

from media import rtcp, rtp
from media.ortc import ABS_SEND_TIME, MID, TRANSPORT_CC
from media.peer import Peer
from media.sending import wants_keyframe
from tests.bench.figures import part

FIRST_SSRC = 0x51501
PAYLOAD_TYPE, VOICE_TYPE = 96, 111
CLOCK_RATE, VOICE_RATE = 90_000, 48_000
BURST = 8
INTERVAL, PICTURE_INTERVAL, VOICE_INTERVAL = 0.008, 0.033, 0.02
"""Seconds between frames of the one source, between those of people, and between packets of sound."""
VOICE_SIZE = 120
SIZES = (1150, 1200)
"""Bytes of an RTP packet, before protection; a fixed seed draws evenly from between. Within a frame they
differ by a byte, as Chromium cuts it up (RtpPacketizer::SplitAboutEqually), or, uneven, each is drawn."""
EXTENSIONS = {MID: 1, ABS_SEND_TIME: 2, TRANSPORT_CC: 3}
ICE_FRAGMENT, ICE_PASSWORD = "bnch", "benchbenchbenchbenchbench"
DRAIN_EVERY = 0.005
REPORT_EVERY = 1.0
SHARES = (0.5, 0.99, 1.0)
"""Of the delays that are told."""
MOST_BLOCKS = 31
"""A receiver report has no more."""
_PREPARED = 512
_TIMESPEC = struct.Struct("@qq")
_HEADER = struct.Struct("!HLL")
MIDS = {"video": "0", "audio": "1"}
_CODECS: dict[str, dict[str, Any]] = {
    "video": {
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
    },
    "audio": {
        "mimeType": "audio/opus",
        "payloadType": VOICE_TYPE,
        "clockRate": VOICE_RATE,
        "channels": 2,
        "parameters": {"useinbandfec": 1},
        "rtcpFeedback": [{"type": "transport-cc", "parameter": ""}],
    },
}


def ssrc(kind: str, number: int) -> int:
    """Of what the source of that number sends."""
    return FIRST_SSRC + 16 * number + (kind == "audio")


def parameters(kind: str, number: int) -> dict[str, Any]:
    """mediasoup's RtpParameters of it."""
    return {
        "mid": MIDS[kind],
        "codecs": [_CODECS[kind]],
        "headerExtensions": [
            {"uri": uri, "id": id_, "encrypt": False, "parameters": {}} for uri, id_ in EXTENSIONS.items()
        ],
        "encodings": [{"ssrc": ssrc(kind, number)}],
        "rtcp": {"cname": f"bench{number}", "reducedSize": True},
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


def prepared(whole: Sequence[int]) -> list[bytearray]:
    """Packets of these sizes, to be stamped; a payload begins as VP8's does (RFC 7741 section 4.2)."""
    draw = random.Random(8)
    made = []
    for total in whole:
        extensions = rtp.extension_block({1: b"0", 2: bytes(3), 3: bytes(2)})
        payload = b"\0\1" + draw.randbytes(total - 12 - len(extensions) - 2)
        packet = rtp.build(
            payload_type=PAYLOAD_TYPE, sequence=0, timestamp=0, ssrc=0, payload=payload, extensions=extensions
        )
        made.append(bytearray(packet))
    return made


class FullPeer(Peer):
    """Also answers the checks of a server that is not ICE-lite, and stays in the controlling role. Its checks
    carry the name in its session description: some servers answer no other."""

    def _open(self, family: int) -> None:
        super()._open(family)
        assert self._checks is not None
        self._checks.tie_breaker = (1 << 64) - 1
        self._checks.local_fragment = ICE_FRAGMENT

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


def clock(rate: int, at: int) -> int:
    """Nanoseconds since the epoch, as a timestamp of RTP."""
    return at * rate // 1_000_000_000 & 0xFFFFFFFF


class Stream:
    """Prepared packets, sent under numbers, a time and an SSRC that are stamped into them."""

    def __init__(self, peer: Peer, kind: str, number: int, prepared: list[bytearray], rate: int) -> None:
        self.peer, self.ssrc, self.cname, self.rate = peer, ssrc(kind, number), f"bench{number}", rate
        self.packets = self.octets = 0
        self.sequence, self.timestamp = 1000, 90_000
        self._type = PAYLOAD_TYPE if kind == "video" else VOICE_TYPE
        self._prepared = prepared
        probe = prepared[0]
        self.payload_at = len(probe) - len(rtp.parse(bytes(probe)).payload)
        self._mid_at = probe.index(bytes((1 << 4, ord("0"))), 12) + 1
        self._mid = ord(MIDS[kind])
        self._number_at = probe.index(bytes((3 << 4 | 1, 0, 0)), 12) + 1

    def send(self, transport_sequence: int, *, marker: bool = False, first: int | None = None) -> None:
        """`first` is the first byte of the picture, after VP8's descriptor."""
        packet = self._prepared[self.packets % len(self._prepared)]
        packet[1] = self._type | (0x80 if marker else 0)
        _HEADER.pack_into(packet, 2, self.sequence, self.timestamp, self.ssrc)
        packet[self._mid_at] = self._mid
        packet[self._number_at : self._number_at + 2] = (transport_sequence & 0xFFFF).to_bytes(2, "big")
        if self._type == PAYLOAD_TYPE:
            packet[self.payload_at] = 0x00 if first is None else 0x10
        if first is not None:
            packet[self.payload_at + 1] = first
        self.peer.send_rtp(bytes(packet))
        self.sequence = self.sequence + 1 & 0xFFFF
        self.octets += len(packet) - self.payload_at
        self.packets += 1

    def begin(self) -> None:
        """A frame, now; no two have the same time."""
        at = clock(self.rate, time.time_ns())
        self.timestamp = at if at != self.timestamp else at + 1 & 0xFFFFFFFF

    def report(self) -> None:
        self.peer.send_rtcp(
            rtcp.build_sender_report(
                self.ssrc,
                ntp=rtp.to_ntp(time.time()),
                rtp_timestamp=self.timestamp,
                packet_count=self.packets,
                octet_count=self.octets & 0xFFFFFFFF,
                cname=self.cname,
            )
        )


class Source:
    """One publisher: a frame of eight packets every `interval`, the next one a key frame whenever asked; with
    `voice` a packet of sound every 20 ms as well."""

    def __init__(self, number: int, interval: float, *, uneven: bool = False, voice: bool = False) -> None:
        self.peer = FullPeer(on_rtcp=self._feedback)
        self.keyframes = self.late = 0
        self._interval = interval
        self._transport_sequence = 0
        self._keyframe = True
        self._picture = Stream(self.peer, "video", number, prepared(sizes(uneven)), CLOCK_RATE)
        self._voice: Stream | None = None
        if voice:
            self._voice = Stream(self.peer, "audio", number, prepared([VOICE_SIZE] * 50), VOICE_RATE)
        self._due = self._voice_due = self._report_at = 0.0

    @property
    def packets(self) -> int:
        return self._transport_sequence

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = self._voice_due = self._report_at = self._loop.time() + random.uniform(0, self._interval)
        self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if now - min(self._due, self._voice_due) > 0.1:
            self.late += 1
            self._due = self._voice_due = now
        while self._due <= now:
            self._frame()
            self._due += self._interval
        while self._voice is not None and self._voice_due <= now:
            self._voice.begin()
            self._voice.send(self._next())
            self._voice_due += VOICE_INTERVAL
        if now >= self._report_at:
            for stream in self._streams:
                stream.report()
            self._report_at = now + REPORT_EVERY
        if self._voice is None:
            self._voice_due = self._due
        self._loop.call_at(min(self._due, self._voice_due), self._tick)

    @property
    def _streams(self) -> list[Stream]:
        return [self._picture] if self._voice is None else [self._picture, self._voice]

    def _next(self) -> int:
        self._transport_sequence += 1
        return self._transport_sequence - 1

    def _frame(self) -> None:
        self._picture.begin()
        for place in range(BURST):
            first = int(not self._keyframe) if place == 0 else None
            self._picture.send(self._next(), marker=place == BURST - 1, first=first)
        self.keyframes += self._keyframe
        self._keyframe = False

    def _feedback(self, data: bytes, arrived: int) -> None:
        if any(wants_keyframe(message, self._picture.ssrc) for message in rtcp.parse(data)):
            self._keyframe = True


class Sink:
    """One listener. Reads what has come every 5 ms, so that neither side pays for wake-ups."""

    def __init__(self, *, timed: bool = False) -> None:
        self.peer = FullPeer(kernel_time=timed)
        self._timed = timed
        self._delays: list[float] = []
        self.packets = self.octets = self.lost = 0
        self._highest: dict[bytes, int] = {}
        self._own = secrets.randbits(31) | 1

    @property
    def streams(self) -> int:
        return len(self._highest)

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
        receive = self._timed_receive if self._timed else self._socket.recvfrom
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

    def _timed_receive(self, size: int) -> tuple[bytes, Any]:
        data, ancillary, _, address = self._socket.recvmsg(size, 64)
        if ancillary and data[0] & 0xC0 == 0x80 and not 192 <= data[1] <= 223:
            seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
            rate = VOICE_RATE if len(data) < SIZES[0] else CLOCK_RATE
            arrived = clock(rate, seconds * 1_000_000_000 + nanoseconds)
            late = arrived - int.from_bytes(data[4:8], "big") & 0xFFFFFFFF
            self._delays.append((late if late < 1 << 31 else late - (1 << 32)) / rate * 1e3)
        return data, address

    def delays(self) -> list[float]:
        """Milliseconds from sending to the listener's kernel, of what has come since the last call."""
        taken, self._delays = self._delays, []
        return taken

    def _count(self, data: bytes) -> None:
        self.packets += 1
        self.octets += len(data)
        source, sequence = data[8:12], int.from_bytes(data[2:4], "big")
        highest = self._highest.get(source)
        if highest is None:
            self._highest[source] = sequence
            return
        ahead = sequence - highest & 0xFFFF
        if 0 < ahead < 0x8000:
            self.lost += ahead - 1
            self._highest[source] = highest + ahead
        else:
            self.lost -= 1

    def _report(self) -> None:
        blocks = [
            rtcp.ReportBlock(int.from_bytes(source, "big"), 0, 0, highest & 0xFFFFFFFF, 0, 0, 0)
            for source, highest in self._highest.items()
        ]
        if blocks:
            self.peer.send_rtcp(rtcp.build_receiver_report(self._own, blocks[:MOST_BLOCKS]))
        self._loop.call_later(REPORT_EVERY, self._report)


def profile(peer: Peer) -> str:
    connection: Any = peer._dtls._connection
    return str(connection._ssl.get_selected_srtp_profile().decode())


def made(role: str, number: int, *, uneven: bool, timed: bool) -> list[Source] | list[Sink]:
    if role == "source":
        return [Source(0, INTERVAL, uneven=uneven)]
    if role == "people":
        return [Source(each, PICTURE_INTERVAL, uneven=uneven, voice=True) for each in range(number)]
    return [Sink(timed=timed and each == number - 1) for each in range(number)]


async def main(role: str, number: int, *, uneven: bool, timed: bool) -> None:
    ends = made(role, number, uneven=uneven, timed=timed)
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
    sources = [end for end in ends if isinstance(end, Source)]
    sinks = [end for end in ends if isinstance(end, Sink)]
    delays = [each for sink in sinks for each in sink.delays()]
    return {
        "packets": sum(end.packets for end in ends),
        "least": min(end.packets for end in ends),
        "keyframes": sum(source.keyframes for source in sources),
        "late": sum(source.late for source in sources),
        "lost": sum(sink.lost for sink in sinks),
        "streams": min((sink.streams for sink in sinks), default=0),
        "got": [sink.packets for sink in sinks],
        "missed": [sink.lost for sink in sinks],
        "delays": {f"{share:g}": round(part(delays, share), 3) for share in SHARES if delays},
        "processor": processor(),
    }


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    words = sys.argv[3:]
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), uneven="uneven" in words, timed="timed" in words))
