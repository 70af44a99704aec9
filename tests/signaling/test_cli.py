"""The command `motesrum`: the service as a process, its tools beside it, one clear line for a mistake."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.rest import SITE

MOTESRUM = (sys.executable, "-m", "signaling.cli")
DEADLINE = 60


@dataclass
class Ended:
    code: int
    out: str
    err: str


async def start(*arguments: str, **environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *MOTESRUM, *arguments, stdout=PIPE, stderr=PIPE, env={**os.environ, **environment}
    )


async def run(*arguments: str, **environment: str) -> Ended:
    process = await start(*arguments, **environment)
    async with asyncio.timeout(DEADLINE):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def refused(*arguments: str, **environment: str) -> str:
    """The one line that a command which cannot begin writes."""
    ended = await run(*arguments, **environment)
    assert (ended.code, ended.out) == (2, ""), ended
    assert ended.err.count("\n") == 1, ended.err
    assert "Traceback" not in ended.err
    return ended.err


@asynccontextmanager
async def demo(data: Path, *arguments: str) -> AsyncIterator[dict[str, Any]]:
    """What the demo prints first; ended by SIGTERM, which it survives in good order."""
    process = await start("demo", "--json", "--no-bots", "--data", str(data), "--media-port", "0", *arguments)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            line = await process.stdout.readline()
        yield json.loads(line)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def redeem(http: aiohttp.ClientSession, link: str) -> dict[str, Any]:
    base, _, code = link.partition("/j/")
    async with http.post(f"{base}/api/v1/token", json={"code": code}) as answer:
        found: dict[str, Any] = await answer.json()
        return {"status": answer.status, **found}


async def test_the_demo_prints_a_link_for_each_role_and_keeps_its_meeting(tmp_path: Path) -> None:
    port = free_port()
    keys = [
        *("host", "newcomer", "interpreter"),
        *("officer:skatteverket", "officer:forsakringskassan", "officer:arbetsformedlingen"),
    ]
    async with aiohttp.ClientSession() as browser:
        async with demo(tmp_path, "--http-port", str(port)) as first:
            assert first["base_url"] == f"http://localhost:{port}"
            assert list(first["links"]) == keys
            opened = await redeem(browser, first["links"]["newcomer"])
            assert (opened["status"], opened["role"]) == (200, "newcomer")
            assert opened["meeting"] == first["meeting"]
            headers = {"Authorization": f"Bearer {first['host_token']}"}
            url = f"{first['base_url']}/api/v1/meetings/{first['meeting']}"
            async with browser.get(url, headers=headers) as answer:
                meeting = await answer.json()
            assert meeting["alias"] == "Samira"
            assert len(meeting["stations"]) == 3
            assert len(meeting["participants"]) == 6

        async with demo(tmp_path, "--http-port", str(port)) as second:
            assert second["meeting"] == first["meeting"]
            assert second["links"]["host"] == first["links"]["host"]
            assert second["links"]["newcomer"] != first["links"]["newcomer"]
            again = await redeem(browser, first["links"]["newcomer"])
            assert (again["status"], again["participant"]) == (200, opened["participant"])
            fresh = await redeem(browser, second["links"]["newcomer"])
            assert fresh["participant"] == opened["participant"]
            async with browser.get(url, headers=headers) as answer:
                assert [p["id"] for p in (await answer.json())["participants"]] == [
                    p["id"] for p in meeting["participants"]
                ]


async def test_a_staff_link_is_made_while_the_service_runs(tmp_path: Path) -> None:
    async with demo(tmp_path, "--http-port", "0") as running, aiohttp.ClientSession() as browser:
        made = await run("token", "--role", "host", "--site", SITE, "--name", "Anna", "--data", str(tmp_path))
        assert made.code == 0, made.err
        base, _, code = made.out.strip().partition("/s/")
        assert base == running["base_url"]
        async with browser.post(f"{base}/api/v1/staff/session", json={"code": code}) as answer:
            assert (answer.status, (await answer.json())["name"]) == (200, "Anna")
        async with browser.get(f"{base}/api/v1/meetings") as answer:
            assert [found["id"] for found in (await answer.json())["meetings"]] == [running["meeting"]]


async def test_a_second_service_on_the_same_folder_or_port_is_refused(tmp_path: Path) -> None:
    async with demo(tmp_path / "one", "--http-port", "0") as running:
        port = running["base_url"].rpartition(":")[2]
        line = await refused("serve", "--data", str(tmp_path / "one"), "--http-port", "0")
        assert "another service uses the data folder" in line
        line = await refused("serve", "--data", str(tmp_path / "two"), "--http-port", port)
        assert f"port {port} on 127.0.0.1 is taken" in line
        assert "--http-port" in line


async def test_a_taken_media_port_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        line = await refused("serve", "--data", str(tmp_path), "--http-port", "0", "--media-port", port)
    assert f"media port {port} on 127.0.0.1 is taken" in line


async def test_flags_win_over_variables_and_those_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "motesrum.toml"
    file.write_text('public_url = "https://file.example.se"\nlog_level = "error"\n', "utf-8")

    async def address(*flags: str, **environment: str) -> str:
        arguments = ("token", "--site", SITE, "--data", str(tmp_path), "--config", str(file), *flags)
        return (await run(*arguments, **environment)).out.partition("/s/")[0]

    variable = {"MOTESRUM_PUBLIC_URL": "https://variable.example.se"}
    assert await address() == "https://file.example.se"
    assert await address(**variable) == "https://variable.example.se"
    assert await address("--public-url", "https://flag.example.se", **variable) == "https://flag.example.se"


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("serve", "--config", "none.toml"), {}, "none.toml"),
        (("serve", "--public-url", "meetings"), {}, "--public-url"),
        (("serve",), {"MOTESRUM_HTTP_PROT": "1"}, "MOTESRUM_HTTP_PROT"),
        (("serve", "--tls-cert", "none.pem"), {}, "tls"),
        (("token", "--site", "atlantis"), {}, "atlantis"),
        (("token", "--site", SITE, "--role", "king"), {}, "--role"),
        (("serve", "--data", "/dev/null/x", "--http-port", "0"), {}, "/dev/null/x"),
        (("serve", "--http-host", "192.0.2.1", "--http-port", "0"), {}, "192.0.2.1"),
    ],
)
async def test_a_mistake_is_one_clear_line(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    data = () if "--data" in arguments else ("--data", str(tmp_path))
    assert says in await refused(*arguments, *data, **environment)


async def test_unknown_keys_of_the_file_are_named(tmp_path: Path) -> None:
    file = tmp_path / "motesrum.toml"
    file.write_text("http_prot = 1\n", "utf-8")
    assert "http_prot" in await refused("serve", "--config", str(file))


async def test_the_tools_tell_what_there_is(tmp_path: Path) -> None:
    first = json.loads((await run("keys", "--data", str(tmp_path))).out)["keys"]
    both = json.loads((await run("keys", "--new", "--data", str(tmp_path))).out)["keys"]
    assert len(first) == 1
    assert len(both) == 2
    assert both[1] == first[0]
    assert set(first[0]) == {"kty", "crv", "alg", "use", "kid", "x"}
    schema = json.loads((await run("schema")).out)
    assert schema["openapi"]["openapi"] == "3.1.0"
    assert schema["asyncapi"]["asyncapi"] == "3.0.0"


async def test_the_doctor_finds_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = await run("doctor", "--data", str(tmp_path), "--http-port", port, "--media-port", "0")
    assert ended.code == 1
    assert f"WRONG  port {port} on 127.0.0.1 is free" in ended.out
    assert "ok     data folder" in ended.out
    assert "ok     packets of sound and picture: many in a system call" in ended.out
    assert "ok     what moves them: compiled" in ended.out
    plain = await run(
        "doctor", "--data", str(tmp_path), MOTESRUM_MEDIA_BATCHED="false", MOTESRUM_MEDIA_COMPILED="no"
    )
    assert "packets of sound and picture: a system call for each (the settings say so)" in plain.out
    assert "what moves them: not compiled (the settings say so)" in plain.out
