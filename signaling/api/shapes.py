"""Meetings as the REST API shows them to staff."""

import re

from config.catalogue import Agency
from rooms.commands import NewStation
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting
from rooms.people import Party
from rooms.policy import phase
from rooms.views import instant, maybe, meeting_state, station_view
from signaling import problems
from signaling.api import models
from signaling.api.route import Call
from signaling.invitations import Invitation
from signaling.problems import Problem
from signaling.services import Services

_MEETING = re.compile(r"m_[0-9A-Za-z_-]{1,64}")


def meeting(services: Services, state: Meeting) -> models.Meeting:
    now = services.clock()
    return models.Meeting.model_validate(
        {
            "id": state.id,
            "site": state.site,
            "site_name": services.names.sites.get(state.site, state.site),
            "time_zone": services.names.zone(state.site),
            "route": state.route,
            "alias": state.alias,
            "planned_at": maybe(state.planned_at),
            "languages": list(state.languages),
            "people": models.People.model_construct(adults=state.party.adults, children=state.party.children),
            "room": state.room,
            "state": meeting_state(state),
            "stations": [station_view(state, station, now, services.names) for station in state.stations],
            "participants": [
                models.MeetingParticipant(
                    id=p.id,
                    role=p.role,
                    kind=p.kind,
                    name=p.name,
                    agency=p.agency,
                    station=p.station,
                    language=p.language,
                    place=p.place,
                    phase=phase(state, p),
                    ready=p.ready,
                    present=p.present,
                )
                for p in state.participants.values()
                if not p.removed
            ],
            "created_at": instant(state.created_at),
            "paused_since": maybe(state.paused_at),
            "ended_at": maybe(state.ended_at),
        }
    )


async def known_meeting(call: Call, meeting_id: str) -> Meeting:
    """Raises Rejected for a meeting of another site just as for none; for an admin there is none."""
    if not _MEETING.fullmatch(meeting_id):
        raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
    state = await call.services.hub.state(meeting_id)
    if call.caller.role == "admin" or state.site not in call.caller.sites or state.erased_at is not None:
        raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
    return state


def own_site(call: Call, wanted: str | None, pointer: str) -> str:
    sites = call.caller.sites
    if wanted is None:
        if len(sites) != 1:
            raise problems.wrong(pointer, "say which of your sites")
        return sites[0]
    if wanted not in call.services.catalogue.sites:
        raise problems.wrong(pointer, "there is no such site")
    if wanted not in sites:
        raise Problem(403, "not_allowed", "this is not a site of yours")
    return wanted


def invitation(made: Invitation) -> models.Invitation:
    return models.Invitation(
        id=made.id,
        participant=made.participant,
        url=made.url,
        code=made.code,
        expires_at=instant(made.expires_at),
    )


def agency(services: Services, agency_id: str, pointer: str) -> Agency:
    found = services.catalogue.agencies.get(agency_id)
    if found is None:
        raise problems.wrong(pointer, "there is no such agency")
    return found


def station(services: Services, new: models.NewStation, pointer: str) -> NewStation:
    chosen = agency(services, new.agency, f"{pointer}/agency")
    return NewStation(
        agency=chosen.id,
        purpose=new.purpose,
        minutes=new.minutes,
        break_after=new.break_after,
    )


def party(people: models.People | None) -> Party | None:
    return None if people is None else Party(people.adults, people.children)
