"""What one listener's line takes, shared among their pictures: often, and at once when it is less."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from media.downlink import Downlink
from media.layers import Priority, Step, Wish, allocate, fluent, ladder, next_target

if TYPE_CHECKING:
    from media.consumer import Consumer
    from media.transport import Transport

EVERY = 0.2
WINDOW = 1.0
"""Seconds over which is measured what goes out."""
WITH_HEADERS = 1.04


class Allocation:
    def __init__(self, transport: Transport, now: float) -> None:
        self._transport = transport
        self._downlink = Downlink(now)
        self._at = self._padded_at = now
        self._sent: deque[tuple[float, int]] = deque()

    @property
    def allowed(self) -> float:
        return self._downlink.allowed

    def room(self, now: float) -> float | None:
        """bit/s that the line takes, `None` while nothing tells of a bound."""
        return self._downlink.room(now)

    def measured(self, rtt: float, now: float) -> None:
        if self._downlink.measured(rtt, self._rate(now), now):
            self.share(now)

    def elsewhere(self, now: float) -> None:
        """The listener is reached by another path."""
        self._downlink.elsewhere(now)

    def tick(self, now: float) -> bool:
        """Whether more is being tried, for which this is to be called often."""
        target = self._downlink.probing
        if target is not None:
            self._pad(target, now)
        self._padded_at = now
        if now - self._at >= EVERY:
            self._look(now)
        return self._downlink.probing is not None

    def estimated(self, bitrate: int, now: float) -> None:
        if self._downlink.estimated(bitrate, self._rate(now), now):
            self.share(now)

    def lost(self, share: float, now: float) -> None:
        if self._downlink.lost(share, self._rate(now), now):
            self.share(now)

    def share(self, now: float) -> list[Wish]:
        """Give every picture that is wanted its layer."""
        wishes = [wish for consumer in self._pictures() if (wish := self._wish(consumer, now)) is not None]
        given = allocate(wishes, self._downlink.allowed)
        consumers = self._transport.router.consumers
        for wish in wishes:
            self._give(consumers[wish.id], given[wish.id], wish, now)
        return wishes

    def _look(self, now: float) -> None:
        self._at = now
        wishes = self.share(now)
        if not wishes:
            self._downlink.give_up()
            return
        target = next_target(wishes, allocate(wishes, self._downlink.allowed))
        if self._downlink.look(target, self._rate(now), now):
            self.share(now)

    def _pictures(self) -> list[Consumer]:
        return [
            each
            for each in self._transport.consumers.values()
            if each.producer.kind == "video" and not each.paused
        ]

    def _wish(self, consumer: Consumer, now: float) -> Wish | None:
        rates = consumer.producer.rates(now)
        if not rates:
            return None
        router, owner = self._transport.router, consumer.producer.owner
        signs = consumer.first or router.interprets(owner)
        strain = 0 if signs else router.strain()
        steps = ladder(rates, consumer.wanted_spatial, consumer.wanted_temporal, strain)
        if signs:
            return Wish(consumer.id, Priority.INTERPRETER, steps, fluent(steps))
        priority = Priority.SPEAKER if owner == router.speaker else Priority.OTHER
        return Wish(consumer.id, priority, steps)

    def _give(self, consumer: Consumer, step: Step, wish: Wish, now: float) -> None:
        """Whoever gets all that there is, gets at once also what begins to be there."""
        router = self._transport.router
        if step is not wish.steps[-1] or router.strain():
            consumer.choose(step.spatial, step.temporal, now, short=True)
        elif consumer.wanted_spatial is None:
            consumer.choose(None, consumer.wanted_temporal, now)
        else:
            consumer.choose(max(step.spatial, consumer.wanted_spatial), consumer.wanted_temporal, now)

    def _rate(self, now: float) -> float:
        """bit/s that went out for pictures in the last second."""
        total = sum(each.octets + each.resent_octets for each in self._pictures())
        sent = self._sent
        if not sent or now - sent[-1][0] >= EVERY / 2:
            sent.append((now, total))
        while len(sent) > 2 and now - sent[1][0] >= WINDOW:
            sent.popleft()
        began, before = sent[0]
        return max(0, total - before) * 8 * WITH_HEADERS / (now - began) if now > began else 0.0

    def _pad(self, target: float, now: float) -> None:
        """Send what is missing to the target: packets of the last moments once more."""
        missing = (target - self._rate(now)) * (now - self._padded_at) / 8
        for consumer in self._pictures():
            if missing <= 0:
                return
            missing -= consumer.pad(int(missing), now)
