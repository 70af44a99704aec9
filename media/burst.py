"""Packets of one stream that came together, on their way to consumers. Pure."""

from __future__ import annotations

from media.block import Block
from media.stream import Media


class Burst:
    """Numbered by the source without a gap. What was made of them for one listener serves all of its form.

    `lowest` is the lowest of their timestamps, `temporal` the highest of their layers, `octets` the size of
    all payloads.
    """

    __slots__ = ("blocks", "first", "lowest", "media", "octets", "stream", "temporal")

    def __init__(self, media: Media) -> None:
        self.stream = media.stream
        self.media = [media]
        self.first, self.lowest, self.octets = media.sequence, media.timestamp, len(media.payload)
        self.temporal = media.temporal
        self.blocks: dict[tuple[str, int], Block] = {}

    def take(self, media: Media) -> bool:
        """Whether it belongs to them; it then is one of them."""
        if media.stream is not self.stream or media.sequence != self.first + len(self.media):
            return False
        self.media.append(media)
        self.octets += len(media.payload)
        if media.timestamp < self.lowest:
            self.lowest = media.timestamp
        if media.temporal > self.temporal:
            self.temporal = media.temporal
        return True
