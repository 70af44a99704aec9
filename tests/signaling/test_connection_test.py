"""What the page that tests a connection is given: a way to media that carries nothing, for a minute."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signaling import connection_test
from signaling.api.connection import MEASURES_PER_MINUTE
from tests.support.service import Refused, Service, service

URLS = ("turns:turn.example.se:443?transport=tcp",)
DEADLINE = 20.0


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    secret = tmp_path / "turn.secret"
    secret.write_text("open sesame")
    async with service(tmp_path / "data", turn_urls=URLS, turn_secret_file=secret) as running:
        yield running


async def asked(it: Service, path: str = "", body: Any = None, origin: str | None = None) -> Any:
    headers = {"Origin": it.services.settings.public_url if origin is None else origin}
    return await it.rest("POST", f"/connection-test{path}", body, **headers)


async def transports(it: Service) -> int:
    told = await it.services.hub.workers.all[0].call(lambda worker: worker.stats())
    return len(told["transports"])


async def test_a_path_and_relays_are_given_for_a_minute(it: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = await asked(it)
    [relay] = begun["ice_servers"]
    assert relay["urls"] == list(URLS)
    assert 0 < int(relay["username"].partition(":")[0]) - time.time() <= 60
    assert begun["transport"]["iceCandidates"]
    assert begun["address"] == "127.0.0.1"
    assert await transports(it) == 1
    monkeypatch.setattr(connection_test, "LASTS", 0.05)
    await asked(it)
    async with asyncio.timeout(DEADLINE):
        while await transports(it) > 1:
            await asyncio.sleep(0.02)


def test_whoever_tests_shares_few_places_at_a_relay() -> None:
    """And the same address always has the same one."""
    places = {connection_test.place_of(f"203.0.{n // 250}.{n % 250}") for n in range(2_000)}
    assert len(places) == connection_test.PLACES
    assert len({connection_test.place_of("203.0.113.9") for _ in range(3)}) == 1


async def test_only_our_own_page_is_given_any_and_not_without_end(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, body in (("", None), ("/line", {"letters": 1})):
        with pytest.raises(Refused) as refused:
            await asked(it, path, body, origin="https://elsewhere.example")
        assert refused.value.code == "origin_forbidden"
    monkeypatch.setattr(connection_test, "MOST", 2)
    await asked(it)
    await asked(it)
    with pytest.raises(Refused) as refused:
        await asked(it)
    assert refused.value.status == 429


async def test_an_address_tests_some_times_a_minute(it: Service) -> None:
    for _ in range(MEASURES_PER_MINUTE):
        await asked(it, "/line", {"letters": 0})
    with pytest.raises(Refused) as refused:
        await asyncio.gather(*(asked(it, "/line", {"letters": 0}) for _ in range(MEASURES_PER_MINUTE)))
    assert refused.value.code == "too_many_requests"


async def test_as_many_letters_come_as_are_asked_for(it: Service) -> None:
    for letters in (0, 1, 100_000):
        assert len((await asked(it, "/line", {"letters": letters, "filler": "a"}))["filler"]) == letters
    with pytest.raises(Refused) as refused:
        await asked(it, "/line", {"letters": 2_000_000})
    assert refused.value.status == 422
