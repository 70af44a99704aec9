"""Leading the day, and the newcomer's own decisions."""

from dataclasses import replace

from tests.security.canaries.gathering import Gathering
from tests.security.canaries.marks import AGENCIES
from tests.security.canaries.world import Person, World

MOST_STATIONS = 9


def open_stations(world: World) -> list[int]:
    return [number for number in world.agency_of if number not in world.over]


def can_go_on(meeting: Gathering) -> bool:
    return len(open_stations(meeting.world)) > 1


async def start(meeting: Gathering) -> bool:
    world = meeting.world
    agreed = [n for named in world.consents.values() for n in named if n not in world.over]
    choices = agreed if agreed and meeting.chance.random() < 0.5 else open_stations(world)
    station = meeting.chance.choice(choices)
    return await meeting.lead(
        lambda w: w.started(station), f"/stations/{station}/start", "meeting.start", station=station
    ) or not (world.paused or world.question)


async def finish(meeting: Gathering) -> bool:
    if not meeting.world.active or len(open_stations(meeting.world)) < 3:
        return False
    station = meeting.chance.choice(meeting.world.active)
    return await meeting.lead(
        lambda w: w.finished(station), f"/stations/{station}/finish", "meeting.finish", station=station
    )


async def skip(meeting: Gathering) -> bool:
    waiting = [n for n in open_stations(meeting.world) if n not in meeting.world.active]
    if len(waiting) < 3:
        return False
    station = meeting.chance.choice(waiting)
    return await meeting.lead(
        lambda w: w.finished(station), f"/stations/{station}/skip", "meeting.skip", station=station
    )


async def add_station(meeting: Gathering) -> bool:
    """And its officer comes."""
    station, agency = 1 + max(meeting.world.agency_of), meeting.chance.choice(AGENCIES)
    if station > MOST_STATIONS:
        return False
    wanted = {"agency": agency, "purpose": meeting.purpose(station), "minutes": 20}
    path = f"/meetings/{meeting.meeting}/stations"
    added = await meeting.attempt(
        lambda w: w.with_station(station, agency), meeting.rest("POST", path, wanted)
    )
    if added:
        await meeting.welcome("officer", station)
    return added


async def move(meeting: Gathering) -> bool:
    host, stations = meeting.the("host"), list(meeting.world.agency_of)
    if host is None:
        return False
    call = host.act(
        "meeting.moveStation",
        station=meeting.chance.choice(stations),
        position=meeting.chance.randint(1, len(stations)),
    )
    await meeting.attempt(lambda w: w, call)
    return True


async def extend(meeting: Gathering) -> bool:
    host = meeting.the("host")
    if host is None:
        return False
    station = meeting.chance.choice(open_stations(meeting.world))
    await meeting.attempt(lambda w: w, host.act("meeting.extendStation", station=station, minutes=1))
    return True


async def pause(meeting: Gathering) -> bool:
    if meeting.world.paused:
        return False
    newcomer = meeting.the("newcomer")
    if newcomer is not None and meeting.chance.random() < 0.5:
        return await meeting.attempt(lambda w: replace(w, paused=True), newcomer.act("meeting.pause"))
    return await meeting.lead(lambda w: replace(w, paused=True), "/pause", "meeting.pause")


async def resume(meeting: Gathering) -> bool:
    if not meeting.world.paused:
        return False
    return await meeting.lead(lambda w: replace(w, paused=False), "/resume", "meeting.resume")


async def ask(meeting: Gathering) -> bool:
    askers = [d for d in meeting.connected("host", "officer") if meeting.world.in_room(d.who)]
    if not askers or meeting.world.question is not None or meeting.world.paused:
        return False
    asker = meeting.chance.choice(askers)
    left = open_stations(meeting.world)
    named = set(meeting.chance.sample(left, min(len(left), meeting.chance.choice((2, 2, 3)))))
    own = meeting.world.people[asker.who].station
    stations = sorted(named | ({own} if own else set()))
    return await meeting.attempt(
        lambda w: replace(w, question=frozenset(stations)),
        asker.act("meeting.askConsent", stations=stations),
    )


