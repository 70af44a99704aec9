"""What a browser is told and what it is not believed: policies, cookies, other sites' pages, guesses."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

import web as web_pages
from config.settings import Limits
from signaling.api.route import Access, Route
from signaling.api.table import ROUTES
from signaling.staff import COOKIE, Person
from tests.e2e.people import demand_pages
from tests.support.agency import GRANT, AgencySystem
from tests.support.rest import SITE, Answer, Service, browser, service

PUBLIC = "https://moten.example.se"
UNKNOWN = "A" * 22
LENA = Person("lena", "Lena Ek", "host", (SITE,))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


@pytest.fixture
async def public(tmp_path: Path) -> AsyncIterator[Service]:
    """As people reach it: over HTTPS, behind a proxy."""
    async with service(tmp_path, public_url=PUBLIC) as running:
        yield running


async def policy(running: Service, path: str = "/") -> dict[str, list[str]]:
    header = (await running.call("GET", path, token="")).headers["Content-Security-Policy"]
    return {name: values for name, *values in (part.split() for part in header.split(";"))}


async def test_a_page_runs_and_fetches_what_is_ours_and_nothing_else(public: Service) -> None:
    rules = await policy(public)
    assert rules["default-src"] == ["'none'"]
    for kind in ("script-src", "style-src", "font-src", "worker-src", "form-action"):
        assert rules[kind] == ["'self'"], kind
    for kind in ("object-src", "frame-src", "frame-ancestors", "base-uri"):
        assert rules[kind] == ["'none'"], kind
    assert rules["connect-src"] == ["'self'", "wss://moten.example.se"]
    allowed = {source for sources in rules.values() for source in sources}
    assert allowed == {"'none'", "'self'", "blob:", "data:", "wss://moten.example.se"}
    scripts = ("script-src", "worker-src", "connect-src", "default-src")
    assert not {"blob:", "data:"} & {source for kind in scripts for source in rules[kind]}


class _Inline(HTMLParser):
    """What the policy would refuse, in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        for name, value in attrs:
            if name.startswith("on") or name == "style" or (value or "").startswith(("javascript:", "data:")):
                self.found.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and data.strip():
            self.found.append(f"inline {self._open}")


def test_the_built_page_has_nothing_inline() -> None:
    demand_pages()
    parser = _Inline()
    parser.feed((web_pages.DIST / "index.html").read_text("utf-8"))
    assert parser.found == []


@pytest.mark.parametrize("path", ["/", "/j/abc", "/assets/none.js", "/api/v1/meetings", "/api/v1/none"])
async def test_every_answer_says_who_may_look_at_it_and_what_it_tells_others(
    public: Service, path: str
) -> None:
    headers = (await public.call("GET", path, token="")).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Cache-Control"] in ("no-store", "public, max-age=3600")
    assert "Access-Control-Allow-Origin" not in headers
    permitted = dict(part.split("=") for part in headers["Permissions-Policy"].split(", "))
    assert {what for what, who in permitted.items() if who == "(self)"} == {
        *("camera", "microphone", "display-capture", "autoplay", "fullscreen")
    }
    assert set(permitted.values()) == {"(self)", "()"}


async def test_without_https_nothing_is_promised_for_later(desk: Service) -> None:
    assert "Strict-Transport-Security" not in (await desk.call("GET", "/", token="")).headers


def cookies_of(answer: Answer) -> SimpleCookie:
    jar: SimpleCookie = SimpleCookie()
    jar.load(answer.headers["Set-Cookie"])
    return jar


async def test_the_cookie_of_staff_is_for_this_host_alone_and_for_no_script(public: Service) -> None:
    link = await public.services.staff.create_link(LENA)
    answer = await public.call("POST", "/api/v1/staff/session", {"code": link.code}, token="")
    ((name, cookie),) = cookies_of(answer).items()
    assert name == f"__Host-{COOKIE}"
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Strict")
    assert cookie["secure"]
    assert cookie["httponly"]
    headers = {"Cookie": f"{name}={cookie.value}"}
    assert (await public.call("GET", "/api/v1/staff/session", headers=headers, token="")).status == 200
    bare = {"Cookie": f"{COOKIE}={cookie.value}"}
    assert (await public.call("GET", "/api/v1/staff/session", headers=bare, token="")).status == 401


