"""A participant for tests, without a browser: knows what reached its kernel, and when.

async with RawClient(base_url) as officer:
    await officer.join_with_code(code)
    await officer.open_transports()
    consumer = await officer.wait_for_consumer("camera", newcomer.participant)
    await officer.wait_for(lambda: len(officer.packets(consumer)) > 10)
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import time_ns
from types import TracebackType
from typing import Any, Self

import aiohttp

from media import rtcp, rtp
from media.pictures import Portrait, look
from media.synthetic import Camera, Microphone
from media.voices import Voice, loop
from signaling.client import MeetingClient, Published, Received
from signaling.connection import CallFailed, ConnectionLost
from tests.support.rtc import Eventually

__all__ = ["CallFailed", "ConnectionLost", "Notification", "RawClient", "RtcpArrival", "RtpArrival", "redeem"]

DEFAULT_SOURCE = {"audio": "microphone", "video": "camera"}
VOICE = Voice(turns=(0, 1, 2, 3, 4, 5))


@dataclass(frozen=True)
class RtpArrival:
    """One RTP packet; `at` is the kernel's receive time, nanoseconds of CLOCK_REALTIME (`time.time_ns`)."""

    at: int
    ssrc: int
    sequence: int
    timestamp: int
    marker: bool
    payload_type: int
    payload: bytes
    extensions: dict[int, bytes]


@dataclass(frozen=True)
class RtcpArrival:
    """One RTCP datagram; `ssrcs` are all that it names, as sender, source or target."""

    at: int
    messages: tuple[rtcp.RtcpMessage, ...]
    ssrcs: frozenset[int]


@dataclass(frozen=True)
class Notification:
    """`at` is when it was read, nanoseconds of CLOCK_REALTIME."""

    at: int
    method: str
    params: dict[str, Any]


