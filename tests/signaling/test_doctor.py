"""`motesrum doctor` names what is wrong, in words that say what to do."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import certificate
from tests.support.command import run
from tests.support.redis_process import DURABLE, RedisProcess


class Machine:
    """Fit for the service, until a test makes a mistake in `lines` or in the folder."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._config = folder / "motesrum.toml"

    async def faults(self, lines: str = "") -> list[str]:
        """What is told to be wrong. The exit code says whether there is anything."""
        self._config.write_text(f"http_port = 0\nmedia_port = 0\n{lines}", "utf-8")
        ended = await run("doctor", "--config", str(self._config), "--data", str(self.data))
        wrong = [line for line in ended.out.splitlines() if line.startswith("WRONG")]
        assert (ended.code, ended.err) == (1 if wrong else 0, ""), ended
        return wrong


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path / "redis").running() as process:
        yield process


def on_redis(process: RedisProcess, more: str = "") -> str:
    return f'store = "redis"\n[redis]\nurl = "redis://127.0.0.1:{process.port}"\ntimeout = 0.5\n{more}'


async def test_a_fit_machine_has_no_faults(machine: Machine, redis: RedisProcess, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    assert await machine.faults(f'tls_cert = "{cert}"\ntls_key = "{key}"\n') == []
    assert not (machine.data / "motesrum.sqlite").exists()
    assert await machine.faults(on_redis(redis)) == []
    assert redis.flat("KEYS", "motesrum:records:*") == ""


async def test_a_strange_address_is_named(machine: Machine) -> None:
    [told] = await machine.faults('media_listen = [{ip = "192.0.2.77"}]\n')
    assert told.endswith("this machine has no such address")


async def test_keys_that_others_can_read_are_named(machine: Machine) -> None:
    folder = machine.data / "keys"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    [told] = await machine.faults()
    assert told.endswith("keys is open to others")


async def test_a_folder_that_is_none_is_named(machine: Machine) -> None:
    machine.data.write_text("")
    assert any("can be written" in told for told in await machine.faults())


async def test_an_address_without_cameras_is_named(machine: Machine) -> None:
    [told] = await machine.faults('public_url = "http://meetings.example.se"\n')
    assert told.endswith("http://meetings.example.se is neither")


async def test_a_certificate_that_does_not_hold_is_named(machine: Machine, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    old, old_key = certificate(tmp_path, days=-3, name="old")
    ending, ending_key = certificate(tmp_path, days=3, name="ending")
    for pair, told in (
        ((old, old_key), "old.pem has expired on"),
        ((ending, ending_key), "ending.pem expires on"),
        ((cert, old_key), "old.key is not the key of"),
        ((key, cert), "are not a certificate and a key"),
    ):
        [found] = await machine.faults(f'tls_cert = "{pair[0]}"\ntls_key = "{pair[1]}"\n')
        assert told in found


async def test_a_database_with_another_key_is_named(machine: Machine) -> None:
    machine.data.mkdir()
    (machine.data / "motesrum.sqlite").touch()
    assert await machine.faults() == []
    (machine.data / "motesrum.key").write_bytes(os.urandom(32))
    [told] = await machine.faults()
    assert "does not belong to" in told


async def test_redis_that_is_away_is_named_once(machine: Machine, tmp_path: Path) -> None:
    [told] = await machine.faults(on_redis(RedisProcess(tmp_path / "none")))
    assert "cannot be reached" in told


async def test_redis_that_wants_a_password_is_named(machine: Machine, tmp_path: Path) -> None:
    with RedisProcess(tmp_path / "closed", (*DURABLE, "requirepass open-sesame")).running() as closed:
        [told] = await machine.faults(on_redis(closed))
    assert "refuses the user" in told


async def test_redis_that_could_lose_or_keep_too_much_is_named(machine: Machine, tmp_path: Path) -> None:
    lax = ("appendonly yes", "appendfsync everysec", "save 900 1")
    with RedisProcess(tmp_path / "lax", lax).running() as process:
        losing, keeping = await machine.faults(on_redis(process))
    assert "must have appendfsync always" in losing
    assert 'set save "" in redis.conf' in keeping


async def test_missing_replicas_are_named(machine: Machine, redis: RedisProcess) -> None:
    found = await machine.faults(on_redis(redis, "replicas = 1\n"))
    assert any("there are 0, and every write waits for 1" in told for told in found)
