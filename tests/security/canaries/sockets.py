"""A client's WebSocket, every frame of which is shown, with the time before which it was not made."""

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

Took = Callable[[int, str], None]
"""Called with that time (nanoseconds of CLOCK_REALTIME) and the frame."""


class WatchedSession:
    """Stands in for the part of aiohttp's session that a `MeetingClient` uses."""

    def __init__(self, took: Took) -> None:
        self._http = aiohttp.ClientSession()
        self._took = took

    async def ws_connect(self, *args: Any, **kwargs: Any) -> "WatchedSocket":
        return WatchedSocket(await self._http.ws_connect(*args, **kwargs), self._took)

    async def close(self) -> None:
        await self._http.close()


class WatchedSocket:
    """What comes after the answer to a call was made after the call was sent, for order is kept."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, took: Took) -> None:
        self._socket, self._took = socket, took
        self._since = time.time_ns()
        self._sent: dict[int, int] = {}

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code

    async def send_json(self, call: dict[str, Any]) -> None:
        self._sent[call["id"]] = time.time_ns()
        await self._socket.send_json(call)

    async def close(self) -> None:
        await self._socket.close()

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                answered = json.loads(message.data).get("id")
                self._since = self._sent.pop(answered, self._since)
                self._took(self._since, message.data)
            yield message
