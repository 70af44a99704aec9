"""Calls and notifications of JSON-RPC over one WebSocket, from the side of a client."""

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

ANSWER_WITHIN = 10.0

Notified = Callable[[str, dict[str, Any]], None]
Taken = Callable[[Any], None]


class CallFailed(Exception):
    """The server answered with an error: JSON-RPC's `number`, our stable `code`, and its `data`."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        self.method = method
        self.number = int(error.get("code", 0))
        self.data: dict[str, Any] = error.get("data") or {}
        self.code = str(self.data.get("code", ""))
        super().__init__(f"{method}: {self.code or self.number}: {error.get('message', '')}")


class ConnectionLost(ConnectionError):
    """The socket is closed; `close_code` is the WebSocket's."""

    def __init__(self, close_code: int | None) -> None:
        super().__init__(f"the socket is closed ({close_code})")
        self.close_code = close_code


@dataclass(frozen=True)
class _Waiting:
    method: str
    answer: asyncio.Future[Any]
    taken: Taken


class Connection:
    """Calls and notifications over one WebSocket. Calls may overlap; each has its own answer."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, notified: Notified, lost: Callable[[], None]
    ) -> None:
        self._socket, self._notified, self._lost = socket, notified, lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._reader = asyncio.create_task(self._read())

    @property
    def closed(self) -> bool:
        return self._reader.done()

    async def call(self, method: str, taken: Taken = lambda result: None, /, **params: Any) -> Any:
        """The result, or `CallFailed`, `ConnectionLost`, `TimeoutError`.

        `taken` gets the result before any later message is read.
        """
        if self.closed:
            raise ConnectionLost(self._socket.close_code)
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = _Waiting(method, answer, taken)
        try:
            await self._socket.send_json({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            return await asyncio.wait_for(answer, ANSWER_WITHIN)
        except aiohttp.ClientConnectionError as error:
            raise ConnectionLost(self._socket.close_code) from error
        finally:
            self._waiting.pop(number, None)

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
        finally:
            for waiting in self._waiting.values():
                if not waiting.answer.done():
                    waiting.answer.set_exception(ConnectionLost(self._socket.close_code))
            self._lost()

    def _take(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            self._notified(message["method"], message.get("params", {}))
            return
        waiting = self._waiting.get(message["id"])
        if waiting is None or waiting.answer.done():
            return
        if "error" in message:
            waiting.answer.set_exception(CallFailed(waiting.method, message["error"]))
        else:
            waiting.taken(message.get("result"))
            waiting.answer.set_result(message.get("result"))

    async def close(self) -> None:
        await self._socket.close()
        await asyncio.wait([self._reader], timeout=2.0)
        self._reader.cancel()
