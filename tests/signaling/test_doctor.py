"""`motesrum doctor` names what is wrong, in words that say what to do."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signaling import doctor, doctor_address, doctor_store, doctor_turn
from tests.support.certificates import certificate
from tests.support.command import refused, run
from tests.support.coturn import MEDIA, relay
from tests.support.redis_process import DURABLE, RedisProcess, free_port
from tests.support.service import settings_for


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


async def test_keys_that_others_can_read_are_named(machine: Machine, tmp_path: Path, secret: Path) -> None:
    for folder, line in ((machine.data / "keys", ""), (tmp_path / "else", 'keys_folder = "{}"\n')):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        [told] = await machine.faults(line.format(folder))
        assert told.endswith(f"{folder} is open to others")
        folder.chmod(0o700)
    secret.chmod(0o644)
    told = "\n".join(await machine.faults(relayed(secret, "turn:127.0.0.1:9?transport=tcp")))
    assert f"{secret} is open to others" in told


async def test_keys_that_are_none_are_named(machine: Machine) -> None:
    folder = machine.data / "keys"
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "first.key.pem"
    path.touch(mode=0o600)
    [told] = await machine.faults()
    assert told.endswith(f"{path}: is no private key in PEM")


async def test_a_disk_that_is_nearly_full_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ROOM", 1 << 62)
    [told] = await machine.faults()
    assert "MiB are left" in told


async def test_a_folder_that_is_none_is_named(machine: Machine) -> None:
    machine.data.write_text("")
    assert any("can be written" in told for told in await machine.faults())


async def test_an_address_without_cameras_is_named(machine: Machine) -> None:
    told = await machine.faults('public_url = "http://meetings.example.se"\n')
    assert any("http://meetings.example.se is neither: write https" in fault for fault in told)


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
        found = await machine.faults(f'tls_cert = "{pair[0]}"\ntls_key = "{pair[1]}"\n')
        assert told in "\n".join(found)


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


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "turn.secret"
    path.touch(mode=0o600)
    path.write_text("open sesame\n")
    return path


def relayed(secret: Path, *urls: str) -> str:
    return f'turn_urls = {json.dumps(urls)}\nturn_secret_file = "{secret}"\n'


async def test_a_relay_that_lets_our_people_in_is_no_fault(
    machine: Machine, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    async with relay(tmp_path / "turn", secret, cert, key) as coturn:
        ways = (f"turn:127.0.0.1:{coturn.port}", f"turn:127.0.0.1:{coturn.port}?transport=tcp")
        tls = f"turns:localhost:{coturn.tls_port}?transport=tcp"
        assert await machine.faults(relayed(secret, *ways, tls)) == []
        monkeypatch.delenv("SSL_CERT_FILE")
        [told] = await machine.faults(relayed(secret, tls))
    assert "its certificate is not trusted" in told


async def test_a_relay_that_does_not_reach_media_or_reaches_more_is_named(
    machine: Machine, tmp_path: Path, secret: Path
) -> None:
    media = 'media_listen = [{{ip = "127.0.0.1", announced = "{}"}}]\n'
    async with relay(tmp_path / "turn", secret, *certificate(tmp_path)) as coturn:
        way = relayed(secret, f"turn:127.0.0.1:{coturn.port}")
        assert await machine.faults(way + media.format(MEDIA)) == []
        [told] = await machine.faults(way + media.format("192.0.2.2"))
        assert "it does not relay to 192.0.2.2, where media is" in told
    inner = f"{MEDIA} {doctor_turn.FORBIDDEN_PEER}"
    async with relay(tmp_path / "open", secret, *certificate(tmp_path), media=inner) as coturn:
        [told] = await machine.faults(relayed(secret, f"turn:127.0.0.1:{coturn.port}"))
    assert "it relays to 169.254.169.254 too" in told


async def test_a_relay_with_another_secret_is_named(machine: Machine, tmp_path: Path, secret: Path) -> None:
    other = tmp_path / "other.secret"
    other.write_text("close sesame")
    async with relay(tmp_path / "turn", other, *certificate(tmp_path)) as coturn:
        [told] = await machine.faults(relayed(secret, f"turn:127.0.0.1:{coturn.port}"))
    assert "it knows another secret than turn_secret_file" in told


async def test_a_relay_that_does_not_answer_is_named(machine: Machine, secret: Path) -> None:
    url = f"turn:127.0.0.1:{free_port()}?transport=tcp"
    [told] = await machine.faults(relayed(secret, url))
    assert told.startswith(f"WRONG  the relay {url}")
    assert "nothing answers at 127.0.0.1" in told


async def test_a_relays_certificate_that_does_not_hold_is_named(
    machine: Machine, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = certificate(tmp_path, days=-3, name="old")
    strange = certificate(tmp_path, name="strange", names=("turn.example.se",))
    for (cert, key), wanted in ((old, "has expired"), (strange, "is not for localhost")):
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        async with relay(tmp_path / cert.stem, secret, cert, key) as coturn:
            [told] = await machine.faults(relayed(secret, f"turns:localhost:{coturn.tls_port}"))
        assert f"its certificate {wanted}" in told


async def test_a_certificate_for_another_name_is_named(machine: Machine, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, names=("*.example.se",))
    tls = f'tls_cert = "{cert}"\ntls_key = "{key}"\nmedia_listen = [{{ip = "192.0.2.1"}}]\n'
    assert not any(
        "certificate" in told
        for told in await machine.faults(tls + 'public_url = "https://meetings.example.se"\n')
    )
    told = await machine.faults(tls + 'public_url = "https://meetings.example.org"\n')
    assert any("is not for meetings.example.org" in fault for fault in told)


async def test_a_secret_that_cannot_be_read_is_named(machine: Machine, tmp_path: Path) -> None:
    config = tmp_path / "motesrum.toml"
    for secret, wanted in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        config.write_text(relayed(secret, "turn:turn.example.se"), "utf-8")
        told = await refused("doctor", "--config", str(config), "--data", str(machine.data))
        assert f"turn_secret_file: {secret} cannot be read: {wanted}" in told


async def test_a_port_that_is_taken_is_named(machine: Machine, tmp_path: Path) -> None:
    config = tmp_path / "motesrum.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(f"http_port = {port}\nmedia_port = 0\n", "utf-8")
        ended = await run("doctor", "--config", str(config), "--data", str(machine.data))
    told = f"WRONG  port {port} on 127.0.0.1 is free, or this service's: another program has it"
    assert told in ended.out


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ('public_url = "https://localhost"', "is https, but nothing here speaks it"),
        (
            'http_port = 8093\npublic_url = "http://localhost:8094"',
            "is port 8094, but pages are served at port 8093",
        ),
    ],
)
async def test_an_address_that_does_not_fit_is_named(tmp_path: Path, lines: str, wanted: str) -> None:
    config = tmp_path / "motesrum.toml"
    config.write_text(f"media_port = 0\n{lines}\n", "utf-8")
    ended = await run("doctor", "--config", str(config), "--data", str(tmp_path / "data"))
    assert "WRONG  people reach the service at public_url: " in ended.out
    assert wanted in ended.out


async def test_https_without_s_is_named(machine: Machine, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    [told] = await machine.faults(
        f'tls_cert = "{cert}"\ntls_key = "{key}"\npublic_url = "http://localhost"\n'
    )
    assert "is http, but pages are served with tls_cert" in told


@pytest.mark.parametrize(
    ("media", "public", "wanted"),
    [
        ("127.0.0.1", "https://198.51.100.7", "127.0.0.1 is this machine alone"),
        ("10.1.2.3", "https://9.9.9.9", "10.1.2.3 is of an inner network, and 9.9.9.9 is not: set announced"),
    ],
)
def test_a_media_address_that_nobody_outside_reaches_is_named(
    tmp_path: Path, media: str, public: str, wanted: str
) -> None:
    behind = {"public_url": public, "trusted_proxies": ("127.0.0.1",)}
    for announced, told in ((None, wanted), ("9.9.9.10", None)):
        listen = ({"ip": media, "announced": announced},)
        checks = doctor_address.checks(settings_for(tmp_path, media_listen=listen, **behind))
        found = [check() for name, check in checks if "media at" in name]
        assert [fault and told in fault for fault in found] == [told and True]


def test_a_clock_that_is_wrong_is_named(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert doctor_store._clock({"time": f"{time.time():.0f}"}, settings) is None
    told = doctor_store._clock({"time": f"{time.time() + 90:.0f}"}, settings)
    assert told is not None
    assert "seconds behind: keep the time with NTP" in told
    told = doctor_store._clock({"time": f"{time.time() - 34_560_000:.0f}"}, settings)
    assert told is not None
    assert "400 days ahead" in told


async def test_a_user_of_redis_who_may_too_little_is_named(machine: Machine, tmp_path: Path) -> None:
    rules = (*DURABLE, "user motesrum on >sesame ~motesrum:* -@all +@read +ping +select +info")
    password = tmp_path / "redis.password"
    password.write_text("sesame")
    user = f'username = "motesrum"\npassword_file = "{password}"\n'
    with RedisProcess(tmp_path / "narrow", rules).running() as process:
        told = await machine.faults(on_redis(process, user))
    assert any("lacks a right" in fault and "config|get" in fault for fault in told), told
