"""A stream that is repaired: what it sent comes again when asked for, video as RTX, sound as it was."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from media import rtp
from media.peer import Peer
from media.sending import OutgoingStream

KEPT = 150
_NACK = {"type": "nack", "parameter": ""}


@dataclass(frozen=True, slots=True)
class Sent:
    """`taken_at` in nanoseconds of CLOCK_REALTIME; `peer` is the transport that it was sent on."""

    taken_at: int
    peer: Peer
    sequence: int
    packet: bytes
    datagram: bytes


class RepairedStream(OutgoingStream):
    def __init__(self, kind: str, capabilities: dict[str, Any], **more: Any) -> None:
        super().__init__(kind, capabilities, **more)
        self._rtx_ssrc = self.ssrc ^ 2
        self._rtx_sequence = secrets.randbits(15)
        self._rtx_type = next(
            (
                int(codec["preferredPayloadType"])
                for codec in capabilities["codecs"]
                if codec.get("parameters", {}).get("apt") == self.payload_type
            ),
            None,
        )
        self._kept: dict[int, Sent] = {}

    @property
    def parameters(self) -> dict[str, Any]:
        made = super().parameters
        made["codecs"][0]["rtcpFeedback"].append(_NACK)
        if self._rtx_type is not None:
            made["codecs"].append(
                {
                    "mimeType": "video/rtx",
                    "payloadType": self._rtx_type,
                    "clockRate": self.clock_rate,
                    "parameters": {"apt": self.payload_type},
                    "rtcpFeedback": [],
                }
            )
            made["encodings"] = [{"ssrc": self.ssrc, "rtx": {"ssrc": self._rtx_ssrc}}]
        return made

    def send(self, peer: Peer, packet: bytes, taken_at: int) -> None:
        datagram = peer._dtls.protect_rtp(packet)
        if datagram is None:
            return
        sequence = rtp.parse(packet).sequence
        self._kept.pop(sequence, None)
        self._kept[sequence] = Sent(taken_at, peer, sequence, packet, datagram)
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        peer._dtls.send_protected(datagram)

    def kept(self, peer: Peer) -> Iterator[Sent]:
        """What was sent on that transport, the oldest first."""
        return (sent for sent in list(self._kept.values()) if sent.peer is peer)

    def send_again(self, peer: Peer, sequence: int) -> bool:
        """Whether it was kept. On another transport than its own nothing is sent again."""
        sent = self._kept.get(sequence)
        if sent is None or sent.peer is not peer:
            return False
        if self._rtx_type is None:
            return peer._dtls.send_protected(sent.datagram)
        original = rtp.parse(sent.packet)
        self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
        return peer.send_rtp(
            rtp.build(
                payload_type=self._rtx_type,
                sequence=self._rtx_sequence,
                timestamp=original.timestamp,
                ssrc=self._rtx_ssrc,
                payload=sequence.to_bytes(2, "big") + original.payload,
                marker=original.marker,
            )
        )
