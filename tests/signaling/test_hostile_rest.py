"""Whatever is sent to the REST door: a clear error, and the service goes on."""

import asyncio
import gzip
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signaling.api.route import ROLES, Route
from signaling.api.table import ROUTES
from signaling.invitations import InvitationError
from tests.support.rest import Answer, Service, service

UNLIMITED = {"calls_per_second": 1e6, "calls_burst": 10**6, "redemptions_per_minute": 10**6}
CHANGING = [route for route in ROUTES if route.changes]
WITH_BODY = [route for route in CHANGING if route.body is not None]
JSON = {"Content-Type": "application/json"}

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["", "sv", "kommun", "officer", "newcomer", "2026-01-01T00:00:00Z", "\x00", "p_1"])
)
FIELDS = (
    *(
        "site",
        "route",
        "alias",
        "planned_at",
        "languages",
        "people",
        "adults",
        "children",
        "room",
        "stations",
    ),
    *("agency", "purpose", "minutes", "position", "role", "station", "name", "language", "participant"),
    *("place", "code", "grant_type"),
)
NAMES = st.sampled_from(FIELDS) | st.text(max_size=10)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=8)
BODIES = st.one_of(
    OBJECTS.map(lambda value: json.dumps(value).encode()),
    VALUES.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.binary(max_size=300),
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path, limits=UNLIMITED) as running:
        yield running


def address(route: Route, meeting: str) -> str:
    places = {
        "meeting": meeting,
        "station": "1",
        "invitation": "i_none",
        "agency": "skatteverket",
        "kid": "k",
        "session": "ss_x",
        "screen": "d_none",
        "account": "ac_none",
        "call": "k_none",
    }
    return route.url.format_map(places)


def demand_clear(answer: Answer) -> None:
    """Done, or an error of the caller's with a code."""
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        assert answer.code


async def send(desk: Service, route: Route, meeting: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    roles = ROLES[route.access]
    role = next((each for each in ("host", "admin", "interpreter") if each in roles), None)
    token = "" if role is None else desk.staff_token(role=role)
    return await desk.call(route.method, address(route, meeting), data=body, headers=headers, token=token)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(bodies=st.lists(BODIES, min_size=1, max_size=6))
async def test_any_body_on_any_call_is_answered(bodies: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with service(Path(folder), limits=UNLIMITED) as desk:
            meeting = (await desk.meeting())["id"]
            for route in CHANGING:
                for body in bodies:
                    demand_clear(await send(desk, route, meeting, body, JSON))
            assert (await desk.call("GET", "/readyz")).status == 200
            assert (await desk.call("GET", "/api/v1/meetings")).status == 200


@settings(max_examples=50)
@given(
    path=st.text(max_size=60),
    query=st.dictionaries(
        st.sampled_from(["site", "date", "jti", "participant", "agency", "station", "meeting", "x"]),
        st.text(max_size=40),
        max_size=3,
    ),
)
async def test_any_address_and_query_is_answered(path: str, query: dict[str, str]) -> None:
    asked = urlencode(query)
    part = quote(path, safe="")
    with tempfile.TemporaryDirectory() as folder:
        async with service(Path(folder), limits=UNLIMITED) as desk:
            for method, address in (
                ("GET", f"/api/v1/meetings?{asked}"),
                ("DELETE", f"/api/v1/grants?{asked}"),
                ("GET", f"/api/v1/meetings/{part}"),
                ("POST", f"/api/v1/meetings/{part}/stations/{part}/start"),
                ("DELETE", f"/api/v1/invitations/{part}"),
                ("GET", f"/api/v1/{part}"),
                ("GET", f"/{part}"),
                ("GET", f"/j/{part}"),
                ("GET", f"/assets/{part}"),
            ):
                answer = await desk.call(method, address)
                assert answer.status < 500 or b"make web" in answer.body, (method, address, answer.body)


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.name)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"code": NaN}',
        b'{"code": Infinity}',
        b'{"code": 1e999}',
        b'{"code": "a", "code": "b"}',
        b'{"code": "\\ud800"}',
        b'{"code": "\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}",
        '{"code": "a"}'.encode("utf-16"),
        b'{"code": 1' + b"0" * 5000 + b"}",
        b"[" * 200_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000,
        b"{} {}",
        b"{'code': 'a'}",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_no_json_is_said_to_be_none(desk: Service, route: Route, body: bytes) -> None:
    meeting = (await desk.meeting())["id"]
    answer = await send(desk, route, meeting, body, JSON)
    assert (answer.status, answer.code) == (400, "invalid_json")
    assert (await desk.call("GET", "/readyz")).status == 200


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b"true"])
async def test_json_that_is_no_object_is_invalid(desk: Service, body: bytes) -> None:
    answer = await desk.call("POST", "/api/v1/meetings", data=body, headers=JSON)
    assert (answer.status, answer.code) == (422, "invalid")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", "", "a/b/c;;"])