async def test_the_cookie_of_a_link_goes_to_one_call_only(public: Service) -> None:
    meeting = (await public.meeting())["id"]
    answer = await public.redeem((await public.invite(meeting, "newcomer"))["code"])
    ((name, cookie),) = cookies_of(answer).items()
    assert name.startswith("__Secure-")
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/api/v1/token", "", "Strict")
    assert cookie["secure"]
    assert cookie["httponly"]


def _address(route: Route) -> str:
    places = ("meeting", "invitation", "agency", "kid", "session", "screen", "account", "call")
    return route.url.format_map({**dict.fromkeys(places, "x"), "station": "1"})


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_a_cookie_alone_changes_nothing(desk: Service, origin: str | None) -> None:
    """Every call that changes something, from another site's page, with every role's cookie."""
    for role in ("host", "admin", "agency_admin", "interpreter"):
        sites = (SITE,) if role == "host" else ()
        person = Person(role, role, role, sites, "skatteverket" if role == "agency_admin" else None)
        link = await desk.services.staff.create_link(person)
        async with browser() as page:
            await desk.call("POST", "/api/v1/staff/session", {"code": link.code}, token="", session=page)
            for route in (each for each in ROUTES if each.changes and each.access is not Access.OPEN):
                headers = {"Content-Type": "application/json"} | ({"Origin": origin} if origin else {})
                answer = await desk.call(
                    route.method, _address(route), data=b"{}", headers=headers, token="", session=page
                )
                refused = (answer.status, answer.code)
                assert refused in ((403, "origin_forbidden"), (403, "not_allowed")), route.name
            assert (await desk.call("GET", "/api/v1/staff/session", token="", session=page)).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/staff/password", {"login": "a", "password": "b", "code": "1"}),
        ("/api/v1/staff/account", {"code": UNKNOWN, "password": "b", "totp": "1"}),
        ("/api/v1/screen/code", None),
    ],
)
async def test_a_page_of_another_site_signs_nobody_in(desk: Service, path: str, body: Any) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await desk.call("POST", path, body, headers=headers, token="")
    assert (answer.status, answer.code) == (403, "origin_forbidden")


@pytest.mark.parametrize("path", ["/api/v1/token", "/api/v1/staff/session", "/api/v1/meetings"])
async def test_no_other_site_s_script_is_let_through(desk: Service, path: str) -> None:
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await desk.call("OPTIONS", path, headers=asking, token="")
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_what_a_form_can_send_is_no_call(desk: Service, kind: str) -> None:
    """A page may send these to another site without asking."""
    for path in ("/api/v1/meetings", "/api/v1/staff/session", "/api/v1/staff/password"):
        answer = await desk.call("POST", path, data=b"{}", headers={"Content-Type": kind})
        assert answer.status == 415, path


async def wrong_codes(desk: Service, path: str, count: int) -> list[Answer]:
    bodies = [{"code": f"{number:022d}"} for number in range(count)]
    return [await desk.call("POST", path, body, token="") for body in bodies]


@pytest.mark.parametrize(
    "path", ["/api/v1/token", "/api/v1/links", "/api/v1/staff/session", "/api/v1/staff/account/link"]
)
async def test_whoever_guesses_codes_is_locked_out_and_nobody_else(desk: Service, path: str) -> None:
    answers = await wrong_codes(desk, path, 31)
    assert {answer.status for answer in answers[:30]} == {404}
    last = answers[30]
    assert (last.status, last.code) == (429, "too_many_failures")
    assert 50 <= int(last.headers["Retry-After"]) <= 61
    newcomer = await desk.invite((await desk.meeting())["id"], "newcomer")
    assert (await desk.redeem(newcomer["code"])).status == 200, "from the same address"
    link = await desk.services.staff.create_link(LENA)
    signed = await desk.call("POST", "/api/v1/staff/session", {"code": link.code}, token="")
    assert signed.status == 200
    desk.clock.ahead += 61
    assert (await wrong_codes(desk, path, 1))[0].status == 404
    assert int((await wrong_codes(desk, path, 1))[0].headers["Retry-After"]) > 61, "longer each time"


