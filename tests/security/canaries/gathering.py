"""One meeting with its people and devices, whose acts and acknowledgements make the timeline."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from media.peer import PeerFailed
from signaling.connection import CallFailed, ConnectionLost
from tests.security.canaries.device import Device
from tests.security.canaries.marks import AGENCIES, word
from tests.security.canaries.timeline import Timeline
from tests.security.canaries.watch import Tally, Watch
from tests.security.canaries.world import Person, World
from tests.support.mortal import Mortal
from tests.support.service import SITE, Refused

BACK = 40.0
OFFICES = (AGENCIES[0], AGENCIES[1], AGENCIES[2], AGENCIES[0])
"""The agencies of the stations; the first comes twice, and its two stations are strangers to each other."""
ON_SITE = ("newcomer", "host", "companion")
PURPOSES = 1000
"""Marks of one meeting's purposes: its number times this, and the station's."""
ATTEMPTS, PATIENCE = 400, 0.05
"""A worker is started within 20 s, and tells nobody outside when it is."""
TRANSIENT = ("media_unavailable", "unknown_transport", "session_busy", "busy", "shutting_down")

Change = Callable[[World], World]


@dataclass
class Line:
    """What a device writes letter by letter: the numbers of the marks in it, and how often it was changed."""

    id: str
    revision: int = 0
    marks: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(word("letter", number) for number in self.marks)


class Gathering:
    """`devices` are those that have a place; `former` ones lost theirs and are listened to all the same.
    `lines`: device → the line that it writes letter by letter."""

    def __init__(self, mortal: Mortal, number: int, ids: "Numbers", chance: Random, tally: Tally) -> None:
        self.mortal = mortal
        self.number = number
        self.chance = chance
        self.timeline = Timeline(World(agency_of=dict(enumerate(OFFICES, 1))))
        self.watch = Watch(self.timeline, tally, (number, number * PURPOSES))
        self.devices: list[Device] = []
        self.former: list[Device] = []
        self.tokens: dict[str, str] = {}
        self.lines: dict[int, Line] = {}
        self.refusals: Counter[str] = Counter()
        self.last_refusal = ""
        self.meeting = ""
        self._beginning: list[asyncio.Task[None]] = []
        self.ids = ids

    @property
    def world(self) -> World:
        return self.timeline.now

    async def begin(self) -> None:
        made = await self.rest("POST", "/meetings", self._wanted())
        self.meeting = made["id"]
        for role in ("newcomer", "host", "interpreter", "companion"):
            await self.welcome(role)
        for station in (1, 1, 2, 3, 4):
            await self.welcome("officer", station)

    def _wanted(self) -> dict[str, Any]:
        stations = [
            {"agency": agency, "purpose": self.purpose(number), "minutes": 20}
            for number, agency in enumerate(OFFICES, 1)
        ]
        alias = word("alias", self.number)
        return {"site": SITE, "alias": alias, "languages": ["ar", "sv"], "stations": stations}

    def purpose(self, station: int) -> str:
        return word("purpose", self.number * PURPOSES + station)

    async def end(self) -> None:
        """Everybody and everything is let go; what has arrived is judged."""
        for task in self._beginning:
            task.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)
        await asyncio.gather(*(each.close() for each in (*self.devices, *self.former)))
        self.watch.judge()

    # people and their devices

    async def welcome(self, role: str, station: int | None = None) -> Device:
        """A new participant, who joins."""
        number = next(self.ids.names)
        agency = self.world.agency_of[station] if station else None
        invitation = {"role": role, "name": word("name", number)}
        if station:
            invitation |= {"agency": agency, "station": station}
        began = time.time_ns()
        made = await self.rest("POST", f"/meetings/{self.meeting}/invitations", invitation)
        person = Person(made["participant"], number, role, agency, station)
        self.timeline.settle(began, self.world.with_person(person, role in ON_SITE))
        self.tokens[person.id] = await self.redeemed(made["code"])
        device = await self.device(person.id)
        assert await self.enters(device)
        return device

    async def redeemed(self, code: str) -> str:
        return str((await self.rest("POST", "/token", {"code": code}))["access_token"])

    async def device(self, who: str, slot: str = "screen") -> Device:
        port = int(self.mortal.service.url.rpartition(":")[2])
        return await Device.open(
            next(self.ids.devices),
            who,
            slot,
            self.watch,
            self.mortal.media_address,
            ("127.0.0.1", port),
            Random(self.chance.getrandbits(32)),
        )

    async def enters(self, device: Device) -> bool:
        """In place of the device that has the slot; it then begins to send, while the meeting goes on."""
        before = next((d for d in self.devices if (d.who, d.slot) == (device.who, device.slot)), None)
        number = None if before is None else before.number
        entered = False
        for _ in range(ATTEMPTS):
            entered = await self.attempt(
                lambda world: world.taken_over(device.who, device.number, number),
                device.enter(self.tokens[device.who]),
            )
            if entered or self.last_refusal not in TRANSIENT:
                break
            await asyncio.sleep(PATIENCE)
        if not entered:
            self.former.append(device)
            return False
        if before is not None:
            self.retire(before)
        self.devices.append(device)
        self._beginning.append(asyncio.create_task(self._speaks(device)))
        return True

    def retire(self, device: Device) -> None:
        self.devices.remove(device)
        self.former.append(device)

    async def all_speak(self) -> None:
        """Those who have begun to are heard from now on."""
        beginning, self._beginning = self._beginning, []
        await asyncio.gather(*beginning)

    async def _speaks(self, device: Device) -> None:
        """From a transport that may not come up at once while the worker is away."""
        for _ in range(ATTEMPTS):
            try:
                await device.speak(_source(self._role(device)))
            except (PeerFailed, CallFailed) as failure:
                _excuse(failure)
                await asyncio.sleep(PATIENCE)
            else:
                return
        raise AssertionError(f"{self._role(device)} cannot send")

    async def comes_back(self, device: Device) -> None:
        for _ in range(ATTEMPTS):
            try:
                await device.come_back(BACK)
            except (PeerFailed, ConnectionLost, CallFailed) as failure:
                _excuse(failure)
                await asyncio.sleep(PATIENCE)
            else:
                return
        raise AssertionError(f"{self._role(device)} cannot come back")

    async def everybody_comes_back(self, those: Sequence[Device]) -> None:
        await asyncio.gather(*(self.comes_back(each) for each in those))

    def _role(self, device: Device) -> str:
        return self.world.people[device.who].role

    def connected(self, *roles: str) -> list[Device]:
        return [d for d in self.devices if d.connected and (not roles or self._role(d) in roles)]

    def the(self, role: str) -> Device | None:
        """Its connected device, if there is one."""
        return next(iter(self.connected(role)), None)

    def pairs(self) -> Iterator[tuple[Device, Device]]:
        """(listener, source): who hears whom now, as far as both are connected."""
        by_number = {device.number: device for device in self.devices}
        for listening, speaking in self.world.pairs:
            listener, source = by_number.get(listening), by_number.get(speaking)
            if listener is not None and source is not None and listener.connected and source.connected:
                yield listener, source

    # acts

    async def attempt(self, change: Change, call: Awaitable[Any]) -> bool:
        """Whether it was granted. A refusal changes nothing."""
        before = self.world
        after = change(before)
        self.timeline.attempt(time.time_ns(), after)
        try:
            await call
        except (CallFailed, Refused) as refused:
            self.refused(refused)
            self.timeline.settle(time.time_ns(), before)
            return False
        self.timeline.settle(time.time_ns(), after)
        return True

    def refused(self, refusal: CallFailed | Refused) -> None:
        """Raises it when it is no refusal but a fault."""
        code = str(refusal.code)
        self.last_refusal = code
        self.refusals[code] += 1
        if code == "internal":
            raise refusal

    async def lead(self, change: Change, path: str, method: str, **params: Any) -> bool:
        """By the host, or by the site's staff from outside."""
        host = self.the("host")
        if host is not None and self.chance.random() < 0.6:
            return await self.attempt(change, host.act(method, **params))
        return await self.attempt(change, self.rest("POST", f"/meetings/{self.meeting}{path}"))

    async def rest(self, method: str, path: str, body: Any = None) -> Any:
        return await self.mortal.service.rest(method, path, body)

    async def rest_as(self, token: str, method: str, path: str, body: Any) -> tuple[int, str]:
        """Status and text of an answer to the holder of that token."""
        service = self.mortal.service
        headers = {"Authorization": f"Bearer {token}"}
        async with service.http.request(
            method, f"{service.url}/api/v1{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.text()

    async def barrier(self, those: Sequence[Device]) -> None:
        """Whatever they were told until now, they have read."""

        async def ask(device: Device) -> None:
            with suppress(ConnectionLost):
                try:
                    await device.call("media.resumeConsumer", id="c_none")
                except CallFailed as refusal:
                    self.refused(refusal)

        await asyncio.gather(*(ask(device) for device in those if device.connected))

    async def compare(self) -> None:
        """Of the worlds that may hold, the one that does; it is an error if there is none."""
        shown = await self.rest("GET", f"/meetings/{self.meeting}")
        fitting = [world for world in self.timeline.open if _fits(world, shown)]
        assert fitting, f"no world is like {shown['state']} {shown['stations']}"
        if len(self.timeline.open) > 1:
            self.timeline.settle(time.time_ns(), fitting[-1])


class Numbers:
    """Of everything that carries a mark, over all meetings."""

    def __init__(self) -> None:
        self.names = itertools.count(1)
        self.devices = itertools.count(1)
        self.words = itertools.count(1)


def _source(role: str) -> str:
    return "interpretation" if role == "interpreter" else "microphone"


def _excuse(failure: Exception) -> None:
    if isinstance(failure, CallFailed) and failure.code not in TRANSIENT:
        raise failure


def _fits(world: World, shown: dict[str, Any]) -> bool:
    states = {station["number"]: station["state"] for station in shown["stations"]}
    active = {number for number, state in states.items() if state == "active"}
    over = {number for number, state in states.items() if state in ("done", "skipped")}
    paused = shown["state"] == "paused"
    return (active, over, paused) == (set(world.active), set(world.over), world.paused)
