"""coturn with the configuration that we ship: it lets in whom we say, and relays to media alone."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import Settings
from signaling.turn import Turn
from tests.deployment.network import RELAY, SITE, Network, network
from tests.support.certificates import certificate

ROOT = Path(__file__).parents[2]
FORBIDDEN, OTHER_FAMILY, UNAUTHORIZED = 403, 443, 401
ELSEWHERE = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.169.254")
OTHERS = (*ELSEWHERE, RELAY, "0.0.0.0", "224.0.0.1", "8.8.8.8")
IN_SIX = ("::1", "::ffff:10.0.0.1", f"::ffff:{SITE}", "fe80::1", "fc00::1", "2001:db8::1")


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Network]:
    cert, key = certificate(tmp_path)
    (tmp_path / "turn.secret").write_text("open sesame\n")
    async with network(tmp_path) as made:
        await made.start(
            "coturn",
            str(ROOT / "config/coturn/start"),
            RUNTIME_DIRECTORY=str(tmp_path),
            TURN_ADDRESS=RELAY,
            TURN_REALM="turn.example.se",
            MEDIA_ADDRESSES=SITE,
            TURN_SECRET_FILE=str(tmp_path / "turn.secret"),
            TLS_CERT_FILE=str(cert),
            TLS_KEY_FILE=str(key),
        )
        await made.answers(RELAY, 3478)
        yield made


def credentials(folder: Path, ago: float = 0.0) -> tuple[str, str]:
    settings = Settings(turn_urls=(f"turn:{RELAY}",), turn_secret_file=folder / "turn.secret")
    return Turn(settings, lambda: time.time() - ago).credentials("p_1")


async def asked(net: Network, username: str, password: str, *peers: str) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        *net.office,
        *(sys.executable, "-m", "tests.deployment.relaying", RELAY, username, password, *peers),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, net.said()
    said: dict[str, object] = json.loads(out)
    return said


async def test_the_relay_reaches_media_and_nothing_else(net: Network, tmp_path: Path) -> None:
    said = await asked(net, *credentials(tmp_path), SITE, *OTHERS, *IN_SIX)
    wanted = {
        SITE: 200,
        **dict.fromkeys(OTHERS, FORBIDDEN),
        **dict.fromkeys(IN_SIX, OTHER_FAMILY),
    }
    assert said == {"udp": wanted, "tcp": wanted, "tls": wanted}


async def test_the_relay_lets_in_nobody_else_and_nobody_for_long(net: Network, tmp_path: Path) -> None:
    username, password = credentials(tmp_path)
    nobody = {"udp": UNAUTHORIZED, "tcp": UNAUTHORIZED, "tls": UNAUTHORIZED}
    assert await asked(net, username, "a guess") == nobody
    assert await asked(net, "9999999999:" + username.partition(":")[2], password) == nobody
    assert await asked(net, *credentials(tmp_path, ago=700.0)) == nobody
