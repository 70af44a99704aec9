"""VP8's payload descriptor (RFC 7741 §4.2), and the numbers of pictures as one listener gets them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

from media.sequence import SequenceMap

_SKIPPED = 32
"""Left out pictures that are remembered, for packets of theirs that come late."""
_BEFORE = 256


class Vp8:
    """What a payload says of itself.

    `picture` and `tl0` (TL0PICIDX) are as on the wire, -1 without them; they stand from `picture_at` on, one
    behind the other, the picture in two bytes when `long`. `temporal` is the layer, 0 the lowest; at `sync` a
    decoder of a lower one can go up to it.
    """

    __slots__ = ("begins", "keyframe", "long", "picture", "picture_at", "sync", "temporal", "tl0")

    def __init__(
        self,
        begins: bool,
        keyframe: bool,
        picture: int = -1,
        long: bool = False,
        picture_at: int = 0,
        tl0: int = -1,
        temporal: int = 0,
        sync: bool = False,
    ) -> None:
        self.begins, self.keyframe = begins, keyframe
        self.picture, self.long, self.picture_at = picture, long, picture_at
        self.tl0, self.temporal, self.sync = tl0, temporal, sync


_CUT_OFF = Vp8(False, False)
_BARE = {flags: Vp8(*flags) for flags in ((False, False), (True, False), (True, True))}
"""What a payload says that names no picture: whether it begins one, and a keyframe."""


def describe(payload: bytes) -> Vp8:
    """No bytes make it raise: what is cut off begins nothing."""
    size = len(payload)
    if size < 2:
        return _CUT_OFF
    first, at = payload[0], 1
    begins = first & 0x17 == 0x10
    if not first & 0x80:
        return _BARE[begins, begins and not payload[1] & 1]
    flags, at = payload[1], 2
    picture = tl0 = -1
    long, picture_at, temporal, sync = False, 0, 0, False
    if flags & 0x80:
        if at + 1 >= size:
            return _CUT_OFF
        picture_at, picture = at, payload[at]
        long = picture >= 0x80
        if long:
            picture = (picture & 0x7F) << 8 | payload[at + 1]
        at += 2 if long else 1
    if flags & 0x40:
        if at >= size:
            return _CUT_OFF
        tl0 = payload[at]
        at += 1
    if flags & 0x30:
        if at >= size:
            return _CUT_OFF
        if flags & 0x20:
            temporal, sync = payload[at] >> 6, bool(payload[at] & 0x20)
        at += 1
    if at >= size:
        return _CUT_OFF
    return Vp8(begins, begins and not payload[at] & 1, picture, long, picture_at, tl0, temporal, sync)


def vp8_keyframe(payload: bytes) -> bool:
    """First packet of a VP8 key frame."""
    return describe(payload).keyframe


def unwrapped(reference: int, described: Vp8) -> int:
    """The picture's number nearest to `reference`."""
    half = 0x4000 if described.long else 0x40
    return reference + (described.picture - reference + half) % (2 * half) - half


class Pictures:
    """Numbers the pictures of one source for one listener: nothing is missing where some were left out, and
    another layer goes on where the one before ended. `tl0` is added to TL0PICIDX.
    """

    def __init__(self, first: int, tl0: int = 0) -> None:
        """`first` is the number of the next picture that is placed."""
        self.tl0 = tl0
        self._map = SequenceMap(first)
        self._skipped: deque[int] = deque(maxlen=_SKIPPED)

    @classmethod
    def unchanged_until(cls, picture: int) -> Pictures:
        """All before this one had the source's own number."""
        made = cls(picture - _BEFORE)
        made._map.place(picture - _BEFORE)
        made._map.place(picture - 1)
        return made

    @property
    def next(self) -> int:
        return self._map.next

    def restart(self) -> None:
        self._map.restart()

    def skip(self, picture: int) -> None:
        self._map.skip(picture)
        self._skipped.append(picture)

    def skipped(self, picture: int) -> bool:
        return picture in self._skipped

    def place(self, picture: int) -> int | None:
        """The number that it has for the listener; `None` for one that was left out."""
        return None if picture in self._skipped else self._map.place(picture)

    def place_together(self, pictures: Sequence[int]) -> list[int] | None:
        """The numbers of several that rise or stay; `None` when they are to be placed one by one."""
        rising = all(before <= after for before, after in pairwise(pictures))
        if not rising or not set(pictures).isdisjoint(self._skipped):
            return None
        found = [number for picture in pictures if (number := self._map.place(picture)) is not None]
        return found if len(found) == len(pictures) else None

    def known(self, picture: int) -> int | None:
        """The same for one that may have been placed before; nothing changes."""
        return None if picture in self._skipped else self._map.known(picture)


def renumbered(described: Vp8, picture: int, tl0: int) -> bytes:
    """What stands at `picture_at` under another number: the picture's, and TL0PICIDX, which follows on it."""
    if described.picture < 0:
        return b""
    number = (0x8000 | picture & 0x7FFF).to_bytes(2, "big") if described.long else bytes((picture & 0x7F,))
    return number if described.tl0 < 0 else number + bytes((described.tl0 + tl0 & 0xFF,))
