"""Synthetic voices: syllables of damped formants over a pitch, with pauses, as loops of Opus.

A loop is `LOOP` seconds long and divided into `SLOTS` turns. Sources that play their loops on the same
clock take turns like people in a conversation. Loops are made once per voice and shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import exp, log10, pi, sin, sqrt
from operator import add
from random import Random

from av import AudioFrame, CodecContext

LOOP = 24
"""Seconds."""
SLOTS = 6
FRAME = 0.02
"""Seconds of sound in one Opus packet."""
CLOCK_RATE = 48_000
"""RTP clock of Opus (RFC 7587), whatever the rate of the samples."""
SILENT = 127

_RATE = 16_000
_FRAME_SAMPLES = int(_RATE * FRAME)
_VOWELS = {
    "a": ((700, 90, 1.0), (1150, 110, 0.5), (2500, 150, 0.2)),
    "e": ((480, 80, 1.0), (1900, 120, 0.35), (2600, 150, 0.2)),
    "i": ((300, 70, 1.0), (2200, 130, 0.3), (2950, 170, 0.2)),
    "o": ((480, 80, 1.0), (850, 100, 0.5), (2400, 150, 0.1)),
    "u": ((330, 70, 1.0), (720, 90, 0.4), (2250, 150, 0.08)),
}
"""Formant frequency (Hz), bandwidth (Hz), amplitude."""


@dataclass(frozen=True)
class Voice:
    """`pitch` in Hz; `tract` scales the formants (smaller people: above 1); `turns` are slots of the loop."""

    pitch: float = 150.0
    tract: float = 1.0
    turns: tuple[int, ...] = (0, 3)
    seed: int = 1


@dataclass(frozen=True)
class Spoken:
    """One Opus packet and how loud it is, in −dBov (0 loudest, 127 silence; RFC 6464)."""

    payload: bytes
    level: int


@lru_cache(maxsize=32)
def loop(voice: Voice) -> tuple[Spoken, ...]:
    """`LOOP` seconds of the voice; takes about a third of a second the first time."""
    return tuple(_encode(_speak(voice)))


def _speak(voice: Voice) -> list[float]:
    random = Random(voice.seed)
    sound = [0.0] * (_RATE * LOOP)
    grains = {name: _grain(formants, voice.tract) for name, formants in _VOWELS.items()}
    slot = LOOP / SLOTS
    for turn in voice.turns:
        end = (turn % SLOTS + 1) * slot - 0.45
        at = turn % SLOTS * slot + random.uniform(0.15, 0.4)
        while at < end - 0.5:
            phrase = min(end, at + random.uniform(1.2, 2.2))
            at = _phrase(sound, voice, grains, random, at, phrase) + random.uniform(0.25, 0.5)
    peak = max(map(abs, sound), default=0.0)
    return [sample * 0.45 / peak for sample in sound] if peak else sound


def _grain(formants: Sequence[tuple[int, int, float]], tract: float) -> list[float]:
    """What one pulse of the vocal folds sounds like: damped sines, 16 ms."""
    return [
        sum(
            amplitude * exp(-pi * width * n / _RATE) * sin(2 * pi * tract * frequency * n / _RATE)
            for frequency, width, amplitude in formants
        )
        for n in range(_RATE * 16 // 1000)
    ]


def _phrase(
    sound: list[float],
    voice: Voice,
    grains: dict[str, list[float]],
    random: Random,
    start: float,
    end: float,
) -> float:
    """Syllables from `start` until about `end`, falling in pitch; the time when the phrase is over."""
    at = start
    while at < end:
        length = random.uniform(0.11, 0.24)
        if random.random() < 0.4:
            at = _consonant(sound, random, at)
        fall = 1.12 - 0.3 * (at - start) / (end - start)
        pitch = voice.pitch * fall * random.uniform(0.94, 1.1)
        _syllable(sound, grains[random.choice("aaeeiou")], random, at, length, pitch)
        at += length + random.uniform(0.01, 0.05)
    return at


def _consonant(sound: list[float], random: Random, at: float) -> float:
    length = random.uniform(0.03, 0.07)
    first, count = int(at * _RATE), int(length * _RATE)
    hiss = [random.uniform(-0.16, 0.16) for _ in range(count + 1)]
    burst = [(b - a) * sin(pi * n / count) for n, (a, b) in enumerate(pairwise(hiss))]
    _mix(sound, first, burst)
    return at + length


def _syllable(
    sound: list[float], grain: list[float], random: Random, at: float, length: float, pitch: float
) -> None:
    time = 0.0
    while time < length:
        envelope = min(1.0, time / 0.02, (length - time) / 0.05)
        gain = envelope * random.uniform(0.92, 1.0)
        _mix(sound, int((at + time) * _RATE), [sample * gain for sample in grain])
        time += 1 / (pitch * (1.05 - 0.1 * time / length) * random.uniform(0.99, 1.01))


def _mix(sound: list[float], first: int, part: list[float]) -> None:
    stop = min(len(sound), first + len(part))
    sound[first:stop] = map(add, sound[first:stop], part)


def _encode(sound: list[float]) -> list[Spoken]:
    encoder = CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.format, encoder.layout = _RATE, "s16", "mono"
    encoder.bit_rate = 24_000
    encoder.time_base = Fraction(1, _RATE)
    encoder.options = {"application": "voip", "frame_duration": "20", "compression_level": "3"}
    payloads: list[bytes] = []
    levels: list[int] = []
    for first in range(0, len(sound), _FRAME_SAMPLES):
        samples = sound[first : first + _FRAME_SAMPLES]
        frame = AudioFrame(format="s16", layout="mono", samples=len(samples))
        frame.sample_rate, frame.pts, frame.time_base = _RATE, first, encoder.time_base
        frame.planes[0].update(_pcm(samples, frame.planes[0].buffer_size))
        payloads += [bytes(packet) for packet in encoder.encode(frame)]
        levels.append(_level(samples))
    payloads += [bytes(packet) for packet in encoder.encode(None)]
    return [Spoken(payload, level) for payload, level in zip(payloads, levels, strict=False)]


def _pcm(samples: Sequence[float], size: int) -> bytes:
    words = b"".join(int(sample * 32767).to_bytes(2, "little", signed=True) for sample in samples)
    return words.ljust(size, b"\0")


def _level(samples: Sequence[float]) -> int:
    loudness = sqrt(sum(sample * sample for sample in samples) / len(samples))
    return min(SILENT, max(0, round(-20 * log10(loudness)))) if loudness > 1e-6 else SILENT
