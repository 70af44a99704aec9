"""A participant whose media is another's work: pymediasoup, which negotiates as the pages do, over aiortc."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiortc import AudioStreamTrack, VideoStreamTrack
from pymediasoup import AiortcHandler, Device
from pymediasoup.consumer import Consumer
from pymediasoup.models.transport import DtlsParameters
from pymediasoup.rtp_parameters import RtpCapabilities, RtpParameters
from pymediasoup.transport import Transport

from signaling.connection import Connection
from tests.support.raw_client import redeem
from tests.support.rtc import Eventually

TRACKS = {"audio": AudioStreamTrack, "video": VideoStreamTrack}


class MediasoupClient:
    """`async with MediasoupClient(url) as client: await client.join(code)`."""

    def __init__(self, base_url: str) -> None:
        self.participant = ""
        self.consumers: dict[tuple[str, str], Consumer] = {}
        """By participant and source."""
        self._base_url = base_url
        self._stack = AsyncExitStack()
        self._eventually = Eventually()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def join(self, code: str) -> None:
        """Ready to receive, and to `send`."""
        token = (await redeem(self._base_url, code))["access_token"]
        socket = await self._http.ws_connect(f"{self._base_url}/api/v1/socket", max_msg_size=4 << 20)
        self._connection = Connection(socket, self._notified, self._eventually.changed)
        self._stack.push_async_callback(self._connection.close)
        answer = await self._connection.call("session.join", token=token)
        self.participant = answer["participant"]
        self._device = Device(handlerFactory=AiortcHandler.createFactory())
        await self._device.load(RtpCapabilities(**answer["router_rtp_capabilities"]))
        capabilities = self._device.rtpCapabilities
        assert capabilities is not None
        async with self._turn:
            self._receive = await self._transport(
                "recv", rtpCapabilities=capabilities.model_dump(mode="json", exclude_none=True)
            )

    async def send(self, kind: str, source: str) -> None:
        if not hasattr(self, "_send"):
            self._send = await self._transport("send")

            @self._send.on("produce")
            async def produce(kind: str, parameters: RtpParameters, about: dict[str, Any]) -> str:
                answer = await self._connection.call(
                    "media.produce",
                    transport=self._send.id,
                    kind=kind,
                    source=about["source"],
                    rtpParameters=parameters.model_dump(mode="json", exclude_none=True),
                )
                return str(answer["id"])

        await self._send.produce(track=TRACKS[kind](), appData={"source": source})

    async def receives(self, participant: str, source: str, deadline: float) -> Any:
        """A decoded picture, or piece of sound, of theirs."""
        key = participant, source
        await self._eventually.until(lambda: key in self.consumers, deadline, f"no {source}")
        async with asyncio.timeout(deadline):
            return await self.consumers[key].track.recv()

    async def _transport(self, direction: str, **more: Any) -> Transport:
        offer = await self._connection.call("media.createTransport", direction=direction, **more)
        if direction == "send":
            transport = self._device.createSendTransport(**offer, sctpParameters=None)
        else:
            transport = self._device.createRecvTransport(**offer)
        self._stack.push_async_callback(transport.close)

        @transport.on("connect")
        async def connect(parameters: DtlsParameters) -> None:
            await self._connection.call(
                "media.connectTransport",
                id=transport.id,
                dtlsParameters=parameters.model_dump(mode="json", exclude_none=True),
            )

        return transport

    def _notified(self, method: str, params: dict[str, Any]) -> None:
        if method == "media.newConsumer":
            task = asyncio.create_task(self._consume(params))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _consume(self, offer: dict[str, Any]) -> None:
        async with self._turn:
            consumer = await self._receive.consume(
                id=offer["id"],
                producerId=offer["producer"],
                kind=offer["kind"],
                rtpParameters=RtpParameters(**offer["rtpParameters"]),
            )
        await self._connection.call("media.resumeConsumer", id=offer["id"])
        self.consumers[offer["participant"], offer["source"]] = consumer
        self._eventually.changed()
