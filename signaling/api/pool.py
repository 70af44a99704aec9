"""/pool: the rooms that wait for an interpreter, their own, and the floor in one; links into the pool."""

from rooms.people import Role
from rooms.policy import sees_for_whom
from rooms.pool import Interpreter
from rooms.views import instant, maybe
from signaling import problems
from signaling.api import models, shapes
from signaling.api.dispatch import demand_still
from signaling.api.route import Call, Reply
from signaling.pool import Board, Room, Waiting
from signaling.problems import Problem
from signaling.staff import Person, new_subject
from signaling.tokens import TokenError

LONGEST = 16 * 3600.0
"""Seconds ahead until which somebody can say to be available."""


async def board(call: Call) -> Reply:
    known = call.asked(models.PoolQuery).known
    found = await call.services.pool.board(call.caller, known)
    await demand_still(call)
    return Reply(_board(call, found))


async def describe(call: Call) -> Reply:
    new = call.sent(models.PoolChange)
    for number, code in enumerate(new.languages):
        if code not in call.services.catalogue.languages:
            raise problems.wrong(f"/languages/{number}", "this language is not in the catalogue")
    until = None if new.available_until is None else new.available_until.timestamp()
    if until is not None and until > call.services.clock() + LONGEST:
        raise problems.wrong("/available_until", "this is too far ahead")
    pool = call.services.pool
    await pool.describe(call.caller, tuple(dict.fromkeys(new.languages)), new.kind, until)
    return Reply(_board(call, await pool.board(call.caller)))


async def accept(call: Call) -> Reply:
    room = await call.services.pool.accept(call.caller, call.path["call"])
    await _signed_in_still(call)
    return Reply(_room(call, room))


async def admit(call: Call) -> Reply:
    token, lifetime = await call.services.pool.admission(call.caller, call.path["meeting"])
    claims = call.services.tokens.verify_access(token)
    return Reply(
        models.AccessToken(
            access_token=token,
            expires_in=lifetime,
            meeting=claims.meeting,
            participant=claims.sub,
            role=Role.INTERPRETER,
        ),
        201,
    )


async def hop(call: Call) -> Reply:
    await call.services.pool.hop(call.caller, call.sent(models.Floor).meeting)
    await _signed_in_still(call)
    return Reply(_board(call, await call.services.pool.board(call.caller)))


async def invite(call: Call) -> Reply:
    """A single-use link with which an interpreter signs in; a host's leads to their own offices alone."""
    new = call.sent(models.NewPoolLink)
    offices = tuple(new.sites) if call.caller.role == "admin" else tuple(new.sites) or call.caller.sites
    if any(site not in call.services.catalogue.sites for site in offices):
        raise problems.wrong("/sites", "there is no such site")
    if call.caller.role == "host" and not offices:
        raise problems.wrong("/sites", "say at which of your sites")
    for site in offices if call.caller.role == "host" else ():
        shapes.own_site(call, site, "/sites")
    person = Person(new_subject(), new.name.strip(), "interpreter", offices)
    link = await call.services.staff.create_link(person)
    return Reply(models.PoolLink(url=link.url, code=link.code, expires_at=instant(link.expires_at)), 201)


async def _signed_in_still(call: Call) -> None:
    """Whoever signs somebody out puts down the floor that they have: it may have been taken just after."""
    try:
        await demand_still(call)
    except (Problem, TokenError):
        await call.services.pool.put_down(call.caller.sub)
        raise


def _board(call: Call, board: Board) -> models.PoolBoard:
    return models.PoolBoard(
        revision=board.revision,
        me=_me(board.me),
        waiting=[_waiting(call, each) for each in board.waiting],
        rooms=[_room(call, each) for each in board.rooms],
    )


def _me(me: Interpreter) -> models.PoolPerson:
    return models.PoolPerson(
        name=me.name,
        languages=list(me.languages),
        kind=me.kind,
        sites=list(me.sites),
        available_until=maybe(me.until),
    )


def _waiting(call: Call, waiting: Waiting) -> models.WaitingRoom:
    """No meeting is named: the office and the language are enough to decide."""
    return models.WaitingRoom(
        call=waiting.call.id,
        site_name=call.services.names.sites.get(waiting.site, waiting.site),
        language=waiting.call.language,
        kind=waiting.call.kind,
        since=instant(waiting.call.at),
        place=waiting.place,
    )


def _room(call: Call, room: Room) -> models.PoolRoom:
    state = room.state
    return models.PoolRoom(
        meeting=state.id,
        participant=room.person.id,
        alias=state.alias if sees_for_whom(state, room.person) else None,
        site_name=call.services.names.sites.get(state.site, state.site),
        room=state.room,
        languages=list(state.languages),
        planned_at=maybe(state.planned_at),
        kind=room.person.kind,
        floor=room.floor,
        paused=room.floor and state.paused,
    )
