"""RTP packets: `ValueError`, or offsets inside the data; what was parsed can be built and parsed again."""

from __future__ import annotations

from media import rtp
from media.keyframes import h264_keyframe
from media.vp8 import vp8_keyframe
from tests.fuzz.target import Target
from tests.media.endpoint import KEYFRAME, opus, vp8


def check(data: bytes) -> None:
    rtp.is_rtcp(data)
    try:
        packet = rtp.parse(data)
    except ValueError:
        return
    assert 12 <= packet.payload_start <= packet.payload_end <= len(data)
    assert len(packet.payload) == packet.payload_end - packet.payload_start
    assert isinstance(vp8_keyframe(packet.payload), bool)
    assert isinstance(h264_keyframe(packet.payload), bool)
    again = rtp.parse(_built(packet))
    for field in ("payload", "marker", "payload_type", "sequence", "timestamp", "ssrc"):
        assert getattr(again, field) == getattr(packet, field)


def _built(packet: rtp.RtpPacket) -> bytes:
    """Another packet that says the same, as far as the one-byte form can say it."""
    fitting = {id_: each for id_, each in packet.extensions.items() if id_ <= 14 and 1 <= len(each) <= 16}
    built = rtp.build(
        payload_type=packet.payload_type,
        sequence=packet.sequence,
        timestamp=packet.timestamp,
        ssrc=packet.ssrc,
        payload=packet.payload,
        marker=packet.marker,
        extensions=rtp.extension_block(fitting),
    )
    assert rtp.parse(built).extensions == fitting
    return built


def _padded(packet: bytes, padding: int) -> bytes:
    return bytes((packet[0] | 0x20,)) + packet[1:] + bytes(padding - 1) + bytes((padding,))


TARGET = Target(
    check,
    seeds=[
        opus().packet(),
        opus().packet(b"", {1: b"\x83", 3: b"\0\1"}),
        vp8().packet(KEYFRAME, {4: b"1", 10: b"q", 2: b"abc"}, marker=True),
        vp8().packet(bytes.fromhex("90e0801122334455") + KEYFRAME),
        vp8().packet(b"\x78\0\4\x67abc\0\2\x41a"),
        vp8().packet(b"\x7c\x85" + bytes(20)),
        _padded(opus().packet(), 4),
        bytes.fromhex("936f0001000000020000000300000004000000050000000610000002000102010203000b")
        + b"payload",
    ],
    words=[b"\xbe\xde", b"\x10\x00", b"\x80", b"\xb0", b"\x1f\xff"],
)
