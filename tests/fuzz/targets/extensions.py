"""RTP header extensions of any profile: `ValueError`, or elements inside; ours are read as they were made."""

from __future__ import annotations

import struct

from media import rtp
from tests.fuzz.reading import Input
from tests.fuzz.target import Target

_PROFILES = (rtp.ONE_BYTE_PROFILE, rtp.TWO_BYTE_PROFILE, rtp.TWO_BYTE_PROFILE | 7, 0)


def check(data: bytes) -> None:
    source = Input(data)
    if source.number() & 1:
        _read(source)
    else:
        _made(source)


def _read(source: Input) -> None:
    """A block as a stranger writes it, with a length that may be a lie."""
    profile = source.of(_PROFILES) if source.number() & 1 else source.number(2)
    lie = source.signed() if source.number() & 1 else 0
    block = source.rest()
    block += bytes(-len(block) % 4)
    words = max(0, min(0xFFFF, len(block) // 4 + lie))
    try:
        packet = rtp.parse(_packet(struct.pack("!HH", profile, words) + block))
    except ValueError:
        return
    assert packet.payload_start == 16 + 4 * words
    assert sum(map(len, packet.extensions.values())) <= 4 * words
    one_byte = profile == rtp.ONE_BYTE_PROFILE
    for id_, element in packet.extensions.items():
        assert 1 <= id_ <= (14 if one_byte else 255)
        head = bytes((id_ << 4 | len(element) - 1,)) if one_byte else bytes((id_, len(element)))
        assert head + element in block
        try:
            level, _ = rtp.audio_level(element)
        except ValueError:
            assert element == b""
        else:
            assert 0 <= level <= 127


def _made(source: Input) -> None:
    elements = {}
    while source:
        elements[source.number()] = source.chunk()
    try:
        block = rtp.extension_block(elements)
    except ValueError:
        assert any(not 1 <= id_ <= 14 or not 1 <= len(each) <= 16 for id_, each in elements.items())
        return
    assert len(block) % 4 == 0
    assert rtp.parse(_packet(block)).extensions == elements


def _packet(block: bytes) -> bytes:
    return bytes((0x90 if block else 0x80, 96)) + bytes(10) + block


TARGET = Target(
    check,
    seeds=[
        b"\1\1\0\0" + b"\x10\x85\x31\0\7\0\0\0",
        b"\1\1\0\0" + b"\x1f\1\2\3",
        b"\1\1\1\0" + b"\1\xff\2\3",
        b"\1\1\1\0" + b"\1\0\2\3abc\0",
        b"\1\1\0\1\1" + b"\x1f" + bytes(16),
        b"\1\0\xbe\xde\0" + b"\xf0\x10\1\0",
        b"\0" + b"\1\1a" + b"\x0e\x10" + bytes(16),
        b"\0" + b"\x0f\1a",
    ],
    words=[b"\x10", b"\xff", b"\0\0", b"\xbe\xde"],
    largest=600,
)
