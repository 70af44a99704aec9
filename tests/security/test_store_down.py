"""With the store down, what takes away still works, and nothing else does."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rooms.store.base import StoreUnavailable
from rooms.store.memory import open_memory
from signaling.idempotency import Idempotency, Result
from signaling.staff import COOKIE, Person
from tests.support.door import Device
from tests.support.rest import SITE, Clock, Service, service


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def fail(*args: Any, **kwargs: Any) -> Any:
    raise StoreUnavailable("the disk is gone")


def break_store(it: Service, broken: pytest.MonkeyPatch) -> None:
    for name in ("get", "put_if_absent", "compare_and_set", "delete"):
        broken.setattr(it.services.store.records, name, fail)
    for name in ("append", "read"):
        broken.setattr(it.services.store.events, name, fail)


@pytest.mark.parametrize("key", [None, "k1"])
async def test_staff_pause_finish_remove_and_end_without_the_store(
    desk: Service, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await desk.meeting()
    path = f"/api/v1/meetings/{meeting['id']}"
    headers = {} if key is None else {"Idempotency-Key": key}
    async with Device(desk) as officer:
        await officer.join(meeting["id"], "officer", agency="skatteverket", station=1)
        await desk.call("POST", f"{path}/stations/1/start")
        with monkeypatch.context() as broken:
            break_store(desk, broken)
            paused = await desk.call("POST", f"{path}/pause", headers=headers)
            assert (paused.status, paused.json["state"]) == (200, "paused")
            assert (await desk.call("POST", f"{path}/resume", headers=headers)).status == 503
            assert (await desk.call("GET", path)).status == 503
            finished = await desk.call("POST", f"{path}/stations/1/finish", headers=headers)
            assert finished.json["stations"][0]["state"] == "done"
            who = f"/api/v1/grants?participant={officer.participant}"
            assert (await desk.call("DELETE", who, headers=headers)).status == 200
            assert await officer.closed_with() == "removed"
            ended = await desk.call("POST", f"{path}/end", headers=headers)
            assert ended.json["state"] == "ended"


async def test_whoever_was_signed_in_by_a_cookie_takes_away_and_nobody_else_does(
    desk: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await desk.meeting()
    path = f"/api/v1/meetings/{meeting['id']}"
    staff, person = desk.services.staff, Person("lena", "Lena Ek", "host", (SITE,))
    seen, unseen, gone = [(await staff.begin(person, "password")).secret for _ in range(3)]

    async def asks(secret: str, method: str, path: str) -> int:
        headers = {"Cookie": f"{COOKIE}={secret}", "Origin": desk.services.settings.public_url}
        return (await desk.call(method, path, token="", headers=headers)).status

    for secret in (seen, gone):
        assert await asks(secret, "GET", path) == 200
    await staff.sign_out(gone)
    assert await asks(gone, "GET", path) == 401
    break_store(desk, monkeypatch)
    for secret in (unseen, gone):
        assert await asks(secret, "POST", f"{path}/pause") == 503
    assert await asks(seen, "POST", f"{path}/resume") == 503
    assert await asks(seen, "POST", f"{path}/pause") == 200
    desk.clock.ahead += desk.services.settings.staff_lifetime
    assert await asks(seen, "POST", f"{path}/end") == 503


async def test_a_foreign_or_a_revoked_token_is_no_better_off(
    desk: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await desk.meeting()
    path = f"/api/v1/meetings/{meeting['id']}/pause"
    break_store(desk, monkeypatch)
    elsewhere = desk.staff_token(sites=("vaxjo",))
    assert (await desk.call("POST", path, token=elsewhere)).status == 404
    assert (await desk.call("POST", path, token=desk.staff_token(role="admin"))).status == 403
    assert (await desk.call("POST", path, token="x.y.z")).status == 401
    assert (await desk.call("POST", path, token="")).status == 401


async def test_a_failure_is_told_as_itself_although_the_store_fails_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = open_memory().records
    calls = Idempotency(records, b"s" * 32, Clock())

    async def work(seed: str) -> Result:
        monkeypatch.setattr(records, "get", fail)
        monkeypatch.setattr(records, "delete", fail)
        raise RuntimeError("the original one")

    with pytest.raises(RuntimeError, match="the original one"):
        await calls.run("anna", "k", b"", work)


async def test_what_is_done_is_answered_although_it_cannot_be_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = open_memory().records

    async def work(seed: str) -> Result:
        monkeypatch.setattr(records, "get", fail)
        return Result(200, "application/json", b"{}")

    result, again = await Idempotency(records, b"s" * 32, Clock()).run("anna", "k", b"", work)
    assert (result.status, again) == (200, False)


async def test_what_was_sent_cannot_be_guessed_from_what_is_remembered(desk: Service, tmp_path: Path) -> None:
    body = b'{"alias": "Samira"}'
    sent = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    await desk.call("POST", "/api/v1/meetings", data=body, headers=sent)
    guess = hashlib.sha256(body).hexdigest().encode()
    assert not [f for f in tmp_path.rglob("*") if f.is_file() and guess in f.read_bytes()]
