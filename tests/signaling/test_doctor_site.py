"""What `motesrum doctor` says of a site: the proxy in front, Redis across a network, the other nodes."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.cluster import Cluster
from config.redis import Redis
from config.settings import Settings
from signaling import doctor_cluster, doctor_ports, doctor_store, doctor_tls
from tests.support.certificates import certificate
from tests.support.redis_process import RedisProcess, free_port
from tests.support.service import service, settings_for

URL = "redis://{}:6379"


def redis_at(tmp_path: Path, host: str, **more: object) -> Redis:
    secret = tmp_path / "redis.password"
    secret.write_text("sesame")
    return Redis(url=URL.format(host), username="motesrum", password_file=secret, **more)


@pytest.mark.parametrize(
    ("redis", "told"),
    [
        (lambda path: Redis(url=URL.format("127.0.0.1")), None),
        (lambda path: Redis(url=URL.format("10.0.0.1")), "lets in whoever reaches it"),
        (lambda path: redis_at(path, "10.0.0.1"), None),
        (lambda path: redis_at(path, "9.9.9.9"), "write rediss://"),
        (lambda path: redis_at(path, "rooms", sentinels=("9.9.9.9:26379",)), "write rediss://"),
    ],
)
def test_redis_that_others_can_enter_or_listen_to_is_named(tmp_path: Path, redis, told) -> None:  # type: ignore[no-untyped-def]
    found = doctor_store._guarded(redis(tmp_path))
    assert found is None if told is None else told in str(found)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"maxmemory": "0", "used_memory": "9"}, None),
        ({"maxmemory": "10", "used_memory": "9"}, "90% of its maxmemory"),
        ({"aof_last_write_status": "err"}, "is its disk full"),
    ],
)
def test_redis_that_is_full_is_named(tmp_path: Path, facts: dict[str, str], told: str | None) -> None:
    found = doctor_store._able(facts, settings_for(tmp_path))
    assert found is None if told is None else told in str(found)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """Speaks TLS and nothing more, with the certificate that is loaded into its context."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate(tmp_path))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], context
    server.close()


async def seen(tmp_path: Path, port: int, scheme: str = "https") -> str | None:
    url = f"{scheme}://localhost:{port}"
    [(_, check)] = doctor_tls.checks(settings_for(tmp_path, public_url=url, trusted_proxies=("127.0.0.1",)))
    return await asyncio.to_thread(check)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({}, None),
        ({"days": -3.0}, "has expired"),
        ({"days": 3.0}, "expires on"),
        ({"names": ("meetings.example.se",)}, "is not for localhost"),
    ],
)
async def test_a_proxy_whose_certificate_does_not_hold_is_named(
    tmp_path: Path,
    door: tuple[int, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
    made: dict[str, object],
    told: str | None,
) -> None:
    port, context = door
    cert, key = certificate(tmp_path, name="proxy", **made)  # type: ignore[arg-type]
    context.load_cert_chain(cert, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    found = await seen(tmp_path, port)
    assert found is None if told is None else told in str(found)


async def test_a_proxy_that_is_not_there_or_not_trusted_is_named(
    tmp_path: Path, door: tuple[int, ssl.SSLContext]
) -> None:
    assert "is not trusted" in str(await seen(tmp_path, door[0]))
    assert "nothing answers at localhost" in str(await seen(tmp_path, free_port()))


async def test_ports_that_the_running_service_has_are_no_fault(tmp_path: Path) -> None:
    async def told(settings: Settings) -> list[str | None]:
        return [await asyncio.to_thread(check) for _, check in doctor_ports.checks(settings)]

    port, media = free_port(), free_port()
    async with service(tmp_path, http_port=port, media_port=media) as it:
        settings = it.services.settings
        [worker] = it.services.hub.workers.all
        before = worker.pid
        assert await told(settings) == [None, None]
        other = settings.model_copy(update={"data": tmp_path / "other"})
        for found in await told(other):
            assert "another program has it" in str(found)
        with socket.create_server(("127.0.0.1", 0)) as strange:
            taken = settings.model_copy(update={"http_port": strange.getsockname()[1]})
            found, _ = await told(taken)
        assert "another program has it" in str(found)
        await worker.call(lambda client: client.stats())
        assert worker.pid == before


async def test_nodes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with RedisProcess(tmp_path / "redis").running() as process:
        redis, key = f"redis://127.0.0.1:{process.port}", tmp_path / "redis.key"

        def node(name: str, **more: object) -> Settings:
            cluster = Cluster(name=name, lifetime=1.0, **more)
            return settings_for(
                tmp_path / f"data-{name}",
                store="redis",
                redis=Redis(url=redis, key_file=key),
                keys_folder=tmp_path / f"keys-{name}",
                cluster=cluster,
            )

        async def told(settings: Settings) -> str:
            [(_, check)] = doctor_cluster.checks(settings)
            return str(await asyncio.to_thread(check))

        assert await told(node("one")) == "None"
        one = node("one")
        given = {name: getattr(one, name) for name in ("store", "redis", "keys_folder", "cluster")}
        async with service(one.data, **given):
            assert await told(one) == "None"
            assert "another process is the node one" in await told(
                one.model_copy(update={"data": tmp_path / "other"})
            )
            two = node("two")
            assert "there are no keys in" in await told(two)
            shutil.copytree(one.keys, two.keys)
            assert await told(two) == "None"
            (two.keys / "sealing.key").write_bytes(bytes(32))
            assert "the node one does not believe us" in await told(two)
