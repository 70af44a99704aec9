"""How much one listener's line takes, and when to try for more. Pure.

It is known from what their browser says (REMB, loss, round trips). A browser's estimate grows slowly, and to
1.5 times of what it receives at most; of small pictures it falls far below what comes, and stays there. So it
is not a bound: it tells of trouble when it falls below what is sent, and not any more when more than that
comes without a queue. More is tried by sending so much for a while (a probe), with packets that are there
already; the pictures follow when that has gone well.
"""

from __future__ import annotations

from dataclasses import dataclass

START = 2_000_000.0
LEAST = 60_000.0
"""bit/s for the pictures of somebody who has just come, and for whomever at least."""
FALLEN = 0.97
"""An estimate below so much of the one before has fallen."""
HEADROOM = 0.95
MUCH_LOST, PROBE_LOST = 0.10, 0.04
PROBE = 2.0
"""Seconds."""
RISEN = 1.01
STUCK_BELOW, STUCK = 0.8, 4.0
"""An estimate below this share of what is sent, which has not risen for so many seconds, tells of trouble."""
SHORTEST_PAUSE, LONGEST_PAUSE = 4.0, 64.0
"""Seconds after trouble until more is tried; twice as long after each try that failed."""
BELIEVED = 5.0
"""Seconds for which an estimate holds, and a round trip; of pictures that come browsers tell every second."""
QUEUE, LONG_QUEUE = 0.05, 0.15
"""Seconds above the least round trip from which on packets are thought to stand in a queue, and in one that
sound suffers from."""
LASTS = 0.3
"""Seconds for which a long queue must stand: a device that is busy answers late once."""
LENGTHENS = 0.003
"""Seconds by which the least round trip may be more than it was, each second: ways change."""


@dataclass(slots=True)
class _Probe:
    target: float
    until: float
    estimate: float | None


class Downlink:
    """`allowed` is what the pictures may take, in bit/s."""

    def __init__(self, now: float) -> None:
        self.allowed = START
        self._estimate: float | None = None
        self._estimated_at = self._risen_at = now
        self._above_since: float | None = None
        """Since when more is sent than the estimate is."""
        self._pause = SHORTEST_PAUSE
        self._try_at = now
        self._probe: _Probe | None = None
        self._rtt: float | None = None
        self._least_rtt = 0.0
        self._queued_since: float | None = None
        self._measured_at = now

    @property
    def probing(self) -> float | None:
        """bit/s to send altogether while a probe is under way."""
        return None if self._probe is None else self._probe.target

    def estimate(self, now: float) -> float | None:
        """What the browser says of the line, bit/s; `None` when it has not said anything lately."""
        return self._estimate if now - self._estimated_at <= BELIEVED else None

    def room(self, now: float) -> float | None:
        """What it takes, bit/s, as far as anything tells of a bound: nothing does while all flows."""
        return None if self._flows(now - BELIEVED) else self.estimate(now)

    def elsewhere(self, now: float) -> None:
        """What comes from now on goes another way, of which nothing is known: more is tried as soon as that
        would be after any trouble."""
        self._estimate = self._above_since = self._probe = self._rtt = self._queued_since = None
        self._pause, self._risen_at, self._try_at = SHORTEST_PAUSE, now, now + SHORTEST_PAUSE

    def measured(self, rtt: float, sent: float, now: float) -> bool:
        """A packet and its answer took `rtt` seconds, all queues included. Whether less is allowed now."""
        longer = self._least_rtt + LENGTHENS * (now - self._measured_at)
        self._least_rtt = rtt if self._rtt is None else min(rtt, longer)
        self._rtt, self._measured_at = rtt, now
        estimate = self.estimate(now)
        if estimate is None or estimate >= sent or rtt - self._least_rtt < LONG_QUEUE:
            self._queued_since = None
            return False
        if self._queued_since is None:
            self._queued_since = now
        return now - self._queued_since >= LASTS and self._trouble(estimate * HEADROOM, now)

    def _flows(self, since: float) -> bool:
        """Whether nothing has stood in a queue when that was measured last, after `since`."""
        return self._rtt is not None and self._measured_at >= since and self._rtt - self._least_rtt < QUEUE

    def estimated(self, bitrate: float, sent: float, now: float) -> bool:
        """The browser's estimate came; `sent` is what went out lately, bit/s. Whether less is allowed now."""
        before, self._estimate, self._estimated_at = self.estimate(now), bitrate, now
        if before is None or bitrate > before * RISEN:
            self._risen_at = now
        if before is not None and bitrate < before * FALLEN and bitrate < sent:
            if before < sent * STUCK_BELOW and self._flows(now - BELIEVED):
                return False
            return self._trouble(bitrate * HEADROOM, now)
        if bitrate * HEADROOM > self.allowed and bitrate > sent:
            self.allowed = bitrate * HEADROOM
        return False

    def lost(self, share: float, sent: float, now: float) -> bool:
        """The share of packets that the listener missed lately. Whether less is allowed now."""
        if share > MUCH_LOST or (self._probe is not None and share > PROBE_LOST):
            return self._trouble(sent * (1 - share / 2) if share > MUCH_LOST else self.allowed, now)
        return False

    def look(self, target: float | None, sent: float, now: float) -> bool:
        """Begin and end probes. `target` is what the next better picture would take altogether, `None` when
        there is none. Whether `allowed` has changed."""
        estimate = self.estimate(now)
        if estimate is not None and self._stuck(estimate, sent, now):
            return self._trouble(estimate, now)
        if self._probe is not None:
            return self._end_probe(self._probe, now)
        if target is not None and target > self.allowed and now >= self._try_at:
            self._probe = _Probe(target / HEADROOM, now + PROBE, estimate)
        return False

    def give_up(self) -> None:
        """There is no picture any more to try it out with."""
        self._probe = None

    def _stuck(self, estimate: float, sent: float, now: float) -> bool:
        if estimate >= sent * STUCK_BELOW:
            self._above_since = None
            return False
        if self._above_since is None:
            self._above_since = now
        return now - max(self._above_since, self._risen_at) > STUCK and not self._flows(now - BELIEVED)

    def _end_probe(self, probe: _Probe, now: float) -> bool:
        if now < probe.until:
            return False
        estimate = self.estimate(now)
        grown = (
            estimate is None
            or probe.estimate is None
            or estimate >= probe.target
            or estimate >= probe.estimate * RISEN
            or self._flows(now - PROBE / 2)
        )
        if not grown:
            self._back_off(now)
            return False
        self._probe, self._pause = None, SHORTEST_PAUSE
        self.allowed = max(self.allowed, probe.target)
        return True

    def _trouble(self, bitrate: float, now: float) -> bool:
        """Whether it makes `allowed` less."""
        before = self.allowed
        self.allowed = max(LEAST, min(before, bitrate))
        less = self.allowed < before
        if less or self._probe is not None:
            self._back_off(now)
        self._above_since = None
        return less

    def _back_off(self, now: float) -> None:
        if self._probe is not None:
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
        self._probe = self._above_since = None
        self._try_at = now + self._pause
