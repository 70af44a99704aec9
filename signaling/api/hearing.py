"""Who could hear whom: for the host the whole meeting, for an agency what concerned its own officers."""

from rooms.hearing import Heard, hearing, of_agency
from rooms.meeting import Meeting
from rooms.people import Participant
from rooms.views import instant, maybe
from signaling.api import models, shapes
from signaling.api.agencies import agency_of
from signaling.api.route import Call, Reply


async def of_meeting(call: Call) -> Reply:
    state = await shapes.known_meeting(call, call.path["meeting"])
    log = await call.services.hub.log(state.id)
    return Reply(models.Hearing(rows=[_row(call, state, each) for each in hearing(log)]))


async def of_officers(call: Call) -> Reply:
    """Others are told by their role only: an agency keeps no list of who was in the room."""
    agency = agency_of(call)
    wanted = call.asked(models.HearingFilter)
    rows = []
    for state in await call.services.hub.meetings(None, wanted.date):
        if any(person.agency == agency for person in state.participants.values()):
            found = of_agency(hearing(await call.services.hub.log(state.id)), agency)
            rows += [_row(call, state, each, agency) for each in found]
    return Reply(models.Hearing(rows=rows))


def _row(call: Call, state: Meeting, heard: Heard, agency: str | None = None) -> models.HeardRow:
    return models.HeardRow.model_validate(
        {
            "meeting": state.id,
            "time_zone": call.services.names.zone(state.site),
            "listener": _person(heard.listener, agency),
            "source": _person(heard.source, agency),
            "sources": list(heard.sources),
            "stations": list(heard.stations) if agency is None else _own(heard, agency),
            "begins": instant(heard.begins),
            "ends": maybe(heard.ends),
        }
    )


def _own(heard: Heard, agency: str) -> list[int]:
    own = {p.station for p in (heard.listener, heard.source) if p.agency == agency}
    return [number for number in heard.stations if number in own]


def _person(person: Participant, agency: str | None) -> models.HeardPerson:
    known = agency is None or person.agency == agency
    return models.HeardPerson(
        participant=person.id if known else None,
        name=person.name if known else None,
        role=person.role,
        agency=person.agency if known else None,
        station=person.station if known else None,
    )
