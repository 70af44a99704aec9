"""Who is speaking, from the audio level header extension (RFC 6464). Pure; time is passed in, in seconds."""

from dataclasses import dataclass
from math import exp

SILENT, LOUD = 60.0, 10.0
"""Levels in −dBov that become 0 and 1."""
THRESHOLD = 45.0
"""Smoothed level in −dBov below which (greater number) nobody is said to speak."""
ATTACK, RELEASE = 0.05, 0.2
"""Time constants of the smoothing for rising and falling levels."""
HOLD = 0.6
"""How long somebody stays a speaker after the last loud packet."""
STALE = 0.3
"""Without packets (paused, DTX) for this long, a producer counts as silent."""
INTERVAL = 0.2


@dataclass(frozen=True, slots=True)
class SpeakerLevel:
    """`level` runs from 0 (silent) to 1 (loud)."""

    owner: str
    producer: str
    level: float


class _Voice:
    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.smoothed = 127.0
        self.heard: float | None = None
        self.loud: float | None = None

    def hear(self, level: int, now: float) -> None:
        elapsed = STALE if self.heard is None else max(0.0, now - self.heard)
        constant = ATTACK if level < self.smoothed else RELEASE
        self.smoothed += (level - self.smoothed) * (1 - exp(-elapsed / constant))
        self.heard = now
        if self.smoothed <= THRESHOLD:
            self.loud = now

    def speaks(self, now: float) -> bool:
        return self.loud is not None and now - self.loud <= HOLD

    def level(self, now: float) -> float:
        if self.heard is None or now - self.heard > STALE:
            return 0.0
        return min(1.0, max(0.0, (SILENT - self.smoothed) / (SILENT - LOUD)))


class Speakers:
    """The speakers of one room. `hear` takes every audio packet's level, `poll` tells what is news."""

    def __init__(self) -> None:
        self._voices: dict[str, _Voice] = {}
        self._told: float | None = None
        self._anybody = False

    def hear(self, producer: str, owner: str, level: int, now: float) -> None:
        """`level` is −dBov: 0 loudest, 127 silence."""
        voice = self._voices.get(producer)
        if voice is None:
            voice = self._voices[producer] = _Voice(owner)
        voice.hear(min(127, max(0, level)), now)

    def forget(self, producer: str) -> None:
        """The producer is closed or paused."""
        self._voices.pop(producer, None)

    def level(self, producer: str, now: float) -> float:
        voice = self._voices.get(producer)
        return 0.0 if voice is None else voice.level(now)

    def active(self, now: float) -> list[SpeakerLevel]:
        """Everybody who speaks, the loudest first."""
        found = [
            SpeakerLevel(voice.owner, producer, round(voice.level(now), 3))
            for producer, voice in self._voices.items()
            if voice.speaks(now)
        ]
        return sorted(found, key=lambda speaker: -speaker.level)

    def poll(self, now: float) -> list[SpeakerLevel] | None:
        """What to tell now: at most every 0.2 s while somebody speaks, `[]` once at silence, else `None`."""
        if self._told is not None and now - self._told < INTERVAL:
            return None
        speaking = self.active(now)
        if not speaking and not self._anybody:
            return None
        self._told = now
        self._anybody = bool(speaking)
        return speaking
