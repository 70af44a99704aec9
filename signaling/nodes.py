"""What one node asks of another: to carry out a command for a meeting that is there, to take one, to let one
go.

A call carries a seal (`seals.py`). Whoever does not know yet which process answers there is told so with the
refusal of their first call, and asks again.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from pydantic import TypeAdapter

from rooms.cluster import Node
from rooms.commands import Command
from rooms.decide import COMMANDS
from rooms.errors import Reason, Rejected
from rooms.store.base import StoreUnavailable
from signaling import strict_json
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.seals import Seals

log = structlog.get_logger(__name__)

PATH = "/node/v1/"
SEAL = "X-Motesrum-Seal"
PROCESS = "X-Motesrum-Process"
PATIENCE = 15.0

Params = Mapping[str, Any]
Work = Callable[[Params], Awaitable[None]]


class Elsewhere(ServiceError):
    """Another node acts for the meeting. `node`: its name, to be reached under `/n/<node>/`. `spread`: as in
    `Moving`, should it not answer there."""

    def __init__(self, node: str, spread: float | None = None) -> None:
        super().__init__("elsewhere", "the meeting is at another node; connect there")
        self.node = node
        self.spread = spread


class Moving(ServiceUnavailable):
    """Nobody has the meeting for a moment. `spread`: seconds over which all who wait for such meetings should
    come back."""

    def __init__(self, spread: float) -> None:
        super().__init__("moving", "another node takes the meeting up; try again")
        self.spread = spread


class Nodes:
    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self._http: aiohttp.ClientSession | None = None
        self._work: dict[str, Work] = {}
        self._processes: dict[str, str] = {}
        """Address of a node → the process that answered there last."""

    def answer(self, what: str, work: Work) -> None:
        """`work` is done when another node asks for it."""
        self._work[what] = work

    async def ask(self, node: Node, what: str, **params: Any) -> None:
        """Raises what the other one does: Rejected, ServiceError; ServiceUnavailable without an answer."""
        body = TypeAdapter(dict[str, Any]).dump_json(params)
        try:
            answer = await self._asked(node.url, PATH + what, body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.info("a node does not answer", node=node.name, why=repr(error))
            raise ServiceUnavailable("node_unavailable", "the meeting's node does not answer") from error
        _raise(answer)

    async def _asked(self, url: str, path: str, body: bytes) -> Mapping[str, Any]:
        """Once more when another process answers there than was known."""
        while True:
            known = self._processes.get(url, "")
            headers = {SEAL: self._seals.make(known, path, body)}
            async with self._session().post(url + path, data=body, headers=headers) as response:
                process = self._processes[url] = response.headers.get(PROCESS, "")
                if response.status != 404 or process == known:
                    answer: Mapping[str, Any] = await response.json(content_type=None)
                    return answer

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    def setup(self, app: web.Application) -> None:
        app.router.add_post(PATH + "{what}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        work = self._work.get(request.match_info["what"])
        sealed = self._seals.take(request.headers.get(SEAL, ""), request.path, body)
        if not sealed or work is None:
            refusal = {"unavailable": "node_unavailable", "message": "the other node does not take the call"}
            return web.json_response(refusal, status=404, headers={PROCESS: self._seals.process})
        try:
            await work(strict_json.loads(body.decode()))
        except Rejected as error:
            return web.json_response({"rejected": error.reason.value, "message": error.message})
        except Elsewhere as error:
            return web.json_response({"elsewhere": error.node})
        except ServiceUnavailable as error:
            return web.json_response({"unavailable": error.code, "message": error.message})
        except StoreUnavailable as error:
            return web.json_response({"unavailable": "store_unavailable", "message": str(error)})
        return web.json_response({})

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE, sock_connect=2))
        return self._http


def encoded(command: Command) -> dict[str, Any]:
    kind = type(command)
    return {"command": kind.__name__, "fields": TypeAdapter(kind).dump_python(command, mode="json")}


def decoded(params: Params) -> Command:
    """Raises KeyError, ValueError for a command of a newer program."""
    found: Command = TypeAdapter(_KINDS[params["command"]]).validate_python(params["fields"])
    return found


_KINDS = {kind.__name__: kind for kind in COMMANDS}


def _raise(answer: Mapping[str, Any]) -> None:
    if "rejected" in answer:
        raise Rejected(Reason(answer["rejected"]), answer["message"])
    if "elsewhere" in answer:
        raise Elsewhere(answer["elsewhere"])
    if answer:
        raise ServiceUnavailable(
            answer.get("unavailable", "node_unavailable"),
            answer.get("message", "the meeting's node refuses"),
        )
