"""Synthetic camera and microphone: what bots and tests send. Made with av, paced to the running loop's clock.

A source begins when it is made and ends with `close()`. Media time is loop time in seconds, so that
sound and picture of one participant share a clock and a sender report can tie both to the wall.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from fractions import Fraction

from av import VideoCodecContext, VideoFrame
from av.codec import Codec
from av.video.frame import PictureType

from media.pictures import Planes, Portrait
from media.voices import FRAME, LOOP, SILENT, Spoken

SendSound = Callable[[Spoken, float], None]
"""Called with one Opus packet and its media time."""
SendPicture = Callable[[Sequence[bytes], float], None]
"""Called with the RTP payloads of one picture and its media time; the last payload carries the marker."""

KEYFRAME_EVERY = 10.0
"""Most seconds between key frames."""
KEYFRAME_LEAST = 0.3
"""Requests within this many seconds of a key frame are answered by one at its end."""
MOVES_EVERY = 0.2
"""Seconds between two drawings; pictures between them repeat the last one, which costs almost nothing."""
PAYLOAD_MOST = 1100
VIDEO_CLOCK = 90_000


class Vp8Encoder:
    """libvpx in its real-time mode; `keyframe()` makes the next picture a key frame."""

    def __init__(self, width: int, height: int, rate: int, bitrate: int = 150_000) -> None:
        context = VideoCodecContext.create(Codec("libvpx", "w"))
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, VIDEO_CLOCK), Fraction(rate)
        context.bit_rate, context.thread_count = bitrate, 1
        context.gop_size = max(1, int(rate * KEYFRAME_EVERY))
        context.options = {
            "deadline": "realtime",
            "cpu-used": "16",
            "lag-in-frames": "0",
            "auto-alt-ref": "0",
            "static-thresh": "500",
        }
        self._context = context
        self._key = True

    def keyframe(self) -> None:
        self._key = True

    def encode(self, planes: Planes, pts: int) -> bytes:
        """One VP8 frame; `pts` in 1/90000 s must grow."""
        frame = VideoFrame(planes.width, planes.height, "yuv420p")
        for plane, pixels, divisor in zip(
            frame.planes, (planes.luma, planes.blue, planes.red), (1, 2, 2), strict=True
        ):
            plane.update(_fitted(pixels, planes.width // divisor, plane.line_size))
        frame.pts, frame.time_base = pts, self._context.time_base
        if self._key:
            frame.pict_type, self._key = PictureType.I, False
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


def _fitted(pixels: bytearray, width: int, line: int) -> bytes:
    if line == width:
        return bytes(pixels)
    rows = (pixels[at : at + width] for at in range(0, len(pixels), width))
    return b"".join(bytes(row).ljust(line, b"\0") for row in rows)


def vp8_payloads(frame: bytes, picture: int, most: int = PAYLOAD_MOST) -> list[bytes]:
    """RFC 7741 payloads of at most `most` bytes, with a 15-bit picture id (`picture` is wrapped)."""
    number = (picture & 0x7FFF | 0x8000).to_bytes(2, "big")
    room = most - 4
    return [
        bytes((0x90 if at == 0 else 0x80, 0x80)) + number + frame[at : at + room]
        for at in range(0, len(frame), room)
    ]


class Microphone:
    """Sends a loop of Opus for ever, a packet each 20 ms, in step with every other loop on this clock."""

    def __init__(self, sound: Sequence[Spoken], send: SendSound) -> None:
        self._sound, self._send = sound, send
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._at = now
        self._next = int(now % LOOP / FRAME)
        self.muted = False
        self.closed = False
        self.level = 0.0
        self._timer = self._loop.call_soon(self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if now - self._at > 1.0:
            skipped = int((now - self._at) / FRAME)
            self._at += skipped * FRAME
            self._next += skipped
        while self._at <= now and not self.closed:
            spoken = self._sound[self._next % len(self._sound)]
            loudness = 0.0 if self.muted else max(0.0, 1 - spoken.level / 50)
            self.level += (loudness - self.level) * 0.2
            if not self.muted:
                self._send(spoken, self._at)
            self._next += 1
            self._at += FRAME
        if not self.closed:
            self._timer = self._loop.call_at(self._at, self._tick)

    def close(self) -> None:
        self.closed = True
        self._timer.cancel()


class Camera:
    """Draws, encodes and sends a portrait `rate` times a second; `level` is how loud its person speaks."""

    def __init__(
        self,
        portrait: Portrait,
        send: SendPicture,
        *,
        rate: int = 10,
        level: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._portrait, self._send, self._level = portrait, send, level
        self._encoder = Vp8Encoder(portrait.width, portrait.height, rate)
        self._loop = asyncio.get_running_loop()
        self._interval = 1 / rate
        self._began = self._at = self._loop.time()
        self._keyframe_at = 0.0
        self._asked = True
        self._drawn: Planes | None = None
        self._drawn_at = 0.0
        self.muted = False
        self.closed = False
        self.pictures = self.keyframes = 0
        self._timer = self._loop.call_soon(self._tick)

    def request_keyframe(self) -> None:
        """Make a coming picture a key frame: the next one, or the first after `KEYFRAME_LEAST`."""
        self._asked = True

    def _tick(self) -> None:
        now = self._loop.time()
        if not self.muted:
            self._picture(now)
        self._at += self._interval * max(1, int((now - self._at) / self._interval) + 1)
        if not self.closed:
            self._timer = self._loop.call_at(self._at, self._tick)

    def _picture(self, now: float) -> None:
        overdue = now - self._keyframe_at >= KEYFRAME_EVERY
        if overdue or (self._asked and now - self._keyframe_at >= KEYFRAME_LEAST):
            self._encoder.keyframe()
            self._asked, self._keyframe_at = False, now
            self.keyframes += 1
        if self._drawn is None or now - self._drawn_at > MOVES_EVERY - self._interval / 2:
            self._drawn = self._portrait.draw(now, time.strftime("%H:%M:%S"), self._level())
            self._drawn_at = now
        frame = self._encoder.encode(self._drawn, int((now - self._began) * VIDEO_CLOCK))
        if frame:
            self._send(vp8_payloads(frame, self.pictures), now)
        self.pictures += 1

    def close(self) -> None:
        self.closed = True
        self._timer.cancel()


__all__ = ["SILENT", "Camera", "Microphone", "SendPicture", "SendSound", "Vp8Encoder", "vp8_payloads"]
