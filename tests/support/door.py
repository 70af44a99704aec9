"""A device on the WebSocket of `tests.support.rest.service`: whatever it is told must fit its model."""

import asyncio
import itertools
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp

from signaling.messages import CALLS, NOTIFICATIONS
from tests.support.rest import Service
from tests.support.rtc import Eventually


class Failed(Exception):
    """`number` is JSON-RPC's, `code` ours."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.number: int = error["code"]
        self.code: str = error["data"]["code"]


class Device:
    """`told` holds the notifications in order, `order` also the answers as ("answer", id)."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.order: list[tuple[str, Any]] = []
        self.me: dict[str, Any] = {}
        self.answers: dict[Any, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._methods: dict[int, str] = {}
        self._eventually = Eventually()

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        self.socket = await self._http.ws_connect(self.service.url + "/api/v1/socket", max_msg_size=4 << 20)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()
        await asyncio.gather(self._reader)

    async def hang_up(self) -> None:
        await self.socket.close()
        await self._http.close()

    @property
    def participant(self) -> str:
        return str(self.me["participant"])

    async def join(
        self, meeting: str, role: str, *, slot: str = "screen", **invitation: Any
    ) -> dict[str, Any]:
        """With a link of its own; the answer."""
        made = await self.service.invite(meeting, role, **invitation)
        return await self.join_with((await self.service.redeem(made["code"])).json["access_token"], slot)

    async def join_with(self, token: str, slot: str = "screen") -> dict[str, Any]:
        self.me = await self.call("session.join", token=token, slot=slot)
        return self.me

    async def resume(self, me: dict[str, Any], secret: str | None = None) -> dict[str, Any]:
        """As the device that was answered `me`."""
        self.me = await self.call(
            "session.resume",
            session=me["session"],
            secret=secret or me["secret"],
            last_event=me["last_event"],
        )
        return self.me

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._methods[number] = method
        await self.say({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        answer = await self.answer(number)
        if "error" in answer:
            raise Failed(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    async def say(self, frame: Any) -> None:
        await self.socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def answer(self, number: Any) -> dict[str, Any]:
        await self.until(lambda: number in self.answers or self._reader.done())
        assert number in self.answers, f"closed with {self.socket.close_code} before the answer"
        return self.answers.pop(number)

    async def until(self, predicate: Callable[[], object], what: str = "") -> None:
        await self._eventually.until(predicate, 5.0, what)

    def params(self, method: str) -> list[dict[str, Any]]:
        return [params for told, params in self.told if told == method]

    def events(self) -> list[dict[str, Any]]:
        return self.params("meeting.event")

    async def event(self, type_: str) -> dict[str, Any]:
        await self.until(lambda: any(e["type"] == type_ for e in self.events()), type_)
        return next(e for e in self.events() if e["type"] == type_)

    async def closed_with(self) -> str:
        """The code of `session.closed`, once the connection is closed too."""
        await self.until(lambda: self._reader.done(), "not closed")
        return str(self.params("session.closed")[-1]["code"])

    async def close_code(self) -> int | None:
        await self.until(lambda: self._reader.done(), "not closed")
        return self.socket.close_code

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
        finally:
            asyncio.get_running_loop().call_soon(self._eventually.changed)

    def _take(self, message: dict[str, Any]) -> None:
        assert message["jsonrpc"] == "2.0"
        if "method" in message:
            NOTIFICATIONS[message["method"]].model_validate(message["params"])
            self.told.append((message["method"], message["params"]))
            self.order.append((message["method"], message["params"]))
        else:
            number = message["id"]
            if "result" in message and number in self._methods:
                CALLS[self._methods[number]][1].model_validate(message["result"])
            self.answers[number] = message
            self.order.append(("answer", number))
        self._eventually.changed()
