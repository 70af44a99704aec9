"""Voices that are a tone of their own, and how loud each is in what a client was sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import cos, hypot, log10, pi, sin

from media.mixing.opus import Decoder, Encoder
from media.synthetic import Microphone
from media.voices import Spoken
from signaling.client import Received
from tests.support.raw_client import RawClient

RATE = 48_000
FRAME = 960
LOUDNESS = 0.2
NOTHING = -120.0


@lru_cache(maxsize=16)
def tone(pitch: int, loudness: float = LOUDNESS) -> tuple[Spoken, ...]:
    """A second of it, as packets of 20 ms; `pitch` in whole Hz, so that a loop of it is seamless."""
    encoder = Encoder()
    wave = sine(pitch, 2 * RATE, loudness)
    payloads = [p for at in range(0, len(wave), FRAME) for p in encoder.encode(wave[at : at + FRAME])]
    return tuple(Spoken(payload, 20) for payload in payloads[-RATE // FRAME :])


def sine(pitch: int, length: int, loudness: float = LOUDNESS, begin: int = 0) -> list[float]:
    return [loudness * sin(2 * pi * pitch * n / RATE) for n in range(begin, begin + length)]


def level(samples: Sequence[float], pitch: int) -> float:
    """How loud the tone is in there, in dB of `LOUDNESS` (Goertzel's filter behind a Hann window)."""
    turn, count = 2 * pi * pitch / RATE, len(samples)
    re = im = 0.0
    for n, sample in enumerate(samples):
        weighed = sample * (1 - cos(2 * pi * n / count))
        re += weighed * cos(turn * n)
        im += weighed * sin(turn * n)
    amplitude = 2 * hypot(re, im) / count
    return max(NOTHING, 20 * log10(amplitude / LOUDNESS + 1e-9))


def beeps(pitch: int) -> tuple[Spoken, ...]:
    """A second, of which the second half is the tone: the silence before it is sent too."""
    encoder = Encoder()
    wave = [0.0] * (RATE // 2) + sine(pitch, RATE // 2)
    payloads = [p for at in range(0, 2 * RATE, FRAME) for p in encoder.encode((2 * wave)[at : at + FRAME])]
    return tuple(Spoken(payload, 20) for payload in payloads[-RATE // FRAME :])


async def sing(
    client: RawClient, pitch: int, source: str = "microphone", sound: Sequence[Spoken] | None = None
) -> Microphone:
    """Publishes, and goes on sending a tone, or another `sound`; `muted` is silence without a packet."""
    if client._send is None:
        await client.open_transports()
    published = await client.publish("audio", source)
    microphone = Microphone(
        sound or tone(pitch),
        lambda spoken, at: client.send(published, spoken.payload, at, level=spoken.level),
    )
    client._sources.append(microphone)
    return microphone


@dataclass
class Ear:
    """What comes out of the one loudspeaker of a client: its sound decoded, whichever consumer it came by."""

    client: RawClient
    _decoders: dict[int, Decoder] = field(default_factory=dict)
    _heard: dict[int, list[tuple[int, Sequence[float]]]] = field(default_factory=dict)

    @property
    def consumers(self) -> list[Received]:
        """Those of sound that are open."""
        return [c for c in self.client.received.values() if c.kind == "audio"]

    def frames(self, after: int = 0) -> list[tuple[int, Sequence[float]]]:
        """(Arrival, samples) of every packet of sound; `after`: nanoseconds of CLOCK_REALTIME."""
        for consumer in (c for c in self.client.consumers if c.kind == "audio"):
            decoder = self._decoders.setdefault(consumer.ssrc, Decoder())
            heard = self._heard.setdefault(consumer.ssrc, [])
            for packet in self.client.packets(consumer)[len(heard) :]:
                heard.append((packet.at, decoder.decode(packet.payload)))
        frames = [each for heard in self._heard.values() for each in heard if each[0] > after]
        return sorted(frames, key=lambda each: each[0])

    def hears(self, pitch: int, frames: int = 5, after: int = 0) -> float:
        """dB of the tone in the latest frames."""
        latest = self.frames(after)[-frames:]
        return level([s for _, samples in latest for s in samples], pitch) if latest else NOTHING

    def loudest(self, after: int) -> float:
        """The greatest sample of all that came later than `after`."""
        return max(abs(sample) for _, samples in self.frames(after) for sample in samples)

    async def until(
        self, *wanted: tuple[int, float, float], deadline: float = 20.0, frames: int = 5, after: int = 0
    ) -> None:
        """Until each tone is between its two levels: (pitch, lowest, highest)."""

        def holds() -> bool:
            return len(self.frames(after)) >= frames and all(
                low <= self.hears(pitch, frames, after) <= high for pitch, low, high in wanted
            )

        try:
            await self.client.wait_for(holds, deadline)
        except AssertionError:
            told = {pitch: round(self.hears(pitch, frames, after), 1) for pitch, _, _ in wanted}
            raise AssertionError(
                f"heard {told} dB in {len(self.frames(after))} frames, not {wanted}"
            ) from None
