"""Calls that are repeated with their `Idempotency-Key`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rooms.store.memory import open_memory
from signaling.idempotency import ABANDONED, KEPT, Idempotency, IdempotencyError, Result
from tests.support.rest import ELSEWHERE, Clock, Service, service

MEETINGS = "/api/v1/meetings"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_repeated_call_gives_the_first_result(desk: Service) -> None:
    first = await desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed("k1"))
    again = await desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed("k1"))
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"].startswith("application/json")
    assert len((await desk.call("GET", MEETINGS)).json["meetings"]) == 1


async def test_another_key_is_another_call(desk: Service) -> None:
    for key in ("k1", "k2"):
        await desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed(key))
    assert len((await desk.call("GET", MEETINGS)).json["meetings"]) == 2


async def test_a_key_with_another_body_is_refused(desk: Service) -> None:
    await desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed("k1"))
    answer = await desk.call("POST", MEETINGS, {"alias": "B"}, headers=keyed("k1"))
    assert (answer.status, answer.code) == (422, "idempotency_mismatch")


async def test_a_key_belongs_to_one_person_and_one_address(desk: Service) -> None:
    first = await desk.call("POST", MEETINGS, {}, headers=keyed("k1"))
    other = await desk.call("POST", MEETINGS, {}, headers=keyed("k1"), token=desk.staff_token(sub="bo"))
    assert first.json["id"] != other.json["id"]
    pause = await desk.call("POST", f"{MEETINGS}/{first.json['id']}/pause", headers=keyed("k1"))
    assert pause.json["state"] == "paused"


async def test_whoever_may_no_longer_call_is_not_given_what_was_answered_then(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    path, key = f"/api/v1/meetings/{meeting}/invitations", {"Idempotency-Key": "one"}
    made = await desk.call("POST", path, {"role": "newcomer"}, headers=key)
    assert made.status == 201
    moved = desk.staff_token(sites=(ELSEWHERE,))
    assert (await desk.call("POST", path, {"role": "newcomer"}, headers=key, token=moved)).status == 404


async def test_a_refusal_is_remembered_too(desk: Service) -> None:
    path = f"{MEETINGS}/{(await desk.meeting())['id']}"
    refused = await desk.call("POST", f"{path}/resume", headers=keyed("k"))
    await desk.call("POST", f"{path}/pause")
    again = await desk.call("POST", f"{path}/resume", headers=keyed("k"))
    assert (again.status, again.body) == (409, refused.body)
    assert again.headers["Content-Type"] == "application/problem+json"


async def test_a_call_that_could_not_be_read_is_not_remembered(desk: Service) -> None:
    assert (await desk.call("POST", MEETINGS, {"alias": 1}, headers=keyed("k"))).status == 422
    assert (await desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed("k"))).status == 201


async def test_calls_at_the_same_time_are_one(desk: Service) -> None:
    calls = (desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed("k")) for _ in range(20))
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert len((await desk.call("GET", MEETINGS)).json["meetings"]) == 1


async def test_the_first_result_outlives_a_restart_and_hides_its_code(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        path = f"{MEETINGS}/{(await desk.meeting())['id']}/invitations"
        first = await desk.call("POST", path, {"role": "interpreter"}, headers=keyed("k"))
        token, port = desk.host_token, desk.services.settings.http_port
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert first.json["code"].encode() not in stored
    async with service(tmp_path, port=port) as desk:
        again = await desk.call("POST", path, {"role": "interpreter"}, headers=keyed("k"), token=token)
        assert (again.status, again.body) == (201, first.body)
        assert (await desk.redeem(again.json["code"])).status == 200


async def test_an_invitation_that_died_with_the_process_makes_no_second_participant(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    path = f"{MEETINGS}/{meeting}/invitations"
    first = await desk.call("POST", path, {"role": "interpreter"}, headers=keyed("k"))
    records = desk.services.store.records
    for key, _ in await records.scan("idempotency"):
        await records.delete("idempotency", key)
    again = await desk.call("POST", path, {"role": "interpreter"}, headers=keyed("k"))
    assert again.json["participant"] == first.json["participant"]
    assert again.json["code"] != first.json["code"]
    people = (await desk.call("GET", f"{MEETINGS}/{meeting}")).json["participants"]
    assert len(people) == 1


async def test_a_meeting_that_died_with_the_process_is_not_made_twice(desk: Service) -> None:
    first = await desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed("k"))
    records = desk.services.store.records
    for key, _ in await records.scan("idempotency"):
        await records.delete("idempotency", key)
    again = await desk.call("POST", MEETINGS, {"alias": "A"}, headers=keyed("k"))
    assert (again.status, again.json) == (201, first.json)


async def test_a_station_that_was_added_as_the_process_died_is_not_added_twice(desk: Service) -> None:
    path = f"{MEETINGS}/{(await desk.meeting())['id']}/stations"
    new = {"agency": "arbetsformedlingen"}
    first = await desk.call("POST", path, new, headers=keyed("k"))
    records = desk.services.store.records
    for key, _ in await records.scan("idempotency"):
        await records.delete("idempotency", key)
    again = await desk.call("POST", path, new, headers=keyed("k"))
    assert (again.status, again.json) == (201, first.json)
    other = await desk.call("POST", path, new, headers=keyed("l"))
    assert len(other.json["stations"]) == len(first.json["stations"]) + 1


async def test_a_deletion_is_repeated_without_a_body(desk: Service) -> None:
    link = await desk.invite((await desk.meeting())["id"], "interpreter")
    for _ in range(2):
        answer = await desk.call("DELETE", f"/api/v1/invitations/{link['id']}", headers=keyed("k"))
        assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("key", ["", "ö", "x" * 256, "tab\tinside"])
async def test_a_key_that_is_none_is_refused(desk: Service, key: str) -> None:
    answer = await desk.call("POST", MEETINGS, {}, headers=keyed(key))
    assert (answer.status, answer.code) == (400, "idempotency_key_invalid")


class Works:
    """Counts how often it is asked."""

    def __init__(self, status: int = 200) -> None:
        self.seeds: list[str] = []
        self.status = status

    async def __call__(self, seed: str) -> Result:
        self.seeds.append(seed)
        return Result(self.status, "application/json", b"{}")


async def test_a_failure_of_ours_is_tried_again() -> None:
    calls = Idempotency(open_memory().records, b"s" * 32, Clock())
    failing, working = Works(503), Works()
    assert (await calls.run("anna", "k", b"", failing))[0].status == 503
    assert (await calls.run("anna", "k", b"", working))[0].status == 200
    assert failing.seeds == working.seeds


async def test_a_call_that_breaks_off_is_tried_again() -> None:
    calls = Idempotency(open_memory().records, b"s" * 32, Clock())

    async def breaks(seed: str) -> Result:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await calls.run("anna", "k", b"", breaks)
    assert not (await calls.run("anna", "k", b"", Works()))[1]


async def test_a_call_at_work_elsewhere_is_waited_for_and_then_taken_over() -> None:
    clock, store = Clock(), open_memory()
    here, there = (Idempotency(store.records, b"s" * 32, clock) for _ in range(2))
    begun, never = asyncio.Event(), asyncio.Event()

    async def hangs(seed: str) -> Result:
        begun.set()
        await never.wait()
        raise AssertionError

    stuck = asyncio.create_task(there.run("anna", "k", b"", hangs))
    await begun.wait()
    with pytest.raises(IdempotencyError) as caught:
        await here.run("anna", "k", b"", Works())
    assert caught.value.code == "idempotency_in_progress"
    clock.ahead = ABANDONED
    assert (await here.run("anna", "k", b"", Works()))[0].status == 200
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    assert (await here.run("anna", "k", b"", Works()))[1]


async def test_a_call_that_died_with_the_process_is_made_again_with_the_same_seed() -> None:
    store = open_memory()
    first = Works()

    class Killed(Idempotency):
        async def _keep(self, *args: object) -> None:
            pass

    clock = Clock()
    await Killed(store.records, b"s" * 32, clock).run("anna", "k", b"", first)
    clock.ahead = 1
    again = Works()
    _, replayed = await Idempotency(store.records, b"s" * 32, clock).run("anna", "k", b"", again)
    assert not replayed
    assert again.seeds == first.seeds


async def test_a_result_is_kept_for_a_day() -> None:
    clock = Clock()
    calls = Idempotency(open_memory(clock=clock).records, b"s" * 32, clock)
    works = Works()
    await calls.run("anna", "k", b"", works)
    assert (await calls.run("anna", "k", b"", works))[1]
    clock.ahead = KEPT + 1
    assert not (await calls.run("anna", "k", b"", works))[1]
