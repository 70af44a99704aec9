"""RED (RFC 2198): a packet of sound that carries the frames before it once more. Pure."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

MOST_BLOCKS = 2
"""Earlier frames in one packet at most."""
MOST_SPACING = 2
"""Frames from one of them to the next, and to the packet's own, at most."""
REACH = 1 << 14
"""Units of the timestamp's clock within which an earlier frame must lie; at 48 kHz 341 ms."""
LARGEST = 1 << 10
"""Bytes that an earlier frame must be shorter than."""
ROOM = 1200
"""Bytes of all frames of a packet together, above which earlier ones stay out."""
_BLOCK = struct.Struct("!L")


class Sound(Protocol):
    """`sequence` and `timestamp` are the source's, unwrapped."""

    @property
    def sequence(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def payload(self) -> bytes: ...


class Frame(NamedTuple):
    """Nothing but what is needed here."""

    sequence: int
    timestamp: int
    payload: bytes


def build(payload_type: int, frame: Sound, before: Sequence[Sound]) -> bytes:
    """The payload of a packet with `before`, in order, ahead of the frame itself; `payload_type` is that of
    the frames. Raises `ValueError` for an earlier frame that is out of reach or too large."""
    heads = bytearray()
    for earlier in before:
        offset, size = frame.timestamp - earlier.timestamp, len(earlier.payload)
        if not 0 < offset < REACH or not 0 < size < LARGEST:
            raise ValueError("a redundant frame is out of reach or too large")
        heads += _BLOCK.pack((0x80 | payload_type) << 24 | offset << 10 | size)
    heads.append(payload_type)
    return bytes(heads) + b"".join(earlier.payload for earlier in before) + frame.payload


def parse(payload: bytes) -> list[tuple[int, int, bytes]]:
    """(payload type, units before the packet's timestamp, frame), in order, the packet's own last.

    Raises `ValueError` when the bytes are not what they claim to be.
    """
    heads = []
    at = 0
    while True:
        if at >= len(payload):
            raise ValueError("RED header is cut off")
        if payload[at] < 0x80:
            break
        if at + 4 > len(payload):
            raise ValueError("RED header is cut off")
        [word] = _BLOCK.unpack_from(payload, at)
        heads.append((word >> 24 & 127, word >> 10 & REACH - 1, word & LARGEST - 1))
        at += 4
    own, at = payload[at], at + 1
    frames = []
    for payload_type, offset, size in heads:
        if at + size > len(payload):
            raise ValueError("RED block is cut off")
        frames.append((payload_type, offset, payload[at : at + size]))
        at += size
    return [*frames, (own, 0, payload[at:])]


class History:
    """The frames that one listener was sent last, and nothing from before they began to listen."""

    def __init__(self) -> None:
        self._frames: deque[Sound] = deque(maxlen=MOST_BLOCKS * MOST_SPACING)

    def before(self, frame: Sound, blocks: int, spacing: int = 1) -> list[Sound]:
        """Up to so many frames that may go along with this one, in order: every `spacing`th before it."""
        found: list[Sound] = []
        room = ROOM - len(frame.payload)
        for each in list(self._frames)[-spacing : -blocks * spacing - 1 : -spacing]:
            room -= len(each.payload)
            if room < 0 or len(each.payload) >= LARGEST or not 0 < frame.timestamp - each.timestamp < REACH:
                break
            found.insert(0, each)
        return found

    def add(self, frame: Sound) -> None:
        """One that came late is not kept."""
        if not self._frames or frame.sequence > self._frames[-1].sequence:
            self._frames.append(frame)

    def clear(self) -> None:
        self._frames.clear()
