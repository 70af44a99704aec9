"""A stretch of one layer on its way to one listener, and how the next follows on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from media.sequence import SequenceMap
from media.stream import Media, Stream
from media.vp8 import Pictures

LARGEST_ERROR = 1.0
"""Seconds by which sender reports may place a layer elsewhere than its arrival does; beyond that they are
not believed."""


@dataclass(slots=True)
class Leg:
    """`limit` is the timestamp above which it may be heard; `shift` is added to timestamps. `pictures` is
    `None` while pictures keep their own numbers."""

    stream: Stream
    limit: int | None
    numbers: SequenceMap
    shift: int = 0
    pictures: Pictures | None = None

    def follow(self, media: Media, limit: int | None) -> Leg:
        """The stretch that begins with `media`: no number is used again, and time goes on."""
        numbers = SequenceMap(self.numbers.next)
        if media.stream is self.stream:
            pictures = self.pictures
            if pictures is not None:
                pictures = Pictures(pictures.next, pictures.tl0)
            return Leg(media.stream, limit, numbers, self.shift, pictures)
        return Leg(media.stream, limit, numbers, self._shift_of(media), self._pictures_of(media))

    def _shift_of(self, media: Media) -> int:
        """Layers have clocks that began anywhere: what was sampled together gets the same timestamp."""
        before, clock_rate = self.stream, self.stream.clock_rate
        highest = (before.statistics.highest_timestamp or 0) + self.shift
        at = highest
        if before.media_at is not None:
            at += int((media.now - before.media_at) * clock_rate)
        sampled = before.same_moment(media.stream, media.timestamp)
        if sampled is not None and abs(sampled + self.shift - at) < LARGEST_ERROR * clock_rate:
            at = sampled + self.shift
        return max(at, highest + 1) - media.timestamp

    def _pictures_of(self, media: Media) -> Pictures | None:
        described = media.vp8
        if described is None or media.picture < 0:
            return None
        before = self.stream
        ours = self.pictures or Pictures(before.picture + 1)
        return Pictures(ours.next, before.tl0 + ours.tl0 + 1 - described.tl0)
