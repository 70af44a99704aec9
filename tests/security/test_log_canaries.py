"""Nothing that the service writes, whatever happens to it, holds a code, a token, a password or a name."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pyotp
import pytest

from config.settings import Settings
from signaling.accounts import Accounts
from signaling.agency_keys import AgencyKeys
from signaling.app import make_staff, make_tokens
from signaling.flags import offline
from signaling.keys import KeyFolder
from signaling.staff import Person
from tests.e2e.process import Motesrum
from tests.support.agency import GRANT, AgencySystem
from tests.support.raw_client import CallFailed, RawClient

SITE = "gavle"
STATIONS = [{"agency": "skatteverket", "purpose": "Folkbokföring"}, {"agency": "kommun"}]
NAMES = {
    "newcomer": "Samira Alhaddad",
    "interpreter": "Amina Qasim",
    "companion": "Yusuf Tesfaye",
    "officer": "Karin Wallander",
    "host": "Lena Ekström",
    "stranger": "Mallory Nyberg",
}
CHAT = "barnet har feber i dag"
LOGIN, PASSWORD, WRONG = "lena.ekstrom", "korrekt häst batteri", "fel häst batteri"


@dataclass
class Run:
    """One service with everything that was secret in its life."""

    it: Motesrum
    http: aiohttp.ClientSession
    tax: AgencySystem
    totp: str
    secrets: set[str] = field(default_factory=lambda: {*NAMES.values(), CHAT, LOGIN, PASSWORD, WRONG})

    def secret(self, *values: object) -> None:
        self.secrets |= {str(value) for value in values if value}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """As the page does it; every cookie that is set is a secret."""
        headers = {"Origin": self.it.url, **headers}
        async with self.http.request(method, self.it.url + path, json=body, headers=headers) as answer:
            self.secret(*(cookie.value for cookie in answer.cookies.values()))
            return await answer.json(content_type=None) if "json" in answer.content_type else None

    async def link(self, meeting: str, role: str, **more: Any) -> dict[str, Any]:
        wanted = {"role": role, "name": NAMES[role], **more}
        made: dict[str, Any] = await self.call("POST", f"/api/v1/meetings/{meeting}/invitations", wanted)
        self.secret(made["code"], made["url"])
        return made


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    """With faults in it, and every line written."""
    async with Motesrum("serve", tmp_path, "--log-level", "debug", module="tests.security.clumsy") as it:
        settings = Settings(data=tmp_path, public_url=it.url)
        keys = KeyFolder(settings.keys)
        tax = AgencySystem("skatteverket", it.url)
        lena = Person(f"u_{LOGIN}", NAMES["host"], "host", (SITE,))
        async with offline(settings) as store:
            await AgencyKeys(store.records, time.time).add(tax.agency, tax.jwk())
            totp = await Accounts(store.records, keys.sealing_key(), time.time).add(LOGIN, lena, PASSWORD)
            link = await make_staff(settings, store, make_tokens(settings, keys)).create_link(lena)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            made = Run(it, http, tax, totp)
            made.secret(totp, link.code, link.url)
            await made.call("POST", "/api/v1/staff/session", {"code": link.code})
            yield made


async def sign_in_with_passwords(run: Run) -> None:
    code = pyotp.TOTP(run.totp).now()
    run.secret(code)
    for password in (WRONG, PASSWORD):
        sent = {"login": LOGIN, "password": password, "code": code}
        answer = await run.call("POST", "/api/v1/staff/password", sent)
        assert ("sites" in answer) == (password == PASSWORD)


async def let_in(run: Run, meeting: str) -> RawClient:
    """By the agency's assertion, used twice."""
    assertion = run.tax.asserts(meeting, 1, name=NAMES["officer"])
    run.secret(assertion, *assertion.split("."))
    given: dict[str, Any] = {}
    for _ in range(2):
        form = urlencode({"grant_type": GRANT, "assertion": assertion})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with run.http.post(f"{run.it.url}/api/v1/token", data=form, headers=headers) as answer:
            given = given or await answer.json()
    run.secret(given["access_token"], *given["access_token"].split("."))
    officer = RawClient(run.it.url)
    await officer.join(given["access_token"])
    return officer


async def meet(run: Run) -> str:
    wanted = {"alias": NAMES["newcomer"], "languages": ["ar"], "stations": STATIONS}
    meeting: str = (await run.call("POST", "/api/v1/meetings", wanted, **{"Idempotency-Key": "k1"}))["id"]
    people = {role: RawClient(run.it.url) for role in ("newcomer", "interpreter", "companion", "host")}
    for role, client in people.items():
        await client.join_with_code((await run.link(meeting, role))["code"])
    officer = await let_in(run, meeting)
    await run.call("POST", f"/api/v1/meetings/{meeting}/stations/1/start")
    newcomer = people["newcomer"]
    await newcomer.produce("audio")
    await newcomer.act("chat.send", text=CHAT)
    await officer.act("chat.send", text=CHAT)
    with pytest.raises(CallFailed, match="internal"):
        await newcomer.act("meeting.ready", ready=True)
    run.secret(newcomer.secret)
    await newcomer.cut()
    await newcomer.come_back(10.0)
    for client in (*people.values(), officer):
        run.secret(client.secret)
    await run.call("DELETE", f"/api/v1/grants?participant={officer.participant}")
    for client in (*people.values(), officer):
        await client.close()
    return meeting


