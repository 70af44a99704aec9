"""What ends with a sign-in: an interpreter's floor, and with an account the places that its person has."""

from rooms import commands as cmd
from rooms.people import Role
from rooms.policy import stands_for
from signaling.services import Services


async def signed_out(services: Services, sub: str) -> None:
    """Of one session. Who is signed in nowhere any more interprets in no room."""
    if not await services.staff.sessions(sub):
        await services.pool.put_down(sub)


async def dismissed(services: Services, sub: str, *, for_good: bool = False) -> None:
    """Everywhere, and nobody leads a meeting on. `for_good`: the name may be somebody else's next."""
    await services.staff.end_sessions(sub)
    await services.pool.put_down(sub)
    for state in services.hub.going_on():
        for person in state.participants.values():
            leaves = for_good or person.role is Role.HOST
            if leaves and not person.removed and stands_for(state, person, sub):
                await services.hub.execute(state.id, cmd.Remove(actor=cmd.SYSTEM, participant=person.id))
