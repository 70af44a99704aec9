"""/meetings: create, list, read, change, lead and erase."""

import secrets

from rooms import commands as cmd
from rooms.errors import Reason, Rejected
from rooms.people import ONE_ADULT
from signaling import problems
from signaling.api import models, shapes
from signaling.api.route import Call, Reply
from signaling.idempotency import once

DEFAULT_ALIAS = "Besökare"


def actor(call: Call) -> str:
    return cmd.STAFF + call.caller.sub


async def create(call: Call) -> Reply:
    new = call.sent(models.NewMeeting)
    meeting_id = "m_" + (secrets.token_hex(12) if call.seed is None else call.seed[:24])
    command = cmd.CreateMeeting(
        actor=actor(call),
        meeting=meeting_id,
        site=shapes.own_site(call, new.site, "/site"),
        alias=new.alias or DEFAULT_ALIAS,
        route=new.route,
        party=shapes.party(new.people) or ONE_ADULT,
        languages=tuple(_languages(call, new.languages) or ("sv",)),
        planned_at=None if new.planned_at is None else new.planned_at.timestamp(),
        room=new.room,
        stations=_stations(call, new),
    )
    try:
        state = await call.services.hub.create(command)
    except Rejected as error:
        if error.reason is not Reason.MEETING_EXISTS or call.seed is None:
            raise
        state = await shapes.known_meeting(call, meeting_id)
    return Reply(shapes.meeting(call.services, state), 201)


async def index(call: Call) -> Reply:
    wanted = call.asked(models.MeetingFilter)
    sites = call.caller.sites if wanted.site is None else (shapes.own_site(call, wanted.site, "site"),)
    hub = call.services.hub
    found = [state for site in sites for state in await hub.meetings(site, wanted.date, wanted.days)]
    found.sort(key=lambda state: (state.planned_at or state.created_at, state.id))
    return Reply(models.Meetings(meetings=[shapes.meeting(call.services, state) for state in found]))


async def show(call: Call) -> Reply:
    return Reply(shapes.meeting(call.services, await shapes.known_meeting(call, call.path["meeting"])))


async def change(call: Call) -> Reply:
    wanted = call.sent(models.MeetingChange)
    state = await shapes.known_meeting(call, call.path["meeting"])
    if not wanted.model_fields_set:
        return Reply(shapes.meeting(call.services, state))
    languages = _languages(call, wanted.languages)
    return await lead(
        call,
        cmd.ChangeMeeting(
            actor=actor(call),
            alias=wanted.alias,
            party=shapes.party(wanted.people),
            languages=None if languages is None else tuple(languages),
            planned_at=None if wanted.planned_at is None else wanted.planned_at.timestamp(),
            room=wanted.room,
        ),
    )


async def erase(call: Call) -> Reply:
    state = await shapes.known_meeting(call, call.path["meeting"])
    await call.services.hub.erase(state.id, actor(call))
    return Reply(status=204)


async def pause(call: Call) -> Reply:
    return await lead(call, cmd.Pause(actor=actor(call)))


async def resume(call: Call) -> Reply:
    return await lead(call, cmd.Resume(actor=actor(call)))


async def end(call: Call) -> Reply:
    return await lead(call, cmd.End(actor=actor(call)))


async def lead(call: Call, *commands: cmd.Command) -> Reply:
    """Carries the commands out one after the other; the meeting as it is then."""
    state = await shapes.known_meeting(call, call.path["meeting"])
    for number, command in enumerate(commands):
        state = await call.services.hub.execute(state.id, once(command, call.seed, number))
    return Reply(shapes.meeting(call.services, state))


def _languages(call: Call, wanted: list[str] | None) -> list[str] | None:
    for number, code in enumerate(wanted or ()):
        if code not in call.services.catalogue.languages:
            raise problems.wrong(f"/languages/{number}", "this language is not in the catalogue")
    return wanted


def _stations(call: Call, new: models.NewMeeting) -> tuple[cmd.NewStation, ...]:
    catalogue = call.services.catalogue
    route = None if new.route is None else catalogue.routes.get(new.route)
    if new.route is not None and route is None:
        raise problems.wrong("/route", "there is no such route")
    if new.stations is not None:
        return tuple(
            shapes.station(call.services, each, f"/stations/{n}") for n, each in enumerate(new.stations)
        )
    return tuple(
        cmd.NewStation(
            agency=each.agency,
            purpose=each.purpose,
            minutes=each.minutes,
        )
        for each in (() if route is None else route.stations)
    )
