"""The web pages and what every answer carries."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from aiohttp import ClientSession, web

from signaling.access_log import AccessLog, redacted
from tests.support.rest import Service, service

INDEX = "<!doctype html><title>Mötesrum</title>"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX, "utf-8")
    (folder / "assets" / "app-1a2b.js").write_text("export {}", "utf-8")
    (folder / "brand.svg").write_text("<svg/>", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    return folder


@pytest.fixture
async def desk(tmp_path: Path, dist: Path) -> AsyncIterator[Service]:
    async with service(tmp_path / "data", dist=dist) as running:
        yield running


@pytest.mark.parametrize("path", ["/", "/j/abc", "/s/abc", "/meetings/m_1", "/index.html", "/no/such.html"])
async def test_every_address_shows_the_application(desk: Service, path: str) -> None:
    answer = await desk.call("GET", path, token="")
    assert (answer.status, answer.body.decode()) == (200, INDEX)
    assert answer.headers["Cache-Control"] == "no-store"
    head = await desk.call("HEAD", path, token="")
    assert (head.status, head.body) == (200, b"")


async def test_assets_are_kept_for_long_and_other_files_for_a_while(desk: Service) -> None:
    asset = await desk.call("GET", "/assets/app-1a2b.js", token="")
    assert (asset.status, asset.body) == (200, b"export {}")
    assert "immutable" in asset.headers["Cache-Control"]
    assert "javascript" in asset.headers["Content-Type"]
    brand = await desk.call("GET", "/brand.svg", token="")
    assert brand.headers["Content-Type"] == "image/svg+xml"
    assert "immutable" not in brand.headers["Cache-Control"]
    assert (await desk.call("GET", "/assets/app-0000.js", token="")).status == 404


@pytest.mark.parametrize(("taken", "sent"), [("gzip, br", "br"), ("gzip", "gzip"), ("", None)])
@pytest.mark.parametrize("path", ["/assets/app-1a2b.js", "/j/abc"])
async def test_what_the_build_has_compressed_is_sent_so(
    desk: Service, dist: Path, path: str, taken: str, sent: str | None
) -> None:
    plain = (await desk.call("GET", path, token="")).headers
    for file in (dist / "index.html", dist / "assets" / "app-1a2b.js"):
        for form, suffix in (("br", ".br"), ("gzip", ".gz")):
            file.with_name(file.name + suffix).write_bytes(form.encode())
    url = desk.url + path
    async with ClientSession(auto_decompress=False) as client:
        async with client.get(url, headers={"Accept-Encoding": taken or "identity"}) as answer:
            assert answer.headers.get("Content-Encoding") == sent
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert answer.headers["Content-Type"] == plain["Content-Type"]
            assert answer.headers["Cache-Control"] == plain["Cache-Control"]
            assert sent is None or await answer.read() == sent.encode()
            tag = answer.headers["ETag"]
        again = {"Accept-Encoding": taken or "identity", "If-None-Match": tag}
        async with client.get(url, headers=again) as answer:
            assert answer.status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/%2fetc%2fpasswd",
        "/assets//etc/passwd",
        "/%00",
        "/%ff",
        "/" + "a" * 3000,
    ],
)
async def test_nothing_outside_the_pages_is_served(desk: Service, path: str) -> None:
    answer = await desk.call("GET", path, token="")
    assert answer.status in (200, 404)
    assert b"secret" not in answer.body
    assert b"root:" not in answer.body


async def test_without_built_pages_it_says_what_to_do(tmp_path: Path) -> None:
    async with service(tmp_path / "data", dist=tmp_path / "missing") as desk:
        answer = await desk.call("GET", "/j/abc", token="")
        assert answer.status == 503
        assert b"make web" in answer.body
        assert (await desk.call("GET", "/healthz", token="")).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/j/abc", "/assets/app-1a2b.js", "/assets/none.js", "/api/v1/meetings", "/api/v1/none"]
)
async def test_every_answer_is_guarded(desk: Service, path: str) -> None:
    headers = (await desk.call("GET", path, token="")).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    port = desk.services.settings.http_port
    assert f"connect-src 'self' ws://127.0.0.1:{port};" in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "motesrum"


async def test_pages_are_read_only(desk: Service) -> None:
    answer = await desk.call("POST", "/j/abc", {}, token="")
    assert (answer.status, answer.code) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/j/Zm9vYmFyYmF6cXV4MTIzNA", "/j/…"),
        ("/s/Zm9vYmFyYmF6cXV4MTIzNA/more", "/s/…/…"),
        ("/api/v1/invitations/i_0123456789abcdef", "/api/v1/invitations/…"),
        ("/api/v1/meetings/m_1", "/api/v1/meetings/m_1"),
        ("/t/eyJhbGciOiJFZERTQSJ9.e30.c2ln", "/t/…"),
        ("/Samira Haddad", "/…"),
        ("//sign-in/callback", "//sign-in/callback"),
        ("/api/v1/meetings/m_0a/stations/3/start", "/api/v1/meetings/m_0a/stations/3/start"),
    ],
)
def test_codes_do_not_reach_the_log(path: str, shown: str) -> None:
    assert redacted(path) == shown


async def test_a_request_is_logged_without_its_code_or_query() -> None:
    from aiohttp.test_utils import make_mocked_request

    request = make_mocked_request("GET", "/j/Zm9vYmFyYmF6cXV4MTIzNA?code=Zm9v")
    with structlog.testing.capture_logs() as lines:
        AccessLog(None, "").log(request, web.Response(), 0.002)  # type: ignore[arg-type]
    assert lines[0]["path"] == "/j/…"
    assert "Zm9v" not in str(lines)
