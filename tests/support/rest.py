"""A whole service on a free port: real HTTP, a real database, and workers that only acknowledge."""

import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from config.settings import Settings
from signaling.app import build_services, create_app
from signaling.heads import PARSER
from signaling.services import Services
from tests.support.fake_workers import FakeWorkers

SITE = "norrkoping"
ELSEWHERE = "vaxjo"


class Clock:
    """The wall clock, moved on by a test."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The stable code of an error."""
        return str(self.json["code"])


@dataclass
class Service:
    services: Services
    url: str
    http: aiohttp.ClientSession
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        data: bytes | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> Answer:
        """With the host's token, unless another one (or "" for none) is given."""
        sent = {**(headers or {})}
        bearer = self.host_token if token is None else token
        if bearer:
            sent.setdefault("Authorization", f"Bearer {bearer}")
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        async with (session or self.http).request(
            method, self.url + path, data=data, headers=sent, allow_redirects=False
        ) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    @property
    def host_token(self) -> str:
        return self.staff_token()

    def staff_token(
        self,
        sub: str = "anna",
        role: str = "host",
        sites: tuple[str, ...] = (SITE,),
        agency: str | None = None,
    ) -> str:
        return self.services.tokens.issue_staff(
            sub=sub, name=sub.title(), role=role, sites=sites, agency=agency
        )[0]

    async def meeting(self, **fields: Any) -> dict[str, Any]:
        wanted = {
            "alias": "Samira",
            "languages": ["ar", "sv"],
            "stations": [{"agency": "skatteverket"}, {"agency": "forsakringskassan"}],
            **fields,
        }
        answer = await self.call("POST", "/api/v1/meetings", wanted)
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json
        return made

    async def invite(self, meeting: str, role: str, **fields: Any) -> dict[str, Any]:
        answer = await self.call("POST", f"/api/v1/meetings/{meeting}/invitations", {"role": role, **fields})
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json
        return made

    async def redeem(self, code: str, session: aiohttp.ClientSession | None = None) -> Answer:
        return await self.call("POST", "/api/v1/token", {"code": code}, token="", session=session)


@asynccontextmanager
async def service(
    data: Path, *, port: int = 0, clock: Clock | None = None, dist: Path | None = None, **settings: Any
) -> AsyncIterator[Service]:
    clock = clock or Clock()
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    chosen = Settings(data=data, http_port=port, **{"public_url": url, **settings})
    services = await build_services(chosen, workers=FakeWorkers(), clock=clock)  # type: ignore[arg-type]
    app = create_app(services) if dist is None else create_app(services, dist)
    runner = web.AppRunner(app, access_log=None, **PARSER)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        async with browser() as http:
            yield Service(services, url, http, clock)
    finally:
        await runner.cleanup()


def browser() -> aiohttp.ClientSession:
    """Keeps cookies as a browser does."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


Make = Callable[..., Any]
