"""What the log says of who could hear whom is what the packets say that were counted at each listener."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from rooms import events as ev
from rooms.events import Event
from rooms.hearing import Heard, hearing
from tests.support.raw_client import RawClient
from tests.support.service import Service, service

LATE = 0.8
"""Seconds after the end of an interval in which a packet may still arrive: the change is decided before the
worker has acknowledged it, and the machine may be busy."""
SLOW = 8.0
"""Seconds after the beginning of an interval by which the first packet has arrived."""
GAP = 2.0
"""Seconds without a packet that no state brings about; each lasts longer."""
ENOUGH = 130
"""Packets of sound, 20 ms each, so that every state lasts longer than what is tolerated."""
PATIENCE = 20.0
Pair = tuple[str, str]


@dataclass(frozen=True)
class Span:
    begins: float
    ends: float

    @property
    def lasts(self) -> float:
        return self.ends - self.begins


@dataclass
class Room:
    """Everybody with a microphone; `counted`: when packets arrived, by listener and source."""

    service: Service
    meeting: str
    people: dict[str, RawClient] = field(default_factory=dict)

    async def act(self, what: str) -> None:
        await self.service.rest("POST", f"/meetings/{self.meeting}/{what}")

    def name(self, participant: str) -> str:
        return next(name for name, client in self.people.items() if client.participant == participant)

    def count(self, listener: str, source: str) -> int:
        heard = self.people[listener].heard(self.people[source].participant)
        return sum(len(self.people[listener].packets(consumer)) for consumer in heard)

    def counted(self) -> dict[Pair, list[float]]:
        return {
            (listener, source): sorted(
                arrival.at / 1e9
                for consumer in self.people[listener].heard(self.people[source].participant)
                for arrival in self.people[listener].packets(consumer)
            )
            for listener, source in permutations(self.people, 2)
        }

    async def hear_each_other(self, *circle: str) -> None:
        """Until everybody in it has got plenty of everybody else's sound."""
        wanted = {pair: self.count(*pair) + ENOUGH for pair in permutations(circle, 2)}
        for (listener, source), count in wanted.items():
            await self.people[listener].wait_for(
                lambda pair=(listener, source), count=count: self.count(*pair) >= count,
                PATIENCE,
                f"{listener} does not hear {source}",
            )

    async def hear_nothing(self) -> None:
        """For as long as a state has to last."""
        before = sum(self.count(*pair) for pair in permutations(self.people, 2))
        with suppress(AssertionError):
            await self.people["tax"].wait_for(lambda: False, GAP + LATE)
        after = sum(self.count(*pair) for pair in permutations(self.people, 2))
        assert after - before < ENOUGH, "what was on its way, and no more"


def differences(
    heard: Iterable[Heard], room: Room, counted: dict[Pair, list[float]], now: float
) -> list[str]:
    """Where the intervals and the packets do not agree."""
    spans: dict[Pair, list[Span]] = {}
    for row in heard:
        pair = room.name(row.listener.id), room.name(row.source.id)
        spans.setdefault(pair, []).append(Span(row.begins, now if row.ends is None else row.ends))
    found = []
    for (listener, source), arrivals in counted.items():
        own = spans.get((listener, source), [])
        found += [
            f"{listener} got {source} at {at:.3f}, outside of {own}"
            for at in arrivals
            if not any(span.begins <= at <= span.ends + LATE for span in own)
        ]
        for span in (span for span in own if span.lasts > GAP):
            inside = [at for at in arrivals if span.begins <= at <= span.ends + LATE]
            gaps = [later - earlier for earlier, later in pairwise([*inside, span.ends])]
            if not inside or inside[0] > span.begins + SLOW or max(gaps) > GAP:
                found.append(f"{listener} could hear {source} in {span}: {len(inside)} packets, gaps {gaps}")
    return found


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with service(tmp_path) as running, AsyncExitStack() as stack:
        made = Room(running, (await running.meeting())["id"])
        for name, role, booking in (
            ("newcomer", "newcomer", {}),
            ("interpreter", "interpreter", {}),
            ("host", "host", {}),
            ("tax", "officer", {"agency": "skatteverket", "station": 1}),
            ("insurance", "officer", {"agency": "forsakringskassan", "station": 2}),
        ):
            client = await stack.enter_async_context(await running.joined(made.meeting, role, **booking))
            made.people[name] = client
            await client.produce("audio")
        yield made


def without(log: Sequence[Event], *kinds: type[Event]) -> list[Event]:
    return [event for event in log if not isinstance(event, kinds)]


def faulty(log: Sequence[Event]) -> dict[str, tuple[Heard, ...]]:
    """What a computation would tell that overlooks something."""
    right = hearing(log)
    return {
        "no pause": hearing(without(log, ev.MeetingPaused, ev.MeetingResumed)),
        "no resume": hearing(without(log, ev.MeetingResumed)),
        "no second station": hearing(
            [each for each in log if not (isinstance(each, ev.StationStarted) and each.number == 2)]
        ),
        "no end of a consent": hearing(without(log, ev.ConsentRevoked, ev.StationReturned)),
        "no question": hearing(without(log, ev.ConsentAsked, ev.ConsentAnswered)),
        "no removal": hearing(without(log, ev.ParticipantRemoved)),
        "nobody leaves": hearing(without(log, ev.ParticipantLeft)),
        "only who hears": tuple(each for each in right if each.listener.id < each.source.id),
        "too late": tuple(
            replace(each, begins=each.begins + 2 * LATE, ends=each.ends and each.ends + 2 * LATE)
            for each in right
        ),
    }


async def test_each_interval_is_what_its_listener_received(room: Room) -> None:
    newcomer, host, interpreter = (room.people[name] for name in ("newcomer", "host", "interpreter"))
    always = ("newcomer", "interpreter", "host")
    await room.hear_each_other(*always)
    await room.act("stations/1/start")
    await room.hear_each_other(*always, "tax")
    await room.act("stations/2/start")
    await room.hear_each_other(*always, "insurance")
    await room.act("pause")
    await room.hear_nothing()
    await room.act("resume")
    await room.hear_each_other(*always, "insurance")
    await host.act("meeting.askConsent", stations=[1, 2])
    question = (await newcomer.wait_for_event("consent_asked"))["data"]["question"]
    await room.hear_each_other(*always)
    await newcomer.act("meeting.answerConsent", question=question, granted=True)
    await room.act("stations/1/start")
    await room.hear_each_other(*always, "insurance", "tax")
    (consent,) = newcomer.snapshot["consents"]
    await newcomer.act("meeting.revokeConsent", consent=consent["id"])
    await room.hear_each_other(*always, "insurance")
    await newcomer.cut()
    await newcomer.come_back(PATIENCE)
    await room.hear_each_other(*always, "insurance")
    await host.act("meeting.remove", participant=room.people["insurance"].participant)
    await room.hear_each_other(*always)
    await interpreter.call("session.leave")
    await room.hear_each_other("newcomer", "host")
    await room.act("end")
    await newcomer.wait_for(lambda: newcomer.closed_with, PATIENCE)
    await host.wait_for(lambda: host.closed_with, PATIENCE)

    log = await room.service.services.hub.log(room.meeting)
    counted, now = room.counted(), log[-1].at
    assert sum(map(len, counted.values())) > 20 * ENOUGH
    assert differences(hearing(log), room, counted, now) == []
    told = await room.service.rest("GET", f"/meetings/{room.meeting}/hearing")
    assert len(told["rows"]) == len(hearing(log))
    for fault, wrong in faulty(log).items():
        assert differences(wrong, room, counted, now), f"the packets do not show: {fault}"
