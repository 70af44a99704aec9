"""A participant without a browser: JSON-RPC over the WebSocket, and media through `media.peer`.

`MeetingClient` joins, opens both transports, publishes, and accepts every
consumer that it is offered. Its media outlives a lost socket: `resume` comes back and makes anew only what is
gone. Bots and tests are built on it.
"""

import asyncio
import itertools
import logging
import struct
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from media import rtcp
from media.peer import Peer, PeerFailed, PeerState
from media.reception import ReceiveStatistics
from media.sending import OutgoingStream, wants_keyframe
from signaling.connection import CallFailed, Connection, ConnectionLost, Taken
from signaling.pauses import evenly, pause

log = logging.getLogger(__name__)

_RTP_HEADER = struct.Struct("!HHLL")
REPORT_EVERY = 1.0
"""Seconds between sender and receiver reports."""
OPEN_WITHIN = 8.0
COMES_BACK = frozenset({"slow_reader", "shutting_down", "moved"})
"""Goodbyes after which the session can be resumed, so that media is kept."""

PASSES = frozenset(
    {"moving", "shutting_down", "store_unavailable", "media_unavailable", "node_unavailable", "elsewhere"}
)
"""Refusals that are over after a while."""
NODES_TRIED = 3


@dataclass(frozen=True, eq=False)
class _Transport:
    offer: dict[str, Any]
    peer: Peer


@dataclass(eq=False)
class Received:
    """A consumer that we were given, and what has come of it."""

    id: str
    producer: str
    participant: str
    source: str
    kind: str
    parameters: dict[str, Any]
    statistics: ReceiveStatistics = field(init=False)
    closed: bool = False

    def __post_init__(self) -> None:
        clock_rate = int(self.parameters["codecs"][0]["clockRate"])
        self.statistics = ReceiveStatistics(self.ssrc, clock_rate)

    @property
    def ssrc(self) -> int:
        return int(self.parameters["encodings"][0]["ssrc"])


@dataclass(eq=False)
class Published:
    """A producer of ours; set `keyframe` to be told when somebody needs one."""

    id: str
    source: str
    stream: OutgoingStream
    keyframe: Callable[[], None] = lambda: None


