"""A browser looks for a path and shakes hands, while the server gets to know who it is: in any order, by two
paths of which one may lead nowhere, and with losses. It says its last word again and again, as browsers do;
the server has to keep up, for a timer of its own comes seconds later."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from config.media import Listen
from media.dtls import DtlsEndpoint, DtlsState
from media.exchange import Exchange
from media.handshake import Certificate
from media.ice import Path
from media.port import Port
from tests.media.endpoint import binding_request

PATHS: tuple[Path, Path] = ((0, ("192.0.2.7", 40000)), (0, ("198.51.100.9", 50000)))
HEADER = 13
REPEATS = 4


class Answering:
    """A socket, but for what it sends."""

    def __init__(self, contact: Contact, opened: Any) -> None:
        self._contact, self._opened = contact, opened

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)

    def send(self, data: bytes, address: tuple[Any, ...]) -> bool:
        return self._contact.answered(data, (0, address))


class Contact:
    """One transport of a worker without sockets, and its browser. `dead`: paths by which nothing comes back.

    `losses`: so many of the next datagrams of the handshake are lost on the way to the server, and back.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.port = Port((Listen(ip="127.0.0.1"),), 0, clock=self.clock)
        monkeypatch.setattr(self.port, "_sockets", [Answering(self, self.port._sockets[0])])
        self.states: list[str] = []
        self.exchange = Exchange(self.port, self.told, self.clock)
        named = {"transport": "t", "room": "r", "owner": "o", "direction": "recv"}
        self.offer = self.exchange.call("createTransport", named)
        self.certificate = Certificate()
        self.browser = self.end()
        self.path = PATHS[0]
        self.dead: set[Path] = set()
        self.losses = [0, 0]
        self._said = b""
        self._repeats = 0

    def end(self) -> DtlsEndpoint:
        def ignore(*_: Any) -> None: ...

        return DtlsEndpoint(self.certificate, self.say, on_state=ignore, on_rtp=ignore, on_rtcp=ignore)

    def clock(self) -> float:
        return self.now

    def told(self, event: str, data: dict[str, Any]) -> None:
        if event == "transportState":
            self.states.append(data["state"])

    def answered(self, data: bytes, path: Path) -> bool:
        if data[0] >= 20 and path not in self.dead and not self._lost(1):
            self.browser.receive_dtls(data, self.now)
        return True

    def say(self, data: bytes) -> bool:
        self._said = data
        if not self._lost(0):
            self.port.receive(data, self.path, self.now)
        return True

    def _lost(self, direction: int) -> bool:
        self.losses[direction] -= 1
        return self.losses[direction] >= 0

    def check(self, path: Path, *, nominate: bool = False) -> None:
        self.port.receive(binding_request(self.offer["iceParameters"], nominate=nominate), path, self.now)

    def introduce(self) -> None:
        parameters = self.certificate.parameters("client")
        self.exchange.call("connectTransport", {"transport": "t", "dtlsParameters": parameters})

    def hello(self) -> None:
        self.browser.start({**self.offer["dtlsParameters"], "role": "server"})

    def repeat(self) -> None:
        """The last flight again; records that are not encrypted have numbers of their own each time."""
        if not self._said:
            return
        self._repeats += 1
        again, at = bytearray(self._said), 0
        while at < len(again):
            if again[at + 3 : at + 5] == b"\0\0":
                again[at + 9] += self._repeats
            at += HEADER + int.from_bytes(again[at + 11 : at + HEADER], "big")
        if not self._lost(0):
            self.port.receive(bytes(again), self.path, self.now)

    @property
    def stands(self) -> bool:
        return self.browser.state is DtlsState.CONNECTED and self.states[-1:] == ["connected"]

    async def settles(self) -> bool:
        """Whether both shake hands without more than the browser's repetitions."""
        for _ in range(REPEATS):
            await flush()
            if self.stands:
                return True
            self.now += 0.05
            self.repeat()
        await flush()
        return self.stands

    def close(self) -> None:
        self.exchange.close()
        self.browser.close()
        self.port.close()


async def flush() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def contact(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Contact(monkeypatch)
    yield made
    made.close()


async def test_a_hello_before_the_server_knows_whose_it_is_is_answered_then(contact: Contact) -> None:
    contact.check(PATHS[0])
    contact.hello()
    await flush()
    for _ in range(2):
        contact.repeat()
    contact.introduce()
    assert await contact.settles()


async def test_an_answer_that_was_lost_is_given_again_to_the_next_hello(contact: Contact) -> None:
    contact.losses[1] = 2
    contact.check(PATHS[0])
    contact.introduce()
    contact.hello()
    assert await contact.settles()


async def test_the_last_answer_is_given_again_too(contact: Contact) -> None:
    contact.check(PATHS[0])
    contact.introduce()
    contact.hello()
    await flush_until_answered(contact)
    contact.losses[1] = 1
    assert await contact.settles()


async def flush_until_answered(contact: Contact) -> None:
    """Until the server has said its first word, and no longer."""
    async with asyncio.timeout(30):
        while contact.browser.rtt is None:
            await asyncio.sleep(0)


async def test_who_shakes_hands_by_another_path_than_the_first_is_answered_there(contact: Contact) -> None:
    contact.dead = {PATHS[0]}
    for path in PATHS:
        contact.check(path)
    contact.introduce()
    contact.path = PATHS[1]
    contact.hello()
    assert await contact.settles()


async def test_the_path_may_end_in_the_middle_of_the_handshake(contact: Contact) -> None:
    for path in PATHS:
        contact.check(path, nominate=path == PATHS[0])
    contact.introduce()
    contact.losses[1] = 1
    contact.hello()
    await flush()
    contact.port.lost(PATHS[0])
    contact.path = PATHS[1]
    assert await contact.settles()


@pytest.mark.parametrize("seed", range(40))
async def test_in_whatever_order_it_comes_they_shake_hands(contact: Contact, seed: int) -> None:
    chance = random.Random(seed)
    good, bad = chance.sample(PATHS, 2)
    if chance.random() < 0.5:
        contact.dead = {bad}
    contact.path = good
    contact.losses = [chance.randint(0, 1), chance.randint(0, 2)]
    steps = [lambda: contact.check(bad), contact.introduce, lambda: contact.check(good), contact.hello]
    chance.shuffle(steps)
    while steps.index(contact.hello) < 2 and chance.random() < 0.5:
        chance.shuffle(steps)
    for step in steps:
        step()
        if chance.random() < 0.7:
            await flush()
    if chance.random() < 0.3:
        contact.check(good, nominate=True)
    assert await contact.settles()