async def pair_a_screen(run: Run) -> None:
    shown = await run.call("POST", "/api/v1/screen/code")
    run.secret(shown["code"])
    for code in ("0" * 8, shown["code"]):
        wanted = {"code": code, "name": NAMES["host"], "site": SITE}
        await run.call("POST", "/api/v1/screens", wanted)


async def attack(run: Run, meeting: str) -> None:
    """With everything that is secret where it does not belong."""
    unused = await run.link(meeting, "interpreter")
    token = run.tax.asserts(meeting, 1, name=NAMES["stranger"])
    run.secret(token, *token.split("."))
    name = quote(NAMES["stranger"])
    run.secret(name)
    for path in (
        f"/j/{unused['code']}",
        f"/s/{unused['code']}",
        f"/t/{token}",
        f"/t?access_token={token}",
        f"/{name}/{unused['code']}",
        f"/api/v1/meetings/{name}",
        f"/api/v1/{token}",
        f"/api/v1/invitations/{unused['id']}?code={unused['code']}",
        f"/sign-in/callback?code={unused['code']}&state={token}",
    ):
        for method in ("GET", "DELETE", "PUT"):
            await run.call(method, path)
    for body in ({"code": unused["code"][:-1] + "!"}, {"name": NAMES["stranger"], "alias": 1}, [token]):
        for path in ("/api/v1/token", "/api/v1/meetings", "/api/v1/staff/session", "/api/v1/staff/password"):
            await run.call("POST", path, body)
    await run.call("GET", "/api/v1/staff/session", Authorization=f"Bearer {token}")
    for raw in (
        f"GET /{NAMES['stranger']} {token}\r\n\r\n",
        f"{token} / HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\n{NAMES['stranger']}\x00: {token}\r\n\r\n",
        f"POST /api/v1/token HTTP/1.1\r\nHost: x\r\nContent-Length: {NAMES['stranger']}\r\n\r\n{token}",
        f"POST /api/v1/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{token}\r\n",
        f"GET /?{'x' * 9000}{token} HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", run.it.http_port)
        writer.write(raw.encode())
        writer.write_eof()
        await reader.read()
        writer.close()
    async with run.http.ws_connect(f"{run.it.url}/api/v1/socket") as ws:
        join = {"jsonrpc": "2.0", "id": 1, "method": "session.join", "params": {"token": token}}
        wild = {"jsonrpc": "2.0", "id": NAMES["stranger"], "method": token, "params": [NAMES["stranger"]]}
        for frame in (json.dumps(join), json.dumps(wild), token, '{"' + NAMES["stranger"]):
            await ws.send_str(frame)
            await ws.receive(5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in (token.encode()[:1200], b"\x00\x01\x00\x08!\x12\xa4B" + token.encode()[:20], b""):
            stranger.sendto(datagram, ("127.0.0.1", run.it.media_port))
    for path in ("/api/v1/catalogue", "/sign-out"):
        method = "GET" if "api" in path else "POST"
        assert (await run.call(method, path))["code"] == "internal_error"


async def test_no_secret_and_no_name_is_written(run: Run, tmp_path: Path) -> None:
    await sign_in_with_passwords(run)
    meeting = await meet(run)
    await pair_a_screen(run)
    await attack(run, meeting)
    await run.it.stop()
    written = "\n".join(await run.it.output())
    faults = ("call failed", "a call failed", "request failed", "Exception in callback", "never retrieved")
    for wanted in (*faults, "a fault in a thread", "ValueError", "clumsy.py", '"path": "/j/…"'):
        assert wanted in written, f"the test proves nothing: no {wanted}"
    spelled = {form for secret in run.secrets for form in spellings(secret)}
    assert [form for form in sorted(spelled) if form in written] == []


def spellings(secret: str) -> set[str]:
    """As it may stand in a line: as it is, in JSON, in Python, in an address, each word of a name alone."""
    words = [word for word in secret.split() if len(word) > 4 and word != "batteri"]
    plain = [secret, *words] if secret in NAMES.values() else [secret]
    return {
        form
        for text in plain
        for form in (text, json.dumps(text)[1:-1], repr(text)[1:-1], ascii(text)[1:-1], quote(text))
    }