class MeetingClient:
    """One device of one participant at `base_url` (http or https). `close` leaves.

    A lost socket is for the caller to come back from, with `resume` or `come_back`; media that the server has
    lost is made anew without being asked.

    Override `on_notification`, `on_rtp`, `on_rtcp` and `on_changed` to see more.
    """

    kernel_time = False
    peer_class = Peer

    def __init__(self, base_url: str, *, origin: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.participant = self.session = self.secret = ""
        self.snapshot: dict[str, Any] = {}
        self.capabilities: dict[str, Any] = {}
        self.closed_with: tuple[str, str] | None = None
        self.media_lost = False
        self.last_event = 0
        self.received: dict[str, Received] = {}
        self.published: dict[str, Published] = {}
        self._origin = origin
        self._node: str | None = None
        self._spread = 0.0
        self._http: aiohttp.ClientSession | None = None
        self._connection: Connection | None = None
        self._by_ssrc: dict[int, Received] = {}
        self._send: _Transport | None = None
        self._receive: _Transport | None = None
        self._transport_sequence = itertools.count(1)
        self._reporter: asyncio.Task[None] | None = None
        self._settling = asyncio.Lock()
        self._chores: set[asyncio.Task[Any]] = set()
        self._mids = itertools.count()
        self._stopped = False
        self._cname = uuid.uuid4().hex[:16]

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.closed

    async def join(self, token: str, slot: str = "screen", *, mixes: bool = True) -> dict[str, Any]:
        """Open the socket and join with an access token; the snapshot. Without `mixes` all sound is asked
        for as one consumer."""
        await self._enter("session.join", self._joined, token=token, slot=slot, mixes=mixes)
        return self.snapshot

    async def resume(self, *, restart_ice: bool = False) -> dict[str, Any]:
        """Come back to the session over a new socket; the snapshot.

        Media that still stands is kept, the rest is made anew. `restart_ice`: our network path has changed.
        """
        known: list[str] = []

        def resumed(answer: dict[str, Any]) -> None:
            """Consumers that are offered after the answer are new ones."""
            known.extend(self.received)
            self._joined(answer)

        answer = await self._enter(
            "session.resume",
            resumed,
            session=self.session,
            secret=self.secret,
            last_event=self.last_event,
        )
        await self._settle(answer["media"], known)
        if restart_ice:
            await self._restart_ice()
        return self.snapshot

    async def come_back(self, within: float) -> dict[str, Any]:
        """`resume`, with full jitter until the service answers; TimeoutError after `within` seconds."""
        turns = itertools.count()
        async with asyncio.timeout(within):
            for attempt in itertools.count():
                self._spread = 0.0
                try:
                    return await self.resume()
                except (aiohttp.ClientError, ConnectionLost, PeerFailed, TimeoutError):
                    self._node = None
                except CallFailed as error:
                    if error.code not in PASSES:
                        raise
                    self._node = None
                wait = evenly(self._spread, next(turns)) if self._spread else pause(attempt)
                await asyncio.sleep(wait)
        raise AssertionError

    def socket_url(self, node: str | None) -> str:
        """`node`: the one that has the meeting, where there are several."""
        return self.base_url + ("" if node is None else f"/n/{node}") + "/api/v1/socket"

    async def _enter(self, method: str, taken: Taken, /, **params: Any) -> Any:
        """The first call of a socket, at the node that has the meeting."""
        for tried in range(NODES_TRIED):
            connection = await self._connect_socket()
            try:
                return await connection.call(method, taken, **params)
            except CallFailed as error:
                self._spread = error.data.get("spread") or 0.0
                if error.code != "elsewhere" or tried == NODES_TRIED - 1:
                    raise
                self._node = error.data["node"]
        raise AssertionError

    async def _connect_socket(self) -> Connection:
        self._loop = asyncio.get_running_loop()
        if self._connection is not None:
            await self._connection.close()
        if self._http is None:
            self._http = aiohttp.ClientSession()
        headers = {} if self._origin is None else {"Origin": self._origin}
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                socket = await self._http.ws_connect(
                    self.socket_url(self._node), headers=headers, max_msg_size=4 << 20, heartbeat=20
                )
        except TimeoutError as error:
            raise ConnectionLost(None) from error
        self._connection = Connection(socket, self._notified, self.on_changed)
        return self._connection

    def _joined(self, answer: dict[str, Any]) -> None:
        self.participant, self.last_event = answer["participant"], answer["last_event"]
        self.session, self.secret = answer["session"], answer["secret"]
        self.snapshot, self.capabilities = answer["snapshot"], answer["router_rtp_capabilities"]
        self.closed_with = None

    async def call(self, method: str, /, **params: Any) -> Any:
        if self._connection is None:
            raise ConnectionLost(None)
        return await self._connection.call(method, **params)

    async def act(self, method: str, /, **params: Any) -> Any:
        """A mutating call with a `request` id of its own."""
        return await self.call(method, request=str(uuid.uuid4()), **params)

    async def open_transports(self) -> None:
        """Both of them, connected. Consumers may be offered from here on."""
        self._send = await self._transport("send")
        self._receive = await self._transport("recv")
        await asyncio.gather(self._connect(self._send), self._connect(self._receive))
        self._reporter = asyncio.create_task(self._report())

    async def _transport(self, direction: str) -> _Transport:
        offer = await self.call("media.createTransport", direction=direction)
        peer = self.peer_class(
            on_rtp=self._rtp,
            on_rtcp=self._rtcp,
            on_state=lambda state: self._transport_changed(peer, state),
            kernel_time=self.kernel_time,
        )
        return _Transport(offer, peer)

    def _transport_changed(self, peer: Peer, state: PeerState) -> None:
        ours = any(each is not None and each.peer is peer for each in (self._send, self._receive))
        if state in (PeerState.FAILED, PeerState.CLOSED) and ours and self.connected and not self._stopped:
            self.media_lost = True
            self.on_changed()

    async def _connect(self, transport: _Transport) -> None:
        offer, peer = transport.offer, transport.peer
        await self.call("media.connectTransport", id=offer["id"], dtlsParameters=peer.dtls_parameters)
        await peer.connect(offer["iceParameters"], offer["iceCandidates"], offer["dtlsParameters"])

    async def _settle(self, standing: Mapping[str, Any], known: Sequence[str]) -> None:
        """Bring our media in line with what the server still has; `known`: our consumers at that time."""
        kept = {each["id"] for each in standing["transports"]}
        if self._reporter is None:
            return
        async with self._settling:
            await self._settle_received(standing["consumers"], known, _stands(self._receive, kept))
            await self._settle_published(standing["producers"], _stands(self._send, kept))

    async def _settle_received(
        self, consumers: Sequence[dict[str, Any]], known: Sequence[str], stands: bool
    ) -> None:
        offered = {each["id"]: each for each in consumers} if stands else {}
        for gone in [each for each in known if each not in offered]:
            self._dismiss(gone)
        if not stands:
            earlier, self._receive = self._receive, None
            _close(earlier)
            self._receive = await self._transport("recv")
            await self._connect(self._receive)
        for id_, offer in offered.items():
            if id_ in self.received:
                self._begin(self._resume(self.received[id_]))
            else:
                self._notified("media.newConsumer", offer)

    async def _settle_published(self, producers: Sequence[dict[str, Any]], stands: bool) -> None:
        known = {each["id"] for each in producers} if stands else set()
        if not stands:
            earlier, self._send = self._send, None
            _close(earlier)
            self._send = await self._transport("send")
            await self._connect(self._send)
        for unknown in known - self.published.keys():
            await self._close_producer(unknown)
        for published in [each for each in self.published.values() if each.id not in known]:
            produced = await self._produce(published.stream, published.source)
            self.published.pop(published.id, None)
            published.id = produced
            self.published[produced] = published

    async def _close_producer(self, id_: str) -> None:
        try:
            await self.call("media.closeProducer", id=id_)
        except CallFailed as failure:
            if failure.code != "unknown_producer":  # it has ended meanwhile
                raise

    async def _restart_ice(self) -> None:
        for transport in (self._send, self._receive):
            if transport is not None:
                answer = await self.call("media.restartIce", id=transport.offer["id"])
                transport.peer.restart(answer["iceParameters"])

    async def _media_reset(self) -> None:
        """The server has lost all media: make it anew, until that works or the socket is lost."""
        for attempt in itertools.count():
            try:
                await self._settle({"transports": [], "producers": [], "consumers": []}, [*self.received])
                return
            except (CallFailed, PeerFailed, TimeoutError) as failure:
                log.info("media could not be made anew: %s", failure)
                await asyncio.sleep(pause(attempt))
            except ConnectionLost:
                return

    async def publish(self, kind: str, source: str) -> Published:
        """Announce a stream; send its packets with `send`."""
        if self._send is None:
            raise ConnectionLost(None)
        stream = OutgoingStream(
            kind,
            self.capabilities,
            mid=str(next(self._mids)),
            cname=self._cname,
            transport_sequence=self._transport_sequence,
        )
        published = Published(await self._produce(stream, source), source, stream)
        self.published[published.id] = published
        return published

    async def _produce(self, stream: OutgoingStream, source: str) -> str:
        if self._send is None:
            raise ConnectionLost(None)
        produced = await self.call(
            "media.produce",
            transport=self._send.offer["id"],
            kind=stream.kind,
            rtpParameters=stream.parameters,
            source=source,
        )
        return str(produced["id"])

    def send(
        self,
        published: Published,
        payload: bytes,
        media_time: float,
        *,
        marker: bool = False,
        level: int | None = None,
    ) -> None:
        """Send one packet of `media_time` (loop time in seconds)."""
        packet = published.stream.packet(payload, media_time, time.time(), marker=marker, level=level)
        if self._send is not None:
            self._send.peer.send_rtp(packet)

    def send_picture(self, published: Published, payloads: Sequence[bytes], media_time: float) -> None:
        """Send the packets of one picture, the last one with the marker."""
        for number, payload in enumerate(payloads, 1):
            self.send(published, payload, media_time, marker=number == len(payloads))

    def send_rtcp(self, packet: bytes) -> None:
        """To the server, on the receiving transport."""
        if self._receive is not None:
            self._receive.peer.send_rtcp(packet)

    async def close(self) -> None:
        """Leave: idempotent, stops everything that this client started."""
        self.stop_media()
        for task in tuple(self._chores):
            task.cancel()
        if self.connected and self.session:
            with suppress(CallFailed, ConnectionLost, TimeoutError):
                await self.call("session.leave")
        if self._connection is not None:
            await self._connection.close()
        if self._http is not None:
            await self._http.close()

    def stop_media(self) -> None:
        """Stop sending and receiving; the socket stays."""
        self._stopped = True
        if self._reporter is not None:
            self._reporter.cancel()
        for transport in (self._send, self._receive):
            if transport is not None:
                transport.peer.close()

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        """Every notification, after it has been taken in."""

    def on_rtp(self, packet: bytes, arrived: int) -> None:
        """Every packet received, unprotected; `arrived` in nanoseconds of the wall clock."""

    def on_rtcp(self, messages: list[rtcp.RtcpMessage], arrived: int) -> None:
        """Every RTCP datagram received, parsed."""

    def on_changed(self) -> None:
        """Something changed: a notification came, the socket closed, or a transport was lost."""

    def _notified(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "meeting.event":
                self.last_event = params["number"]
                self.snapshot = {**self.snapshot, **params.get("changes", {})}
            case "media.newConsumer":
                self._accept(params)
            case "media.consumerClosed":
                self._dismiss(params["id"])
            case "media.producerClosed":
                self.published.pop(params["id"], None)
            case "media.reset":
                self._begin(self._media_reset())
            case "session.closed":
                self.closed_with = params["code"], params["reason"]
                if params["code"] not in COMES_BACK:
                    self.stop_media()
        self.on_notification(method, params)
        self.on_changed()

    def _accept(self, offer: dict[str, Any]) -> None:
        received = Received(
            offer["id"],
            offer["producer"],
            offer["participant"],
            offer["source"],
            offer["kind"],
            offer["rtpParameters"],
        )
        self.received[received.id] = received
        self._by_ssrc[received.ssrc] = received
        self._begin(self._resume(received))

    async def _resume(self, received: Received) -> None:
        try:
            await self.call("media.resumeConsumer", id=received.id)
        except (CallFailed, ConnectionLost, TimeoutError) as failure:
            log.info("a consumer could not be resumed: %s", failure)
            if isinstance(failure, CallFailed) and failure.code == "unknown_consumer":
                self._dismiss(received.id)

    def _dismiss(self, identifier: str) -> None:
        received = self.received.pop(identifier, None)
        if received is not None:
            received.closed = True
            self._by_ssrc.pop(received.ssrc, None)

    def _begin(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _rtp(self, data: bytes, arrived: int) -> None:
        if len(data) < _RTP_HEADER.size:
            return
        _, sequence, timestamp, ssrc = _RTP_HEADER.unpack_from(data)
        received = self._by_ssrc.get(ssrc)
        if received is not None:
            received.statistics.add(sequence, timestamp, self._loop.time(), len(data))
        self.on_rtp(data, arrived)

    def _rtcp(self, data: bytes, arrived: int) -> None:
        try:
            messages = rtcp.parse(data)
        except ValueError:
            return
        now = self._loop.time()
        for message in messages:
            if isinstance(message, rtcp.SenderReport) and message.ssrc in self._by_ssrc:
                self._by_ssrc[message.ssrc].statistics.sender_report(message.ntp, now)
            for published in self.published.values():
                if wants_keyframe(message, published.stream.ssrc):
                    published.keyframe()
        self.on_rtcp(messages, arrived)

    async def _report(self) -> None:
        """Sender reports for what we publish, receiver reports for what we are sent."""
        while True:
            now = self._loop.time()
            for published in self.published.values():
                if self._send is not None and published.stream.packets:
                    self._send.peer.send_rtcp(published.stream.report(now, time.time()))
            blocks = [
                block
                for received in self.received.values()
                if (block := received.statistics.report(now)) is not None
            ]
            if self._receive is not None and blocks:
                self._receive.peer.send_rtcp(rtcp.build_receiver_report(_REPORTER_SSRC, blocks))
            await asyncio.sleep(REPORT_EVERY)


def _stands(transport: _Transport | None, kept: set[str]) -> bool:
    if transport is None or transport.peer.state is not PeerState.CONNECTED:
        return False
    return transport.offer["id"] in kept


def _close(transport: _Transport | None) -> None:
    if transport is not None:
        transport.peer.close()


_REPORTER_SSRC = 1
"""Whom our reports come from: this client sends nothing on the transport that it receives on."""
