"""Opus to samples and back, with av: 48 kHz, one channel, floats from −1 to 1."""

from array import array
from collections.abc import Sequence
from fractions import Fraction

from av import AudioFrame, AudioResampler, CodecContext, FFmpegError, Packet

from media.mixing.loudness import RATE

BITRATE = 64_000


class Decoder:
    """Of one stream, packets in order."""

    def __init__(self) -> None:
        self._codec = self._opened()
        self._floats = AudioResampler(format="flt", layout="mono", rate=RATE)

    def decode(self, payload: bytes) -> Sequence[float]:
        """Nothing for what is not Opus."""
        samples = array("f")
        if not payload:
            return samples
        try:
            for frame in self._codec.decode(Packet(payload)):
                for each in self._floats.resample(frame):
                    samples.frombytes(memoryview(each.planes[0])[: each.samples * 4])
        except FFmpegError:
            self._codec = self._opened()
        return samples

    @staticmethod
    def _opened() -> CodecContext:
        codec = CodecContext.create("libopus", "r")
        codec.sample_rate, codec.layout = RATE, "mono"
        return codec


class Encoder:
    """A constant rate, so that the size of a packet says nothing about what is spoken."""

    def __init__(self) -> None:
        codec = self._codec = CodecContext.create("libopus", "w")
        codec.sample_rate, codec.format, codec.layout = RATE, "flt", "mono"
        codec.bit_rate, codec.time_base = BITRATE, Fraction(1, RATE)
        codec.options = {
            "application": "audio",
            "frame_duration": "20",
            "vbr": "off",
            "fec": "1",
            "packet_loss": "5",
            "compression_level": "5",
        }
        self._next = 0

    def encode(self, samples: Sequence[float]) -> list[bytes]:
        """A frame in, as a rule a packet out."""
        frame = AudioFrame(format="flt", layout="mono", samples=len(samples))
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._next, self._codec.time_base
        frame.planes[0].update(array("f", samples).tobytes())
        self._next += len(samples)
        return [bytes(packet) for packet in self._codec.encode(frame)]
