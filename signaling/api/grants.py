"""/grants: take back what was given, by token, participant, station, agency or meeting."""

from rooms import commands as cmd
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting
from rooms.people import Participant
from signaling import problems
from signaling.api import models, shapes
from signaling.api.meetings import actor
from signaling.api.route import Call, Reply
from signaling.invitations import InvitationError, invitation_of
from signaling.problems import Problem


async def revoke(call: Call) -> Reply:
    wanted = call.asked(models.GrantFilter)
    if not wanted.model_fields_set:
        raise Problem(400, "filter_missing", "say which grants: jti, participant, agency, station or meeting")
    if call.caller.agency is not None and wanted.agency not in (None, call.caller.agency):
        raise Problem(403, "not_allowed", "this is another agency")
    if wanted.jti is not None:
        if len(wanted.model_fields_set) > 1:
            raise problems.wrong("jti", "a token is named by its jti alone")
        return await _revoke_token(call, wanted.jti)
    if wanted.station is not None and wanted.meeting is None:
        raise problems.wrong("station", "a station is named together with its meeting")
    if call.caller.role == "admin":
        raise Problem(403, "not_allowed", "people in meetings are not yours to take back")
    return await _revoke_people(call, wanted)


async def _revoke_token(call: Call, jti: str) -> Reply:
    """The token's holder is shown out; another device of theirs can come back with its own."""
    services = call.services
    holder = await _holder(call, jti)
    if holder is None:
        if jti != call.caller.jti and call.caller.role != "admin":
            raise Problem(403, "not_allowed", "staff revoke their own tokens only")
        await services.staff.revoke_token(jti)
        return Reply(models.RevokedGrants(revoked=[]))
    meeting, participant = holder
    await services.invitations.revoke_token(jti)
    await services.hub.close_participant(meeting, participant, "revoked", "the token has been revoked")
    return _reply([holder])


async def _holder(call: Call, jti: str) -> tuple[str, str] | None:
    """Meeting and participant of an access token that the caller may take back; None for a token of staff."""
    invitation = invitation_of(jti)
    if invitation is None:
        holder = await call.services.agency_grants.holder(jti)
        if holder is None:
            return None
        own = call.caller.agency == holder.agency or await _leads(call, holder.meeting)
        return (holder.meeting, holder.participant) if own else None
    link = await call.services.invitations.find(invitation)
    if link is None or not await _leads(call, link.meeting):
        raise InvitationError("invitation_unknown", "there is no such token")
    return link.meeting, link.participant


async def _leads(call: Call, meeting: str) -> bool:
    """A token of a meeting of others is as good as none."""
    try:
        await shapes.known_meeting(call, meeting)
    except Rejected:
        return False
    return True


async def _revoke_people(call: Call, wanted: models.GrantFilter) -> Reply:
    found = [
        (state, person)
        for state in await _meetings(call, wanted.meeting)
        for person in state.participants.values()
        if not person.removed and _fits(person, wanted) and call.caller.agency in (None, person.agency)
    ]
    if wanted.participant is not None and not found:
        raise Rejected(Reason.PARTICIPANT_UNKNOWN, "there is no such participant")
    who = _actor(call, wanted)
    for state, person in found:
        await call.services.hub.execute(state.id, cmd.Remove(actor=who, participant=person.id))
    return _reply([(state.id, person.id) for state, person in found])


def _actor(call: Call, wanted: models.GrantFilter) -> str:
    if call.caller.agency is not None:
        return cmd.AGENCY + call.caller.agency
    whole_meeting = wanted.model_fields_set == {"meeting"}
    return cmd.SYSTEM if whole_meeting else actor(call)


async def _meetings(call: Call, meeting: str | None) -> list[Meeting]:
    """Those of the caller's sites; an agency's administrator reaches all, for their own officers."""
    hub = call.services.hub
    if call.caller.agency is None and meeting is not None:
        return [await shapes.known_meeting(call, meeting)]
    sites = call.caller.sites if call.caller.agency is None else (None,)
    found = [state for site in sites for state in await hub.meetings(site, None) if not state.ended]
    return [state for state in found if meeting in (None, state.id)]


def _fits(person: Participant, wanted: models.GrantFilter) -> bool:
    return (
        wanted.participant in (None, person.id)
        and wanted.agency in (None, person.agency)
        and wanted.station in (None, person.station)
    )


def _reply(revoked: list[tuple[str, str]]) -> Reply:
    shown = [models.RevokedGrant(meeting=meeting, participant=who) for meeting, who in revoked]
    return Reply(models.RevokedGrants(revoked=shown))
