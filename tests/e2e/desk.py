"""A member of staff at a service that runs as a process: meetings and links over REST."""

from urllib.parse import urlsplit

import aiohttp


class Desk:
    """REST as a member of staff who has signed in with a link; their session is a cookie."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def sign_in(self, link: str) -> None:
        await self.call("POST", "/staff/session", {"code": urlsplit(link).path.rsplit("/", 1)[1]})

    async def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        request = self._http.request(
            method, f"{self._url}/api/v1{path}", json=body, headers={"Origin": self._url}
        )
        async with request as answer:
            assert answer.status < 300, await answer.text()
            found: dict[str, object] = await answer.json()
            return found
