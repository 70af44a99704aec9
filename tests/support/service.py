"""The whole service on free ports of loopback, with its real store and media worker, for tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from config.settings import Settings
from signaling.services import Services
from signaling.serving import running
from tests.support.raw_client import RawClient

STATIONS = (
    {"agency": "skatteverket", "purpose": "Folkbokföring", "minutes": 25},
    {"agency": "forsakringskassan", "purpose": "Barnbidrag", "minutes": 20},
)
SITE = "gavle"


class Refused(Exception):
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.code = body.get("code") if isinstance(body, dict) else None


@dataclass
class Service:
    """`rest` calls as a member of the site's staff."""

    services: Services
    url: str
    http: aiohttp.ClientSession
    staff_token: str

    async def rest(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's body; `Refused` for 4xx and 5xx."""
        authorised = {"Authorization": f"Bearer {self.staff_token}", **headers}
        async with self.http.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=authorised
        ) as answer:
            text = await answer.json(content_type=None) if answer.status != 204 else None
            if answer.status >= 400:
                raise Refused(answer.status, text)
            return text

    async def meeting(self, **body: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.rest(
            "POST",
            "/meetings",
            {"site": SITE, "alias": "Samira", "languages": ["ar", "sv"], "stations": STATIONS, **body},
        )
        return made

    async def invite(self, meeting: str, role: str, **body: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.rest(
            "POST", f"/meetings/{meeting}/invitations", {"role": role, **body}
        )
        return made

    async def joined(self, meeting: str, role: str, *, mixes: bool = True, **body: Any) -> RawClient:
        """A raw client that has come in by a fresh link; the caller closes it."""
        client = RawClient(self.url)
        invitation = await self.invite(meeting, role, **body)
        await client.join_with_code(invitation["code"], mixes=mixes)
        return client

    async def officer(self, meeting: str, station: Mapping[str, Any]) -> RawClient:
        return await self.joined(meeting, "officer", agency=station["agency"], station=station["number"])


USUAL = {
    "http_port": 0,
    "media_port": 0,
    "media_workers": 1,
    "worker_silence": 20,
    "log_level": "warning",
}
"""A busy machine is no stalled worker."""


def settings_for(data: Path, **changes: Any) -> Settings:
    return Settings(data=data, **{**USUAL, **changes})


@asynccontextmanager
async def service(data: Path, **changes: Any) -> AsyncIterator[Service]:
    """Runs until the block ends; the same `data` again is the same service after a restart."""
    async with running(settings_for(data, **changes)) as (services, url), aiohttp.ClientSession() as http:
        token, _ = services.tokens.issue_staff(sub="lena", name="Lena Ek", role="host", sites=[SITE])
        yield Service(services, url, http, token)