async def redeem(base_url: str, code: str) -> dict[str, Any]:
    """Exchange a one-time code for an access token: the answer of `POST /api/v1/token`, else `CallFailed`."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(base_url.rstrip("/") + "/api/v1/token", json={"code": code}) as response,
    ):
        answer: dict[str, Any] = await response.json(content_type=None)
        if response.status != 200:
            raise CallFailed("token", {"code": response.status, "message": str(answer), "data": answer})
        return answer


class RawClient(MeetingClient):
    """Keeps everything it gets. Leaves, and stops its sources, at the end of its `async with` block."""

    kernel_time = True

    def __init__(self, base_url: str, *, origin: str | None = None) -> None:
        super().__init__(base_url, origin=origin)
        self.events: list[Notification] = []
        self.rtcp_log: list[RtcpArrival] = []
        self.consumers: list[Received] = []
        self._rtp_log: dict[int, list[RtpArrival]] = {}
        self._sources: list[Camera | Microphone] = []
        self._eventually = Eventually()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def join_with_code(self, code: str, *, mixes: bool = True) -> dict[str, Any]:
        """Redeem and join; the snapshot."""
        return await self.join((await redeem(self.base_url, code))["access_token"], mixes=mixes)

    async def cut(self) -> None:
        """The socket breaks, without a goodbye; media goes on."""
        assert self._connection is not None
        found = self._connection._socket.get_extra_info("socket")
        if found is not None:
            found.shutdown(socket.SHUT_RDWR)
        await self.wait_for(lambda: not self.connected, what="still connected")

    async def produce(self, kind: str, source: str | None = None, *, label: str = "test") -> Published:
        """Publish and go on sending: speech in every turn, or a 320×180 picture ten times a second.

        Transports are opened if they are not.
        """
        if self._send is None:
            await self.open_transports()
        published = await self.publish(kind, source or DEFAULT_SOURCE[kind])
        if kind == "audio":
            microphone = Microphone(
                loop(VOICE), lambda spoken, at: self.send(published, spoken.payload, at, level=spoken.level)
            )
            self._sources.append(microphone)
        else:
            camera = Camera(
                Portrait(label, look("host")), lambda parts, at: self.send_picture(published, parts, at)
            )
            published.keyframe = camera.request_keyframe
            self._sources.append(camera)
        return published

    @property
    def sources(self) -> tuple[Camera | Microphone, ...]:
        """What is being sent; set `muted` to fall silent."""
        return tuple(self._sources)

    def packets(self, of: int | Received, *, after: int = 0) -> list[RtpArrival]:
        """Packets of an SSRC or consumer whose kernel receive time is later than `after` (nanoseconds)."""
        ssrc = of if isinstance(of, int) else of.ssrc
        return [arrival for arrival in self._rtp_log.get(ssrc, ()) if arrival.at > after]

    def all_packets(self, *, after: int = 0) -> list[RtpArrival]:
        """Every RTP packet later than `after`, whatever its SSRC."""
        return [arrival for log in self._rtp_log.values() for arrival in log if arrival.at > after]

    def rtcp_of(self, of: int | Received, *, after: int = 0) -> list[RtcpArrival]:
        """RTCP datagrams later than `after` that name this SSRC or consumer."""
        ssrc = of if isinstance(of, int) else of.ssrc
        return [arrival for arrival in self.rtcp_log if arrival.at > after and ssrc in arrival.ssrcs]

    def heard(self, participant: str) -> list[Received]:
        """All consumers of that participant's sources, ended ones included."""
        return [consumer for consumer in self.consumers if consumer.participant == participant]

    async def wait_for(self, predicate: Callable[[], object], deadline: float = 5.0, what: str = "") -> None:
        """Until `predicate()` is true; looked at again after everything that arrives."""
        await self._eventually.until(predicate, deadline, what)

    async def wait_for_consumer(
        self, source: str, participant: str | None = None, *, deadline: float = 5.0
    ) -> Received:
        """An open consumer of that source (and participant)."""

        def found() -> Received | None:
            for consumer in reversed(self.consumers):
                wanted = consumer.source == source and participant in (None, consumer.participant)
                if wanted and not consumer.closed:
                    return consumer
            return None

        await self.wait_for(found, deadline, f"no consumer of {source} from {participant or 'anybody'}")
        consumer = found()
        assert consumer is not None
        return consumer

    async def wait_for_event(self, type_: str, *, after: int = 0, deadline: float = 5.0) -> dict[str, Any]:
        """Params of the first `meeting.event` of that type read later than `after` (nanoseconds)."""

        def found() -> list[Notification]:
            return [
                event
                for event in self.events
                if event.method == "meeting.event" and event.params["type"] == type_ and event.at > after
            ]

        await self.wait_for(found, deadline, f"no {type_}")
        return found()[0].params

    def told(self, method: str) -> list[Notification]:
        """All notifications of that method so far."""
        return [event for event in self.events if event.method == method]

    def on_notification(self, method: str, params: dict[str, Any]) -> None:
        self.events.append(Notification(time_ns(), method, params))
        if method == "media.newConsumer":
            self.consumers.append(self.received[params["id"]])

    def on_rtp(self, data: bytes, arrived: int) -> None:
        packet = rtp.parse(data)
        self._rtp_log.setdefault(packet.ssrc, []).append(
            RtpArrival(
                arrived,
                packet.ssrc,
                packet.sequence,
                packet.timestamp,
                packet.marker,
                packet.payload_type,
                packet.payload,
                packet.extensions,
            )
        )
        self._eventually.changed()

    def on_rtcp(self, messages: list[rtcp.RtcpMessage], arrived: int) -> None:
        named = frozenset(ssrc for message in messages for ssrc in named_by(message))
        self.rtcp_log.append(RtcpArrival(arrived, tuple(messages), named))
        self._eventually.changed()

    def on_changed(self) -> None:
        self._eventually.changed()

    def stop_media(self) -> None:
        for source in self._sources:
            source.close()
        super().stop_media()


def named_by(message: rtcp.RtcpMessage) -> set[int]:
    """Every SSRC that an RTCP message names."""
    match message:
        case rtcp.SenderReport() | rtcp.ReceiverReport():
            return {message.ssrc, *(report.ssrc for report in message.reports)}
        case rtcp.SourceDescription():
            return {ssrc for ssrc, _ in message.names}
        case rtcp.Goodbye():
            return set(message.ssrcs)
        case rtcp.PictureLossIndication() | rtcp.Nack():
            return {message.sender_ssrc, message.media_ssrc}
        case rtcp.FullIntraRequest():
            return {message.sender_ssrc, *(ssrc for ssrc, _ in message.requests)}
        case rtcp.Remb():
            return {message.sender_ssrc, *message.ssrcs}
    body = message.body
    return {int.from_bytes(body[at : at + 4], "big") for at in (0, 4) if len(body) >= at + 4}
