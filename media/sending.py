"""One outgoing RTP stream of a client: its `rtpParameters`, packets and sender reports. No I/O, no clock."""

import secrets
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from media import rtcp, rtp
from media.ortc import ABS_SEND_TIME, AUDIO_LEVEL, MID, TRANSPORT_CC

EXTENSIONS = {
    "audio": (MID, ABS_SEND_TIME, TRANSPORT_CC, AUDIO_LEVEL),
    "video": (MID, ABS_SEND_TIME, TRANSPORT_CC),
}
_NACK = {"type": "nack", "parameter": ""}
MIME = {"audio": "audio/opus", "video": "video/vp8"}


class CapabilityMissing(ValueError):
    """The router does not know the codec that this client sends."""


class OutgoingStream:
    """Opus or VP8 from one SSRC, which sends nothing again.

    `transport_sequence` is shared by all streams of a transport (TWCC).
    """

    def __init__(
        self,
        kind: str,
        capabilities: Mapping[str, Any],
        *,
        mid: str,
        cname: str,
        transport_sequence: Iterator[int] | None = None,
    ) -> None:
        codec = _codec(capabilities, kind)
        self.kind, self.mid, self.cname = kind, mid, cname
        self.ssrc = secrets.randbits(31) | 1
        self.clock_rate = int(codec["clockRate"])
        self.payload_type = int(codec["preferredPayloadType"])
        self.packets = self.octets = 0
        self.sequence = secrets.randbits(15)
        self.timestamp_offset = secrets.randbits(32)
        self._codec = codec
        self._ids = {
            entry["uri"]: int(entry["preferredId"])
            for entry in capabilities.get("headerExtensions", ())
            if entry.get("kind") in (None, kind) and entry["uri"] in EXTENSIONS[kind]
        }
        self._transport_sequence = count(1) if transport_sequence is None else transport_sequence

    @property
    def parameters(self) -> dict[str, Any]:
        """mediasoup's `RtpParameters` for `media.produce`."""
        codec = {
            "mimeType": self._codec["mimeType"],
            "payloadType": self.payload_type,
            "clockRate": self.clock_rate,
            "parameters": dict(self._codec.get("parameters", {})),
            "rtcpFeedback": [dict(entry) for entry in self._codec.get("rtcpFeedback", ()) if entry != _NACK],
        }
        if "channels" in self._codec:
            codec["channels"] = self._codec["channels"]
        return {
            "mid": self.mid,
            "codecs": [codec],
            "headerExtensions": [
                {"uri": uri, "id": identifier, "encrypt": False, "parameters": {}}
                for uri, identifier in self._ids.items()
            ],
            "encodings": [{"ssrc": self.ssrc}],
            "rtcp": {"cname": self.cname, "reducedSize": True},
        }

    def timestamp(self, media_time: float) -> int:
        """RTP timestamp of `media_time` seconds."""
        return int(media_time * self.clock_rate) + self.timestamp_offset & 0xFFFFFFFF

    def packet(
        self,
        payload: bytes,
        media_time: float,
        wall: float,
        *,
        marker: bool = False,
        level: int | None = None,
    ) -> bytes:
        """The next packet. `wall` is Unix time for abs-send-time; `level` is −dBov, 127 being silence."""
        elements: dict[int, bytes] = {}
        for uri, identifier in self._ids.items():
            if uri == MID:
                elements[identifier] = self.mid.encode()
            elif uri == ABS_SEND_TIME:
                elements[identifier] = rtp.abs_send_time(wall)
            elif uri == TRANSPORT_CC:
                elements[identifier] = (next(self._transport_sequence) & 0xFFFF).to_bytes(2, "big")
            elif level is not None:
                elements[identifier] = bytes(((0x80 if level < 60 else 0) | level,))
        packet = rtp.build(
            payload_type=self.payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp(media_time),
            ssrc=self.ssrc,
            payload=payload,
            marker=marker,
            extensions=rtp.extension_block(elements),
        )
        self.sequence = self.sequence + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return packet

    def report(self, media_time: float, wall: float) -> bytes:
        """SR and SDES that tie `media_time` to the wall clock (both of the same moment)."""
        return rtcp.build_sender_report(
            self.ssrc,
            ntp=rtp.to_ntp(wall),
            rtp_timestamp=self.timestamp(media_time),
            packet_count=self.packets,
            octet_count=self.octets,
            cname=self.cname,
        )


def wants_keyframe(message: rtcp.RtcpMessage, ssrc: int) -> bool:
    """Whether this feedback asks `ssrc` for a key frame (PLI or FIR)."""
    if isinstance(message, rtcp.PictureLossIndication):
        return message.media_ssrc == ssrc
    if isinstance(message, rtcp.FullIntraRequest):
        return any(asked == ssrc for asked, _ in message.requests)
    return False


def _codec(capabilities: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    for codec in capabilities["codecs"]:
        if str(codec["mimeType"]).lower() == MIME[kind]:
            found: Mapping[str, Any] = codec
            return found
    raise CapabilityMissing(f"the router has no {MIME[kind]}")
