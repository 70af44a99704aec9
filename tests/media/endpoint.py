"""A raw client for tests: UDP socket with kernel timestamps, ICE checks, DTLS in the client role, RTP."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aioice import stun

from media import rtcp, rtp
from media.dtls import DtlsEndpoint, DtlsState
from media.handshake import Certificate

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")


@dataclass(frozen=True)
class Arrival:
    """`kernel` is Unix time in seconds, from the kernel."""

    kernel: float
    packet: rtp.RtpPacket


@dataclass
class RawEndpoint:
    """Speaks to the first candidate of the transport description that it is given."""

    description: Mapping[str, Any]
    certificate: Certificate = field(default_factory=Certificate)
    arrivals: list[Arrival] = field(default_factory=list)
    reports: list[tuple[float, rtcp.RtcpMessage]] = field(default_factory=list)
    bindings: int = 0

    def __post_init__(self) -> None:
        candidate = self.description["iceCandidates"][0]
        self.server = (candidate["ip"], candidate["port"])
        self.ice = dict(self.description["iceParameters"])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.bind(("127.0.0.1", 0))
        self._changed = asyncio.Event()
        self._kernel = 0.0
        self.dtls = DtlsEndpoint(
            self.certificate,
            self.send_raw,
            on_state=lambda _: self._changed.set(),
            on_rtp=self._rtp,
            on_rtcp=self._rtcp,
        )
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._drain)

    @property
    def dtls_parameters(self) -> dict[str, Any]:
        return self.certificate.parameters("client")

    def bind(self, *, nominate: bool = True) -> None:
        self.send_raw(binding_request(self.ice, nominate=nominate))

    async def connect(self) -> None:
        self.bind()
        await self.until(lambda: self.bindings > 0)
        self.dtls.start({**self.description["dtlsParameters"], "role": "server"})
        await self.until(lambda: self.dtls.state is DtlsState.CONNECTED)

    def send_raw(self, data: bytes) -> bool:
        self.socket.sendto(data, self.server)
        return True

    async def until(self, condition: Callable[[], bool], limit: float = 15.0) -> None:
        """Wait for something to arrive that makes `condition` true."""
        async with asyncio.timeout(limit):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def pictures_asked(self, ssrc: int) -> int:
        return sum(
            isinstance(message, rtcp.PictureLossIndication) and message.media_ssrc == ssrc
            for _, message in self.reports
        )

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            self.dtls.close()
            asyncio.get_running_loop().remove_reader(self.socket.fileno())
            self.socket.close()

    def _drain(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(2048, 64)
            except OSError:
                return
            self._kernel = _kernel_time(ancillary)
            self._take(data, time.monotonic())
            self._changed.set()

    def _take(self, data: bytes, now: float) -> None:
        if data[0] < 4:
            answer = stun.parse_message(data)
            assert answer.check_message_integrity(self.ice["password"].encode())
            self.bindings += 1
        elif data[0] < 64:
            self.dtls.receive_dtls(data, now)
        else:
            self.dtls.receive_srtp(data, now)

    def _rtp(self, data: bytes, now: float) -> None:
        self.arrivals.append(Arrival(self._kernel, rtp.parse(data)))

    def _rtcp(self, data: bytes, now: float) -> None:
        self.reports += [(self._kernel, message) for message in rtcp.parse(data)]


def binding_request(ice: Mapping[str, Any], *, nominate: bool = True, password: str | None = None) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ice['usernameFragment']}:peer"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 7
    if nominate:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity((password or ice["password"]).encode())
    return bytes(request)


def _kernel_time(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            return float(seconds) + nanoseconds / 1e9
    return time.time()


OPUS_PARAMETERS: dict[str, Any] = {
    "mid": "0",
    "codecs": [
        {
            "mimeType": "audio/opus",
            "payloadType": 111,
            "clockRate": 48000,
            "channels": 2,
            "parameters": {"useinbandfec": 1},
            "rtcpFeedback": [{"type": "transport-cc", "parameter": ""}, {"type": "nack", "parameter": ""}],
        }
    ],
    "headerExtensions": [
        {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4, "encrypt": False, "parameters": {}},
        {"uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": 1, "encrypt": False, "parameters": {}},
        {
            "uri": "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            "id": 3,
            "encrypt": False,
            "parameters": {},
        },
    ],
    "encodings": [{"ssrc": 1111}],
    "rtcp": {"cname": "somebody", "reducedSize": True},
}

VP8_CODEC: dict[str, Any] = {
    "mimeType": "video/VP8",
    "payloadType": 96,
    "clockRate": 90000,
    "parameters": {},
    "rtcpFeedback": [
        {"type": "nack", "parameter": ""},
        {"type": "nack", "parameter": "pli"},
        {"type": "transport-cc", "parameter": ""},
    ],
}
VP8_RTX: dict[str, Any] = {
    "mimeType": "video/rtx",
    "payloadType": 97,
    "clockRate": 90000,
    "parameters": {"apt": 96},
    "rtcpFeedback": [],
}
VP8_EXTENSIONS: list[dict[str, Any]] = [
    {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4, "encrypt": False, "parameters": {}},
    {"uri": "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "id": 10, "encrypt": False, "parameters": {}},
    {
        "uri": "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        "id": 11,
        "encrypt": False,
        "parameters": {},
    },
    {
        "uri": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "id": 2,
        "encrypt": False,
        "parameters": {},
    },
]
VP8_PARAMETERS: dict[str, Any] = {
    "mid": "1",
    "codecs": [VP8_CODEC, VP8_RTX],
    "headerExtensions": VP8_EXTENSIONS,
    "encodings": [{"ssrc": 2222, "rtx": {"ssrc": 2223}}],
    "rtcp": {"cname": "somebody", "reducedSize": True},
}
SIMULCAST_PARAMETERS: dict[str, Any] = {
    **VP8_PARAMETERS,
    "encodings": [{"rid": "q"}, {"rid": "h"}, {"rid": "f"}],
    "rtcp": {"cname": "", "reducedSize": True},
}

KEYFRAME = bytes((0x10, 0x00)) + bytes(60)
"""VP8: first packet of a key frame, no extended descriptor."""
DELTA = bytes((0x10, 0x01)) + bytes(60)


@dataclass
class Source:
    """Numbers the packets of one SSRC; `step` is the timestamp distance of neighbours."""

    ssrc: int
    payload_type: int
    step: int
    timestamp: int = 1_000_000
    sequence: int = 65_500

    def packet(
        self,
        payload: bytes = b"\x00" * 40,
        extensions: Mapping[int, bytes] | None = None,
        marker: bool = False,
    ) -> bytes:
        data = rtp.build(
            payload_type=self.payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp,
            ssrc=self.ssrc,
            payload=payload,
            marker=marker,
            extensions=rtp.extension_block(extensions or {}),
        )
        self.sequence = self.sequence + 1 & 0xFFFF
        self.timestamp = self.timestamp + self.step & 0xFFFFFFFF
        return data


def opus(ssrc: int = 1111) -> Source:
    return Source(ssrc, 111, 960)


def vp8(ssrc: int = 2222) -> Source:
    return Source(ssrc, 96, 3000)