async def test_another_type_of_body_is_refused(desk: Service, kind: str) -> None:
    answer = await desk.call("POST", "/api/v1/meetings", data=b"{}", headers={"Content-Type": kind})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_a_body_that_is_too_large_is_refused(desk: Service) -> None:
    limit = desk.services.settings.limits.body_bytes
    body = json.dumps({"alias": "x" * limit}).encode()
    answer = await desk.call("POST", "/api/v1/meetings", data=body, headers=JSON)
    assert (answer.status, answer.code) == (413, "too_large")


async def test_a_body_that_unpacks_to_too_much_is_refused(desk: Service) -> None:
    body = gzip.compress(b" " * (50 * 1024 * 1024))
    headers = {**JSON, "Content-Encoding": "gzip"}
    answer = await desk.call("POST", "/api/v1/meetings", data=body, headers=headers)
    assert (answer.status, answer.code) == (413, "too_large")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_a_body_that_does_not_unpack_is_refused(desk: Service, encoding: str) -> None:
    headers = {**JSON, "Content-Encoding": encoding}
    answer = await desk.call("POST", "/api/v1/meetings", data=b"not packed", headers=headers)
    assert answer.status == 400


async def test_a_body_that_breaks_off_ends_only_its_own_connection(desk: Service) -> None:
    port = desk.services.settings.http_port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST /api/v1/meetings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.host_token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await desk.call("GET", "/api/v1/meetings")).json["meetings"] == []


@settings(max_examples=50)
@given(junk=st.binary(min_size=1, max_size=400))
async def test_bytes_that_are_no_http_do_not_disturb_others(junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with service(Path(folder)) as desk:
            reader, writer = await asyncio.open_connection("127.0.0.1", desk.services.settings.http_port)
            writer.write(junk)
            writer.write_eof()
            async with asyncio.timeout(5):
                answer = await reader.read()
            writer.close()
            assert not answer.startswith(b"HTTP/1.1 5")
            assert (await desk.call("GET", "/healthz")).status == 200


ANY_BYTES = b"\xff\xfe\xed\xa0\x80"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /api/v1/meetings HTTP/1.1\r\nCookie: motesrum_staff=" + ANY_BYTES, 401),
        (
            b"DELETE /api/v1/staff/session HTTP/1.1\r\nOrigin: http://x\r\nCookie: motesrum_staff="
            + ANY_BYTES,
            204,
        ),
        (b"GET /api/v1/meetings HTTP/1.1\r\nAuthorization: Bearer " + ANY_BYTES, 401),
        (b"GET /api/v1/meetings HTTP/1.1\r\nAuthorization: " + ANY_BYTES, 401),
        (b"POST /api/v1/token HTTP/1.1\r\nContent-Length: 0\r\nContent-Type: " + ANY_BYTES, 415),
        (b"GET /j/%ff%fe HTTP/1.1", 200),
        (b"GET /api/v1/socket HTTP/1.1\r\nOrigin: " + ANY_BYTES, 403),
        (
            b"GET /api/v1/socket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + ANY_BYTES,
            400,
        ),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else None,
)
async def test_a_head_of_any_bytes_is_answered_and_is_no_failure(
    desk: Service, head: bytes, status: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.services.settings.http_port)
    writer.write(head + b"\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n")
    writer.close()
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer


async def test_a_used_link_with_a_cookie_of_any_bytes_is_refused(desk: Service) -> None:
    code = (await desk.invite((await desk.meeting())["id"], "interpreter"))["code"]
    assert (await desk.redeem(code)).status == 200
    cookie = ANY_BYTES.decode("utf-8", "surrogateescape")
    with pytest.raises(InvitationError) as refused:
        await desk.services.invitations.redeem(code, cookie)
    assert refused.value.code == "invitation_used"


@pytest.mark.parametrize("token", ["a.b.c", "x" * 5_000, "ö", "eyJhbGciOiJub25lIn0.e30.", "Bearer Bearer"])
async def test_a_bearer_token_that_is_none_is_refused(desk: Service, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = await desk.call("GET", "/api/v1/meetings", headers=headers, token="")
    assert (answer.status, answer.code) == (401, "token_invalid")


async def test_what_nobody_foresaw_is_a_problem_without_details(
    desk: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(desk.services.hub, "meetings", fails)
    answer = await desk.call("GET", "/api/v1/meetings")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.body
