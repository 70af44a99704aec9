"""/meetings/{id}/invitations and /invitations/{id}: one-time links."""

from rooms.people import Role
from signaling.api import models, shapes
from signaling.api.meetings import actor
from signaling.api.route import Call, Reply
from signaling.invitations import InvitationError


async def create(call: Call) -> Reply:
    new = call.sent(models.NewInvitation)
    state = await shapes.known_meeting(call, call.path["meeting"])
    name = new.name
    if name is None and new.role is Role.HOST and new.participant is None:
        name = call.caller.name
    made = await call.services.invitations.create(
        meeting=state.id,
        actor=actor(call),
        role=new.role,
        agency=new.agency,
        station=new.station,
        name=name,
        language=new.language,
        participant=new.participant,
        place=new.place,
        kind=new.kind,
        seed=call.seed,
    )
    return Reply(shapes.invitation(made), 201)


async def revoke(call: Call) -> Reply:
    """A link into a meeting of another site is as good as none."""
    invitation = call.path["invitation"]
    link = await call.services.invitations.find(invitation)
    if link is None or not await _of_caller(call, link.meeting):
        raise InvitationError("invitation_unknown", "there is no such link")
    await call.services.invitations.revoke(link.meeting, invitation, actor(call))
    return Reply(status=204)


async def _of_caller(call: Call, meeting: str) -> bool:
    return (await call.services.hub.state(meeting)).site in call.caller.sites
