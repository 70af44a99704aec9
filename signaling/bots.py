"""Bots: participants made of synthetic picture and sound, who fill the roles that nobody has taken."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from media.pictures import Look, Portrait, look
from media.synthetic import Camera, Microphone
from media.voices import Spoken, Voice, loop
from signaling.client import MeetingClient
from signaling.connection import CallFailed, ConnectionLost

VOICES = {
    "newcomer": Voice(pitch=215, tract=1.13, turns=(0, 3), seed=11),
    "host": Voice(pitch=172, tract=1.05, turns=(5,), seed=23),
    "interpreter": Voice(pitch=190, tract=1.09, turns=(1, 4), seed=37),
    "officer": Voice(pitch=122, tract=1.0, turns=(2,), seed=41),
    "companion": Voice(pitch=160, tract=1.04, turns=(), seed=53),
}
"""A conversation: newcomer, interpreter, officer, newcomer, interpreter, host; four seconds each."""


@dataclass(frozen=True)
class Character:
    """How a bot looks and sounds; `audio_source` is `interpretation` for an interpreter."""

    label: str
    look: Look
    voice: Voice
    audio_source: str = "microphone"
    width: int = 320
    height: int = 180
    rate: int = 10


def character(role: str, label: str, variant: int = 0) -> Character:
    """The usual bot of a role; `variant` tells officers of different agencies apart."""
    voice = VOICES.get(role, VOICES["companion"])
    if variant:
        pitch = voice.pitch * (1.0, 0.92, 1.45, 1.08)[variant % 4]
        voice = Voice(pitch, voice.tract, voice.turns, voice.seed + variant)
    source = "interpretation" if role == "interpreter" else "microphone"
    return Character(label, look(role, variant), voice, source)


class Bot(MeetingClient):
    """Joins with an access token, sends picture and sound, takes in what it is given; leaves with `close`.

    Its camera and microphone rest while the meeting is paused. `on_closed` is called once if the session, the
    socket or a transport is lost; `close` it then. A bot does not come back by itself.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        character: Character,
        *,
        origin: str | None = None,
        on_closed: Callable[["Bot"], None] = lambda bot: None,
    ) -> None:
        super().__init__(base_url, origin=origin)
        self.character = character
        self.camera: Camera | None = None
        self.microphone: Microphone | None = None
        self._token = token
        self._on_closed = on_closed
        self._over = False
        self._saying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join and begin to send. On any error nothing is left running."""
        try:
            sound = await asyncio.to_thread(loop, self.character.voice)
            await self.join(self._token)
            await self.open_transports()
            await self._speak(sound)
            await self._show()
            self._rest_while_paused()
            self._say_ready()
        except BaseException:
            await self.close()
            raise

    async def _speak(self, sound: Sequence[Spoken]) -> None:
        published = await self.publish("audio", self.character.audio_source)
        self.microphone = Microphone(
            sound, lambda spoken, at: self.send(published, spoken.payload, at, level=spoken.level)
        )

    async def _show(self) -> None:
        published = await self.publish("video", "camera")
        microphone, chosen = self.microphone, self.character
        self.camera = Camera(
            Portrait(chosen.label, chosen.look, chosen.width, chosen.height),
            lambda payloads, at: self.send_picture(published, payloads, at),
            rate=chosen.rate,
            level=lambda: 0.0 if microphone is None else microphone.level,
        )
        published.keyframe = self.camera.request_keyframe

    def _rest_while_paused(self) -> None:
        paused = (self.snapshot.get("meeting") or {}).get("state") == "paused"
        for source in (self.camera, self.microphone):
            if source is not None:
                source.muted = paused

    def _say_ready(self) -> None:
        """An officer's bot is ready as soon as it waits, so that nobody is asked about it."""
        you = self.snapshot.get("you") or {}
        waits = you.get("role") == "officer" and you.get("phase") == "lobby" and not you.get("ready")
        if waits and (self._saying is None or self._saying.done()):
            self._saying = asyncio.create_task(self._ready())

    async def _ready(self) -> None:
        # A lost connection is told elsewhere, and one that is not in the lobby any more need not be ready.
        with contextlib.suppress(CallFailed, ConnectionLost, TimeoutError):
            await self.act("meeting.ready", ready=True)

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        if method == "meeting.event":
            self._rest_while_paused()
            self._say_ready()

    def on_changed(self) -> None:
        lost = self.media_lost or self.closed_with is not None or not self.connected
        if lost and not self._over:
            self._over = True
            self.stop_media()
            self._on_closed(self)

    def stop_media(self) -> None:
        for source in (self.camera, self.microphone):
            if source is not None:
                source.close()
        super().stop_media()

    async def close(self) -> None:
        self._over = True
        if self._saying is not None:
            self._saying.cancel()
        await super().close()

    @property
    def statistics(self) -> dict[str, Any]:
        """Pictures and packets sent, packets and losses of what is received now."""
        return {
            "label": self.character.label,
            "pictures": 0 if self.camera is None else self.camera.pictures,
            "sent": {
                published.source: {"packets": published.stream.packets, "bytes": published.stream.octets}
                for published in self.published.values()
            },
            "received": [
                {
                    "participant": received.participant,
                    "source": received.source,
                    "packets": received.statistics.packets,
                    "lost": received.statistics.lost,
                }
                for received in self.received.values()
            ],
        }
