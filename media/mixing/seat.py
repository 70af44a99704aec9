"""One mix at the media worker's table: it receives on one transport and sends on the other, like anybody."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

from media import rtp
from media.mixing.loudness import RATE, SAMPLES
from media.mixing.mix import Mix, Plan
from media.peer import Peer, PeerState
from media.sending import OutgoingStream

REPORT_EVERY = 50
"""Ticks between two sender reports."""
CONNECT_LIMIT = 10.0


class Seat:
    """`close` is irreversible and idempotent."""

    def __init__(self, capabilities: Mapping[str, Any], lost: Any) -> None:
        """`lost` is called when a transport has gone by itself."""
        self._lost = lost
        self._mix = Mix()
        self._voices: dict[int, str] = {}
        self._stream = OutgoingStream("audio", capabilities, mid="0", cname=secrets.token_hex(8))
        self._ticks = 0
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._send = Peer(on_state=self._changed)
        self._receive = Peer(on_rtp=self._rtp, on_state=self._changed)

    @property
    def offer(self) -> dict[str, Any]:
        return {
            "send": self._send.dtls_parameters,
            "receive": self._receive.dtls_parameters,
            "rtpParameters": self._stream.parameters,
        }

    async def connect(self, send: Mapping[str, Any], receive: Mapping[str, Any]) -> None:
        """Raises `PeerFailed`."""
        await asyncio.gather(
            *(
                peer.connect(
                    answer["iceParameters"],
                    answer["iceCandidates"],
                    answer["dtlsParameters"],
                    limit=CONNECT_LIMIT,
                )
                for peer, answer in ((self._send, send), (self._receive, receive))
            )
        )

    def hear(self, voice: str, owner: str, source: str, ssrc: int) -> None:
        self._mix.add(voice, owner, source)
        self._voices[ssrc] = voice

    def forget(self, voice: str) -> None:
        self._voices = {ssrc: each for ssrc, each in self._voices.items() if each != voice}
        self._mix.remove(voice)

    def set(self, plan: Plan) -> None:
        self._mix.plan = plan

    def tick(self, now: float) -> None:
        """Every 20 ms."""
        media_time = (self._ticks * SAMPLES + 0.5) / RATE
        self._ticks += 1
        packets = self._mix.tick(now)
        if self._send.state is not PeerState.CONNECTED:
            return
        wall = time.time()
        for payload in packets:
            self._send.send_rtp(self._stream.packet(payload, media_time, wall))
        if self._ticks % REPORT_EVERY == 1 and self._stream.packets:
            self._send.send_rtcp(self._stream.report(media_time, wall))

    def skip(self, ticks: int) -> None:
        """That much time has passed without a tick."""
        self._ticks += ticks

    def close(self) -> None:
        self._closed = True
        self._send.close()
        self._receive.close()

    def _rtp(self, data: bytes, arrived: int) -> None:
        try:
            packet = rtp.parse(data)
        except ValueError:
            return
        voice = self._voices.get(packet.ssrc)
        if voice is not None and packet.payload:
            self._mix.push(voice, packet.timestamp, packet.payload, self._loop.time())

    def _changed(self, state: PeerState) -> None:
        if state in (PeerState.FAILED, PeerState.CLOSED) and not self._closed:
            self._lost()