async def answer(meeting: Gathering) -> bool:
    newcomer = meeting.the("newcomer")
    shown = None if newcomer is None else newcomer.snapshot["question"]
    if newcomer is None or shown is None or meeting.world.question is None:
        return False
    question, granted = shown["id"], meeting.chance.random() < 0.8
    call = newcomer.act("meeting.answerConsent", question=question, granted=granted)
    return await meeting.attempt(lambda w: w.answered(question, granted), call)


async def withdraw(meeting: Gathering) -> bool:
    host = meeting.the("host")
    shown = None if host is None else host.snapshot["question"]
    if host is None or shown is None:
        return False
    call = host.act("meeting.withdrawQuestion", question=shown["id"])
    return await meeting.attempt(lambda w: w.answered(shown["id"], False), call)


async def revoke(meeting: Gathering) -> bool:
    newcomer, consents = meeting.the("newcomer"), list(meeting.world.consents)
    if newcomer is None or not consents:
        return False
    consent = meeting.chance.choice(consents)
    return await meeting.attempt(
        lambda w: w.revoked(consent), newcomer.act("meeting.revokeConsent", consent=consent)
    )


def _some(meeting: Gathering, *roles: str) -> list[Person]:
    return [each for each in meeting.world.people.values() if each.role in roles]


async def admit(meeting: Gathering) -> bool:
    waiting = [each for each in _some(meeting, "companion") if each.id not in meeting.world.admitted]
    leader = meeting.the("newcomer") or meeting.the("host")
    if not waiting or leader is None:
        return False
    who = waiting[0].id
    return await meeting.attempt(
        lambda w: replace(w, admitted=w.admitted | {who}), leader.act("meeting.admit", participant=who)
    )


async def exclude(meeting: Gathering) -> bool:
    newcomer = meeting.the("newcomer")
    if newcomer is None or not meeting.world.active:
        return False
    who = meeting.chance.choice(_some(meeting, "companion", "host")).id
    call = newcomer.act("meeting.exclude", participant=who)
    return await meeting.attempt(lambda w: w.excluding(who), call)


async def include(meeting: Gathering) -> bool:
    newcomer, kept_out = meeting.the("newcomer"), sorted({who for who, _ in meeting.world.excluded})
    if newcomer is None or not kept_out:
        return False
    who = meeting.chance.choice(kept_out)
    return await meeting.attempt(lambda w: w.including(who), newcomer.act("meeting.include", participant=who))


async def remove(meeting: Gathering) -> bool:
    """An officer, and another one takes their place."""
    officers = meeting.connected("officer")
    if not officers:
        return False
    device = meeting.chance.choice(officers)
    gone = await meeting.attempt(
        lambda w: w.removed(device.who),
        meeting.rest("DELETE", f"/grants?meeting={meeting.meeting}&participant={device.who}"),
    )
    if gone:
        meeting.retire(device)
        station = meeting.world.people[device.who].station
        if station not in meeting.world.over:
            await meeting.welcome("officer", station)
    return gone


async def end(meeting: Gathering) -> None:
    """For good; who is there still listens."""
    ended = await meeting.lead(lambda w: replace(w, ended=True), "/end", "meeting.end")
    assert ended
    await meeting.barrier(meeting.connected())


STEPS = {
    "start": (5.0, start),
    "finish": (0.3, finish),
    "skip": (0.15, skip),
    "add a station": (0.4, add_station),
    "move a station": (0.5, move),
    "extend a station": (0.5, extend),
    "pause": (1.0, pause),
    "resume": (8.0, resume),
    "ask": (1.5, ask),
    "answer": (8.0, answer),
    "withdraw": (1.0, withdraw),
    "revoke": (1.5, revoke),
    "admit": (3.0, admit),
    "exclude": (0.8, exclude),
    "include": (1.5, include),
    "remove": (0.25, remove),
}
