"""A device behind a bad network, all of whose sound and picture is marks."""

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import aiohttp

from media import rtcp
from media.peer import Peer, PeerState
from signaling.client import MeetingClient, Published
from tests.security.canaries.marks import Mark, mark_in
from tests.security.canaries.sockets import WatchedSession
from tests.security.canaries.stream import RepairedStream
from tests.security.canaries.watch import Watch
from tests.support.raw_client import named_by
from tests.support.relay import STAMP, Address, Link, TcpRelay, UdpRelay
from tests.support.rtc import Eventually

PACE = 0.02
"""Seconds between two packets of sound, and half of that between two pictures."""
KEYFRAME_EVERY = 8
KINDS = {"microphone": "audio", "interpretation": "audio", "camera": "video"}
REMEMBERED = 48
"""Sequence numbers of each consumer, to be asked for again."""
_KEYFRAME, _DELTA = bytes((0x10, 0x00)), bytes((0x10, 0x01))
_HEADER = struct.Struct("!BBHLL")


class StampedPeer(Peer):
    """Behind a relay that stamps what it passes on."""

    def _receive(self, opened: socket.socket) -> tuple[bytes, Address]:
        datagram, address = super()._receive(opened)
        (self._arrived,) = STAMP.unpack_from(datagram, len(datagram) - STAMP.size)
        return datagram[: -STAMP.size], address


