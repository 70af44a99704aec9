"""A mix: voices in, one sound out. No I/O and no clock; a tick is 20 ms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import add

from media.mixing.loudness import LIFT, LOWER, SAMPLES, SWITCH, Gain, Limiter, Lowering
from media.mixing.opus import Encoder
from media.mixing.playout import Playout

MAX_VOICES = 32
_SILENCE = [0.0] * SAMPLES


@dataclass(frozen=True, slots=True)
class Levels:
    """Linear; `lowered` while the interpreter whom the plan names speaks."""

    level: float
    lowered: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How loud each source of each owner is: (owner, source) → levels. What is not in it is not heard.
    `over`: the owner under whose interpretation the floor is lowered."""

    levels: Mapping[tuple[str, str], Levels] = field(default_factory=dict)
    over: str | None = None
    automatic: bool = True


@dataclass(slots=True)
class Voice:
    owner: str
    source: str
    playout: Playout = field(default_factory=Playout)
    gain: Gain | None = None

    @property
    def interprets(self) -> bool:
        return self.source == "interpretation"


class Mix:
    def __init__(self) -> None:
        self.plan = Plan()
        self.voices: dict[str, Voice] = {}
        self._lowering = Lowering()
        self._limiter = Limiter()
        self._encoder = Encoder()

    def add(self, id_: str, owner: str, source: str) -> None:
        if len(self.voices) >= MAX_VOICES:
            raise ValueError(f"a mix has at most {MAX_VOICES} voices")
        self.voices[id_] = Voice(owner, source)

    def remove(self, id_: str) -> None:
        """What of it has not been played is not played any more."""
        self.voices.pop(id_, None)

    def push(self, id_: str, timestamp: int, payload: bytes, now: float) -> None:
        self.voices[id_].playout.push(timestamp, payload, now)

    def tick(self, now: float) -> list[bytes]:
        """The Opus packets of the next 20 ms, as a rule one."""
        return self._encoder.encode(self.mixed(now))

    def mixed(self, now: float) -> Sequence[float]:
        """The same as samples."""
        frames = [(voice, voice.playout.pull(now)) for voice in self.voices.values()]
        lowered = self._lowered(frames)
        heard = [
            sound
            for voice, frame in frames
            if (sound := self._as_loud_as_planned(voice, frame, lowered)) is not None
        ]
        if not heard:
            return self._limiter.apply(_SILENCE)
        total = heard[0]
        for each in heard[1:]:
            total = list(map(add, total, each))
        return self._limiter.apply(total)

    def _lowered(self, frames: Sequence[tuple[Voice, Sequence[float] | None]]) -> bool:
        over = self.plan.over
        if over is None:
            self._lowering.end()
            return False
        spoken = (frame for voice, frame in frames if voice.interprets and voice.owner == over)
        frame = next((each for each in spoken if each is not None), None)
        return self._lowering.note(frame, automatic=self.plan.automatic)

    def _as_loud_as_planned(
        self, voice: Voice, frame: Sequence[float] | None, lowered: bool
    ) -> Sequence[float] | None:
        levels = self.plan.levels.get((voice.owner, voice.source), _UNPLANNED)
        target = levels.lowered if lowered else levels.level
        if voice.gain is None:
            voice.gain = Gain(target)
        ramp = SWITCH if voice.interprets else LOWER if target < voice.gain.level else LIFT
        sound = voice.gain.apply(_SILENCE if frame is None else frame, target, ramp)
        return None if frame is None else sound


_UNPLANNED = Levels(0.0, 0.0)