async def test_a_lock_survives_a_restart(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        await wrong_codes(desk, "/api/v1/token", 30)
    async with service(tmp_path) as desk:
        assert (await wrong_codes(desk, "/api/v1/token", 1))[0].status == 429


async def test_whoever_guesses_what_a_screen_shows_waits(desk: Service) -> None:
    async with browser() as screen:
        begun = await desk.call(
            "POST", "/api/v1/screen/code", headers={"Origin": desk.url}, token="", session=screen
        )
    answers = []
    for number in range(11):
        desk.services.limiter._buckets.clear()
        guess = {"code": f"{number:08d}", "name": "Rum 2", "site": SITE}
        answers.append(await desk.call("POST", "/api/v1/screens", guess))
    assert {answer.code for answer in answers[:10]} == {"screen_code_unknown"}
    assert (answers[10].status, answers[10].code) == (429, "too_many_failures")
    assert int(answers[10].headers["Retry-After"]) > 1
    right = {"code": begun.json["code"], "name": "Rum 2", "site": SITE}
    assert (await desk.call("POST", "/api/v1/screens", right)).status == 429, "the right one has to wait too"
    another = desk.staff_token(sub="berit")
    assert (await desk.call("POST", "/api/v1/screens", right, token=another)).status == 201


async def test_whoever_forges_assertions_is_locked_out_and_no_agency(desk: Service) -> None:
    tax = AgencySystem("skatteverket", desk.url)
    forger = AgencySystem("skatteverket", desk.url)
    await desk.services.agency_keys.add(tax.agency, tax.jwk())
    meeting = (await desk.meeting())["id"]

    async def sent(assertion: str) -> Answer:
        form = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
        return await desk.call("POST", "/api/v1/token", data=form, headers=FORM, token="")

    answers = [await sent(forger.asserts(meeting, 1)) for _ in range(31)]
    assert {answer.code for answer in answers[:30]} == {"assertion_signature"}
    assert (answers[30].status, answers[30].code) == (429, "too_many_failures")
    assert answers[30].json["error"] == "invalid_request"
    assert int(answers[30].headers["Retry-After"]) > 1
    assert (await sent(tax.asserts(meeting, 1))).status == 200


async def test_an_agency_that_lets_in_too_many_is_told_when_to_go_on(tmp_path: Path) -> None:
    async with service(tmp_path, limits=Limits(assertions_per_minute=2)) as desk:
        tax = AgencySystem("skatteverket", desk.url)
        await desk.services.agency_keys.add(tax.agency, tax.jwk())
        meeting = (await desk.meeting())["id"]
        for status in (200, 200, 429):
            form = urlencode({"grant_type": GRANT, "assertion": tax.asserts(meeting, 1)}).encode()
            answer = await desk.call("POST", "/api/v1/token", data=form, headers=FORM, token="")
            assert answer.status == status
        assert answer.code == "too_many_requests"
        assert int(answer.headers["Retry-After"]) >= 1


async def test_too_many_calls_and_connections_are_told_when_to_come_back(tmp_path: Path) -> None:
    few = Limits(redemptions_per_minute=2, connections_per_address=1, calls_burst=2, calls_per_second=0.1)
    async with service(tmp_path, limits=few) as desk:
        for status in (404, 404, 429):
            answer = await desk.redeem(UNKNOWN)
            assert answer.status == status
        assert int(answer.headers["Retry-After"]) >= 1
        for status in (200, 200, 429):
            answer = await desk.call("GET", "/api/v1/meetings")
            assert answer.status == status
        assert (answer.code, int(answer.headers["Retry-After"]) >= 1) == ("too_many_requests", True)
        async with aiohttp.ClientSession() as http:
            await http.ws_connect(f"{desk.url}/api/v1/socket")
            answer = await desk.call("GET", "/api/v1/socket", token="")
            assert (answer.status, answer.code) == (429, "too_many_connections")
            assert int(answer.headers["Retry-After"]) >= 1