@dataclass
class Offered:
    """A consumer that this device has or had."""

    ssrc: int
    again: int | None
    participant: str
    closed: bool = False
    sequences: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class Device(MeetingClient):
    """`cut` breaks its connection; `blind` and `worsen` act on its network path."""

    peer_class = StampedPeer

    def __init__(
        self,
        number: int,
        who: str,
        slot: str,
        watch: Watch,
        relays: tuple[UdpRelay, TcpRelay],
        chance: Random,
    ) -> None:
        self.relay, self.wire = relays
        host, port = self.wire.address
        super().__init__(f"http://{host}:{port}")
        self.number, self.who, self.slot = number, who, slot
        self.offered: dict[str, Offered] = {}
        self.watch = watch
        self._chance = chance
        self._http = cast(aiohttp.ClientSession, WatchedSession(self._took))
        self._in_handshake = 0
        self._path = (self.relay.up.loss, self.relay.up.delay)
        self._by_source: dict[int, Offered] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._ticks = 0
        self._keyframe = False
        self._eventually = Eventually()
        self.left: set[str] = set()
        """Participants whom it was told to have left."""
        self.heard_at: dict[int, int] = {}
        """Device → when its last packet came, nanoseconds of CLOCK_REALTIME."""

    @classmethod
    async def open(
        cls, number: int, who: str, slot: str, watch: Watch, media: Address, http: Address, chance: Random
    ) -> "Device":
        delay = chance.choice((0.002, 0.01, 0.05, 0.1))
        up, down = (_link(chance, delay) for _ in range(2))
        relay = await UdpRelay.open(
            media, up=up, down=down, watch=lambda data, at: _show(watch, number, data, at)
        )
        watch.whose[number] = who
        return cls(number, who, slot, watch, (relay, await TcpRelay.open(http)), chance)

    # signaling

    async def enter(self, token: str) -> None:
        await self.join(token, self.slot)

    def cut(self) -> None:
        self.wire.cut()

    async def call(self, method: str, /, **params: Any) -> Any:
        answer = await super().call(method, **params)
        if method == "media.createTransport":
            answer = {**answer, "iceCandidates": self.relay.candidates(answer["iceCandidates"])}
        return answer

    async def wait_for(self, predicate: Callable[[], object], deadline: float, what: str) -> None:
        await self._eventually.until(predicate, deadline, what)

    def _took(self, since: int, text: str) -> None:
        self.watch.text(self.who, since, time.time_ns(), text)

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        if method == "media.newConsumer":
            self._note_offer(params)
        elif method == "media.consumerClosed" and params["id"] in self.offered:
            self.offered[params["id"]].closed = True
        elif method == "meeting.event" and params["type"] == "participant_left":
            self.left.add(params["data"]["participant"])

    def _note_offer(self, offer: dict[str, Any]) -> None:
        encoding = offer["rtpParameters"]["encodings"][0]
        again = encoding.get("rtx", {}).get("ssrc")
        offered = self.offered[offer["id"]] = Offered(encoding["ssrc"], again, offer["participant"])
        self._by_source[offered.ssrc] = offered
        if again is not None:
            self._by_source[again] = offered

    def on_changed(self) -> None:
        self._eventually.changed()

    # media

    async def _connect(self, transport: Any) -> None:
        """A handshake has the path for itself: it would take seconds to come through."""
        self._in_handshake += 1
        self._condition(0.0, 0.0)
        try:
            await super()._connect(transport)
        finally:
            self._in_handshake -= 1
            if not self._in_handshake:
                self._condition(*self._path)

    async def speak(self, source: str = "microphone") -> None:
        """Send sound and picture from now on; what was sent is kept for those who miss it."""
        self._discard()
        await self.open_transports()
        for name in (source, "camera"):
            await self._announce(name)
        self._later(PACE * self._chance.random(), self._tick)

    def _discard(self) -> None:
        """What an earlier attempt has left."""
        if self._reporter is not None:
            self._reporter.cancel()
        for transport in (self._send, self._receive):
            if transport is not None:
                transport.peer.close()
        self._reporter = self._send = self._receive = None
        self.published.clear()

    async def _announce(self, source: str) -> None:
        stream = RepairedStream(
            KINDS[source],
            self.capabilities,
            mid=str(next(self._mids)),
            cname=self._cname,
            transport_sequence=self._transport_sequence,
        )
        published = Published(await self._produce(stream, source), source, stream, self._asked_for_keyframe)
        self.published[published.id] = published

    async def publish_anew(self, source: str) -> None:
        """The service ends the producer that it takes the place of."""
        async with self._settling:
            earlier = [id_ for id_, each in self.published.items() if each.source == source]
            await self._announce(source)
            for id_ in earlier:
                del self.published[id_]

    async def listen_anew(self) -> None:
        async with self._settling:
            await self._settle_received([], list(self.received), stands=False)

    async def restart_ice(self) -> None:
        await self._restart_ice()

    @property
    def sending(self) -> Peer | None:
        """The transport on which it can send now."""
        peer = None if self._send is None else self._send.peer
        return peer if peer is not None and peer.state is PeerState.CONNECTED else None

    @property
    def streams(self) -> list[RepairedStream]:
        return [cast(RepairedStream, each.stream) for each in self.published.values()]

    def _asked_for_keyframe(self) -> None:
        self._keyframe = True

    def _tick(self) -> None:
        self._later(PACE, self._tick)
        self._ticks += 1
        peer = self.sending
        for stream in self.streams:
            if peer is not None and (stream.kind == "audio" or self._ticks % 2 == 0):
                self._send_mark(peer, stream)

    def _send_mark(self, peer: Peer, stream: RepairedStream) -> None:
        taken_at, now = time.time_ns(), self._loop.time()
        payload = Mark(self.number, stream.kind[0], taken_at).to_bytes()
        level = None
        if stream.kind == "video":
            whole = self._keyframe or self._ticks % (2 * KEYFRAME_EVERY) == 0
            self._keyframe = False
            payload = (_KEYFRAME if whole else _DELTA) + payload
        else:
            level = 20
        stream.send(
            peer,
            stream.packet(payload, now, time.time(), marker=stream.kind == "video", level=level),
            taken_at,
        )

    def on_rtp(self, data: bytes, arrived: int) -> None:
        _, _, sequence, _, ssrc = _HEADER.unpack_from(data)
        offered = self._by_source.get(ssrc)
        again = offered is not None and ssrc == offered.again
        mark = mark_in(data)
        self.watch.packet(self.number, mark, arrived, again=again)
        if mark is not None:
            self.heard_at[mark.device] = arrived
        if offered is not None and not again:
            before = offered.sequences[-1] if offered.sequences else sequence - 1
            offered.sequences.append(sequence)
            if 1 < (sequence - before) & 0xFFFF < 20 and self._chance.random() < 0.5:
                self.ask_again(ssrc, [(before + n) & 0xFFFF for n in range(1, (sequence - before) & 0xFFFF)])
        self.on_changed()

    def on_rtcp(self, messages: list[rtcp.RtcpMessage], arrived: int) -> None:
        for message in messages:
            match message:
                case rtcp.SenderReport() | rtcp.SourceDescription() | rtcp.Goodbye():
                    for ssrc in named_by(message):
                        self._note_report(ssrc, arrived)
                case rtcp.Nack():
                    self._answer(message)

    def _note_report(self, ssrc: int, arrived: int) -> None:
        offered = self._by_source.get(ssrc)
        self.watch.report(self.number, None if offered is None else offered.participant, arrived)

    def _answer(self, nack: rtcp.Nack) -> None:
        """Mostly at once, now and then much too late, and sometimes never."""
        for stream in self.streams:
            peer = self.sending
            if stream.ssrc != nack.media_ssrc or peer is None or self._chance.random() < 0.1:
                continue
            late = self._chance.uniform(0.2, 1.5) if self._chance.random() < 0.3 else 0.0
            self._later(late, lambda s=stream, p=peer: [s.send_again(p, n) for n in nack.sequences])

    def ask_again(self, ssrc: int, sequences: list[int]) -> None:
        self.send_rtcp(rtcp.build_nack(1, ssrc, sequences))

    def ask_for_keyframe(self, ssrc: int) -> None:
        self.send_rtcp(rtcp.build_pli(1, ssrc))

    # the network path

    def blind(self, seconds: float) -> None:
        """Nothing passes for a while."""
        now = self.relay.now
        for link in (self.relay.up, self.relay.down):
            link.outages = [(now, now + seconds)]

    def worsen(self, delay: float) -> None:
        self._path = (self._path[0], delay)
        if not self._in_handshake:
            self._condition(*self._path)

    def _condition(self, loss: float, delay: float) -> None:
        for link in (self.relay.up, self.relay.down):
            link.loss, link.delay = loss, delay

    def _later(self, seconds: float, do: Callable[[], object]) -> None:
        def done() -> None:
            self._timers.discard(timer)
            do()

        timer = asyncio.get_running_loop().call_later(seconds, done)
        self._timers.add(timer)

    async def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        await super().close()
        self.relay.close()
        await self.wire.close()


def _link(chance: Random, delay: float) -> Link:
    return Link(
        chance.getrandbits(32),
        loss=0.1,
        delay=delay,
        jitter=0.02,
        reorder=0.05,
        held=0.03,
        duplicate=0.03,
    )


def _show(watch: Watch, number: int, datagram: bytes, at: int) -> None:
    """SRTP is shown, SRTCP and the rest are not (RFC 7983, RFC 5761)."""
    if len(datagram) > 1 and 128 <= datagram[0] < 192 and not 192 <= datagram[1] < 224:
        watch.datagram(number, at)
