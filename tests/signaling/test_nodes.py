"""What nodes ask of each other: everything that can be asked for arrives as it was, and nothing from anybody
else is heard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms import pool_commands as pcmd
from rooms.cluster import Node
from rooms.errors import Reason, Rejected
from rooms.people import Place
from signaling.errors import ServiceUnavailable
from signaling.nodes import PATH, PROCESS, SEAL, Elsewhere, Nodes, Params, decoded, encoded
from signaling.seals import AGE, Seals, node_key

KEY = node_key(b"sealing")
COMMANDS = (
    cmd.CreateMeeting(
        actor="staff:lena",
        request="r.0",
        meeting="m_1",
        site="gavle",
        route=None,
        alias="Samira",
        party=cmd.ONE_ADULT,
        languages=("ar", "sv"),
        planned_at=1.5,
        room=None,
        stations=(cmd.NewStation(agency="skatteverket", purpose="Folkbokföring", minutes=25),),
    ),
    cmd.Remove(actor=cmd.SYSTEM, participant="p_1"),
    cmd.SetPlace(actor="p_1", place=Place.ON_SITE),
    cmd.WriteLine(
        actor="p_1",
        line="l_1",
        text="å",
        language="sv",
        scene=((1,), False, None),
        heard_by=frozenset({"p_2"}),
    ),
    icmd.SetListening(actor="p_1", language="ar"),
    pcmd.TakeFloor(actor=cmd.SYSTEM, participant="p_1", fence=4),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_command_arrives_as_it_was(command: cmd.Command) -> None:
    assert decoded(encoded(command)) == command


class Listening:
    def __init__(self) -> None:
        self.asked: list[Params] = []
        self.error: Exception | None = None
        self.url = ""

    async def work(self, params: Params) -> None:
        self.asked.append(params)
        if self.error is not None:
            raise self.error

    @property
    def node(self) -> Node:
        return Node("b", self.url)


@pytest.fixture
async def there() -> AsyncIterator[Listening]:
    it = Listening()
    async with answering(it):
        yield it


@asynccontextmanager
async def answering(it: Listening, port: int = 0) -> AsyncIterator[None]:
    """A process; there can be another one at the same address after it."""
    nodes, app = Nodes(Seals(KEY)), web.Application()
    nodes.answer("take", it.work)
    nodes.setup(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    it.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


async def asked(key: bytes, node: Node, clock: float | None = None) -> None:
    nodes = Nodes(Seals(key) if clock is None else Seals(key, lambda: clock))
    try:
        await nodes.ask(node, "take", meeting="m_1")
    finally:
        await nodes.close()


async def test_a_node_is_heard(there: Listening) -> None:
    await asked(KEY, there.node)
    assert there.asked == [{"meeting": "m_1"}]


@pytest.mark.parametrize(
    "error",
    [
        Rejected(Reason.MEETING_ENDED, "over"),
        Elsewhere("c"),
        ServiceUnavailable("store_unavailable", "away"),
    ],
    ids=["rejected", "elsewhere", "unavailable"],
)
async def test_a_refusal_comes_back_as_what_it_was(there: Listening, error: Exception) -> None:
    there.error = error
    with pytest.raises(type(error)) as raised:
        await asked(KEY, there.node)
    assert str(raised.value) == str(error)


async def test_nobody_else_is_heard(there: Listening) -> None:
    for key, clock in ((node_key(b"another"), None), (KEY, 1000.0)):
        with pytest.raises(ServiceUnavailable):
            await asked(key, there.node, clock)
    async with aiohttp.ClientSession() as http:
        for headers in ({}, {"X-Motesrum-Seal": "x"}, {"X-Motesrum-Seal": "1 \u00e5"}):
            async with http.post(there.url + "/node/v1/take", data=b"{}", headers=headers) as answer:
                assert answer.status == 404
    assert there.asked == []


async def test_a_call_that_somebody_has_overheard_is_good_only_once(there: Listening) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.post(there.url + PATH + "take", data=b"{}") as refused:
            process = refused.headers[PROCESS]
        overheard = {SEAL: Seals(KEY).make(process, PATH + "take", b"{}")}
        answers = []
        for _ in range(2):
            async with http.post(there.url + PATH + "take", data=b"{}", headers=overheard) as answer:
                answers.append(answer.status)
    assert answers == [200, 404]
    assert there.asked == [{}]


async def test_a_node_that_is_started_again_is_asked_at_once() -> None:
    first, second = Listening(), Listening()
    nodes = Nodes(Seals(KEY))
    try:
        async with answering(first):
            await nodes.ask(first.node, "take", meeting="m_1")
        port = int(first.url.rpartition(":")[2])
        async with answering(second, port):
            await nodes.ask(second.node, "take", meeting="m_2")
    finally:
        await nodes.close()
    assert [first.asked, second.asked] == [[{"meeting": "m_1"}], [{"meeting": "m_2"}]]


def test_a_seal_is_for_one_process_one_address_and_one_body_and_used_once() -> None:
    now = [1000.0]
    sender, here, there = (Seals(KEY, lambda: now[0]) for _ in range(3))
    seal = sender.make(here.process, "/take", b"{}")
    assert not there.take(seal, "/take", b"{}")
    assert not here.take(seal, "/lost", b"{}")
    assert not here.take(seal, "/take", b"[]")
    assert not here.take(seal + "0", "/take", b"{}")
    assert here.take(seal, "/take", b"{}")
    assert not here.take(seal, "/take", b"{}")


@pytest.mark.parametrize("ahead", [-AGE + 1, 0, AGE - 1])
def test_a_used_seal_is_remembered_until_it_is_too_old_whatever_its_maker_s_clock_says(ahead: float) -> None:
    now = [1000.0]
    sender, here = Seals(KEY, lambda: now[0] + ahead), Seals(KEY, lambda: now[0])
    first = sender.make(here.process, "/take", b"")
    assert here.take(first, "/take", b"")
    for _ in range(70):
        now[0] += 1
        assert not here.take(first, "/take", b"")
        assert here.take(sender.make(here.process, "/take", b""), "/take", b"")
    assert len(here._used) <= 2 * AGE


async def test_a_node_that_does_not_answer_is_told_as_such() -> None:
    with pytest.raises(ServiceUnavailable) as raised:
        await asked(KEY, Node("b", "http://127.0.0.1:9"))
    assert raised.value.code == "node_unavailable"
