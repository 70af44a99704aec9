"""Real-time text over real sockets: who gets which letter, and what of it is kept."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from rooms import commands as cmd
from rooms.drafts import Draft, Edit
from rooms.policy import Audience
from tests.rooms.builders import HOST, INSURANCE, INTERPRETER, NEWCOMER, TAX, started
from tests.signaling.live_rig import rig, start
from tests.support.door import Device, Failed
from tests.support.rest import Service, service

PEOPLE: dict[str, dict[str, Any]] = {
    "newcomer": {},
    "host": {},
    "interpreter": {"kind": "text", "language": "sv"},
    "tax": {"role": "officer", "agency": "skatteverket", "station": 1},
    "insurance": {"role": "officer", "agency": "forsakringskassan", "station": 2},
}


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path, session_grace=60.0) as running:
        yield running


@pytest.fixture
async def room(it: Service) -> AsyncIterator[dict[str, Device]]:
    """Everybody is there, and station 1 goes on."""
    meeting = (await it.meeting())["id"]
    async with AsyncExitStack() as stack:
        devices = {}
        for name, invitation in PEOPLE.items():
            device = devices[name] = await stack.enter_async_context(Device(it))
            await device.join(meeting, **{"role": name, **invitation})
        await devices["host"].call("meeting.start", request=str(uuid.uuid4()), station=1)
        yield devices


async def type_(device: Device, revision: int, keep: int, add: str, line: str = "l1", **more: Any) -> None:
    await device.call("text.type", line=line, revision=revision, keep=keep, add=add, **more)


async def finish(device: Device, text: str, line: str = "l1", request: str = "") -> None:
    await device.call("text.finish", request=request or str(uuid.uuid4()), line=line, text=text)


async def refusal(device: Device, method: str, **params: Any) -> str:
    with pytest.raises(Failed) as refused:
        await device.call(method, **params)
    return refused.value.code


async def settled(*devices: Device) -> None:
    """Whatever they were sent until now, they have."""
    for device in devices:
        await device.call("session.ping")


def read(device: Device, line: str = "l1") -> str:
    """The line as its reader has it."""
    text = ""
    for told in device.params("text.typed"):
        if told["line"] == line:
            text = text[: told["keep"]] + told["add"]
    return text


async def test_every_letter_reaches_those_who_hear_and_nobody_else(room: dict[str, Device]) -> None:
    writer = room["newcomer"]
    for revision, letter in enumerate("سلام hej", 1):
        await type_(writer, revision, revision - 1, letter, language="ar")
    await type_(writer, 9, 5, "då")
    for reader in ("host", "interpreter", "tax"):
        await room[reader].until(lambda reader=reader: read(room[reader]) == "سلام då", reader)
    await settled(room["insurance"], writer)
    assert room["insurance"].params("text.typed") == writer.params("text.typed") == []
    told = room["tax"].params("text.typed")[0]
    assert (told["participant"], told["language"]) == (writer.participant, "ar")


async def test_a_finished_line_is_an_event_and_an_unfinished_one_is_nowhere(
    it: Service, room: dict[str, Device]
) -> None:
    writer, meeting = room["interpreter"], room["host"].me["snapshot"]["meeting"]["id"]
    await type_(writer, 1, 0, "God morgon")
    await type_(writer, 1, 0, "Hemligt utkast", line="l2")
    await room["newcomer"].until(lambda: read(room["newcomer"], "l2"))
    assert {told["line"] for told in room["newcomer"].params("text.gone")} == {"l1"}
    stored = [r.event for r in await it.services.store.events.read(f"meeting/{meeting}")]
    assert "Hemligt utkast" not in repr(stored)
    await finish(writer, "Hemligt utkast.", "l2")
    event = await room["tax"].event("line_written")
    assert (event["data"]["text"], event["data"]["station"]) == ("Hemligt utkast.", 1)
    assert event["data"]["seen_by"] == []
    assert "lines" not in event["changes"]
    for reader, lines in (("tax", 1), ("newcomer", 1), ("interpreter", 1), ("insurance", 0)):
        assert len((await room[reader].call("text.transcript"))["lines"]) == lines, reader
    shown = (await room["tax"].call("text.transcript"))["lines"][0]
    assert (shown["role"], shown["kind"], shown["language"]) == ("interpreter", "text", "sv")


async def test_a_line_is_finished_once_however_often_it_is_asked_for(room: dict[str, Device]) -> None:
    writer, request = room["tax"], str(uuid.uuid4())
    await type_(writer, 1, 0, "klart")
    await finish(writer, "klart", request=request)
    await finish(writer, "klart", request=request)
    await finish(writer, "klart")
    await settled(room["newcomer"])
    assert sum(event["type"] == "line_written" for event in room["newcomer"].events()) == 1
    assert await refusal(writer, "text.type", line="l1", revision=1, keep=0, add="x") == "text_gone"


async def test_who_comes_back_is_given_the_line_as_it_stands(it: Service, room: dict[str, Device]) -> None:
    writer, reader = room["newcomer"], room["tax"]
    await type_(writer, 1, 0, "En lång ra")
    await reader.hang_up()
    await type_(writer, 2, 10, "d")
    async with Device(it) as back:
        await back.resume(reader.me)
        (draft,) = (await back.call("text.drafts"))["drafts"]
        assert (draft["add"], draft["keep"], draft["revision"]) == ("En lång rad", 0, 2)
        await type_(writer, 3, 11, "!")
        await back.until(lambda: back.params("text.typed"))
        assert back.params("text.typed")[0]["revision"] == 3
    await writer.hang_up()
    async with Device(it) as back:
        await back.resume(writer.me)
        (own,) = (await back.call("text.drafts"))["drafts"]
        assert own["add"] == "En lång rad!"
        await type_(back, 4, 0, "En lång rad till")
        await room["host"].until(lambda: read(room["host"]) == "En lång rad till")


async def test_an_edit_out_of_step_is_refused_and_the_whole_line_puts_it_right(
    room: dict[str, Device],
) -> None:
    writer = room["host"]
    await type_(writer, 1, 0, "ett")
    out_of_step = {"line": "l1", "revision": 4, "keep": 3, "add": " två"}
    assert await refusal(writer, "text.type", **out_of_step) == "text_out_of_step"
    await type_(writer, 5, 0, "ett två")
    await room["newcomer"].until(lambda: read(room["newcomer"]) == "ett två")


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("meeting.start", {"station": 2}),
        ("meeting.pause", {}),
        ("meeting.askConsent", {"kind": "together", "stations": [1, 2]}),
    ],
)
async def test_an_unfinished_line_is_gone_when_its_scene_is_over(
    room: dict[str, Device], method: str, params: dict[str, Any]
) -> None:
    writer = room["newcomer"]
    await type_(writer, 1, 0, "Det här är bara för Skatte")
    await room["host"].call(method, request=str(uuid.uuid4()), **params)
    for device in (writer, room["tax"], room["interpreter"], room["host"]):
        await device.until(lambda device=device: device.params("text.gone"), "not told that it is gone")
        assert (await device.call("text.drafts"))["drafts"] == []
    code = "not_allowed" if method == "meeting.pause" else "text_gone"
    assert await refusal(writer, "text.type", line="l1", revision=2, keep=26, add="verket") == code
    assert await refusal(writer, "text.finish", request=str(uuid.uuid4()), line="l1", text="x") == "text_gone"
    await settled(room["insurance"])
    assert room["insurance"].params("text.typed") == []


async def test_what_no_text_may_be_is_refused(room: dict[str, Device]) -> None:
    writer = room["newcomer"]
    for add in ("a\nb", "\u202e", "\x07"):
        assert await refusal(writer, "text.type", line="l1", revision=1, keep=0, add=add) == "invalid"
    for params in (
        {"line": "l 1", "revision": 1, "keep": 0, "add": ""},
        {"line": "l1", "revision": 0, "keep": 0, "add": ""},
        {"line": "l1", "revision": 1, "keep": -1, "add": ""},
        {"line": "l1", "revision": 1, "keep": 0, "add": "x" * 501},
    ):
        assert await refusal(writer, "text.type", **params) == "invalid_params"
    waiting = await refusal(room["insurance"], "text.type", line="l1", revision=1, keep=0, add="a")
    assert waiting == "not_allowed"


async def test_letters_that_wait_to_be_sent_are_taken_back_before_the_change_is_saved(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (made, live):
        author, _ = await made.attach(live, NEWCOMER)
        _, outbox = await made.attach(live, TAX)
        held, _ = await made.attach(live, TAX, "phone")
        held.hold()
        live.type_text(author, Edit("l1", 1, 0, "hemligt", "sv"))

        async def waiting(table: Audience) -> None:
            if TAX not in table:
                assert "hemligt" not in repr(outbox._waiting)
                assert "hemligt" not in repr(held._held)

        assert "hemligt" in repr(outbox._waiting)
        assert "hemligt" in repr(held._held)
        made.workers.before_table = waiting
        await live.execute(start(2))
        assert "hemligt" not in repr(outbox._waiting)


async def test_while_a_change_is_being_saved_no_letter_goes_by_what_was_allowed_before(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, started(1)) as (made, live):
        author, _ = await made.attach(live, NEWCOMER)
        _, left = await made.attach(live, TAX)
        _, comes = await made.attach(live, INSURANCE)
        _, stays = await made.attach(live, HOST)

        async def meanwhile() -> None:
            live.type_text(author, Edit("l1", 1, 0, "mellan", "sv"))

        made.store.before_append = meanwhile
        await live.execute(start(2))
        assert "mellan" not in repr(left.frames) + repr(comes.frames)
        assert "mellan" in repr(stays.frames)
        live.type_text(author, Edit("l1", 2, 6, "rum", "sv"))
        assert "rum" not in repr(comes.frames)
        live.type_text(author, Edit("l2", 1, 0, "ny rad", "sv"))
        assert "ny rad" in repr(comes.frames)
        await live.execute(cmd.Pause(actor=HOST))
        assert "text.gone" in repr(comes.frames)


async def test_whoever_was_out_for_a_moment_does_not_get_the_line_that_was_begun_before(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, started(1)) as (made, live):
        author, _ = await made.attach(live, TAX)
        live.type_text(author, Edit("l1", 1, 0, "hemligt", "sv"))

        def finished(draft: Draft) -> cmd.WriteLine:
            return cmd.WriteLine(
                actor=TAX,
                line="l1",
                text="hemligt",
                language=draft.language,
                scene=draft.scene,
                heard_by=draft.heard_by,
                corrects=None,
            )

        await asyncio.gather(
            live.execute(cmd.Exclude(actor=NEWCOMER, participant=HOST)),
            live.execute(cmd.Include(actor=NEWCOMER, participant=HOST)),
            live.finish_line(author, "l1", finished),
        )
        assert live.current.lines[-1].seen_by == {TAX, NEWCOMER, INTERPRETER}
