"""/screens for staff, and /screen for the screen itself."""

from rooms.views import instant
from signaling import cookies
from signaling.api import models, shapes
from signaling.api.dispatch import demand_origin
from signaling.api.route import PREFIX, Call, Reply
from signaling.cookies import Cookie
from signaling.problems import Problem
from signaling.screens import COOKIE, PAIRED_FOR, Screen

PATH = "/screen"
ATTEMPTS_PER_MINUTE = 10.0
"""Codes that one member of staff may try."""
ASKED_PER_SECOND = 2.0


async def index(call: Call) -> Reply:
    found = await call.services.screens.of_sites(call.caller.sites)
    return Reply(models.Screens(screens=[await _shown_to_staff(call, screen) for screen in found]))


async def pair(call: Call) -> Reply:
    wanted = call.sent(models.NewScreen)
    _limit(call, f"screen codes of {call.caller.sub}", ATTEMPTS_PER_MINUTE / 60, ATTEMPTS_PER_MINUTE)
    site = shapes.own_site(call, wanted.site, "/site")
    lockout = call.services.lockouts.pairing
    await lockout.demand_open(call.caller.sub)
    pairing = call.services.screens.pair(wanted.code, site=site, name=wanted.name.strip())
    screen = await lockout.count(call.caller.sub, {"screen_code_unknown"}, pairing)
    await lockout.forgive(call.caller.sub)
    return Reply(await _shown_to_staff(call, screen), 201)


async def forget(call: Call) -> Reply:
    screen = await _own(call)
    await call.services.screens.forget(screen, call.caller.sub)
    return Reply(status=204)


async def show(call: Call) -> Reply:
    """Without a meeting the screen shows nothing any more."""
    wanted = call.sent(models.ScreenMeeting).meeting
    screen = await _own(call)
    if wanted is not None:
        state = await shapes.known_meeting(call, wanted)
        if state.ended:
            raise Problem(409, "meeting_ended", "the meeting has ended")
    return Reply(
        await _shown_to_staff(call, await call.services.screens.show(screen, wanted, call.caller.sub))
    )


async def begin(call: Call) -> Reply:
    """The code to be shown; the secret that goes with it is the screen's own."""
    demand_origin(call.request)
    pairing = await call.services.screens.begin(cookies.read(call.request, COOKIE, PREFIX + PATH))
    cookie = Cookie(COOKIE, pairing.secret, PREFIX + PATH, int(PAIRED_FOR))
    return Reply(
        models.ScreenCode(code=pairing.code, expires_at=instant(pairing.expires_at)), 201, cookies=(cookie,)
    )


async def ask(call: Call) -> Reply:
    secret = cookies.read(call.request, COOKIE, PREFIX + PATH)
    _limit(call, f"screen {call.request.remote} {secret}", ASKED_PER_SECOND, 10 * ASKED_PER_SECOND)
    screen = await call.services.screens.ask(secret, call.asked(models.ScreenQuery).known)
    if screen is None:
        return Reply(models.ScreenTask(state="unpaired", version=0))
    meeting = await call.services.screens.shown(screen)
    return Reply(
        models.ScreenTask(
            state="idle" if meeting is None else "meeting",
            version=screen.version,
            name=screen.name,
            site_name=call.services.names.sites.get(screen.site, screen.site),
        )
    )


async def open_meeting(call: Call) -> Reply:
    demand_origin(call.request)
    link = await call.services.screens.open(cookies.read(call.request, COOKIE, PREFIX + PATH))
    return Reply(shapes.invitation(link), 201)


def _limit(call: Call, who: str, rate: float, burst: float) -> None:
    wait = call.services.limiter.wait(who, rate, burst)
    if wait:
        after = {"Retry-After": str(int(wait) + 1)}
        raise Problem(429, "too_many_requests", "too many calls; slow down", headers=after)


async def _own(call: Call) -> Screen:
    return await call.services.screens.find(call.path["screen"], call.caller.sites)


async def _shown_to_staff(call: Call, screen: Screen) -> models.Screen:
    meeting = await call.services.screens.shown(screen)
    return models.Screen(
        id=screen.id,
        site=screen.site,
        name=screen.name,
        paired_at=instant(screen.paired_at),
        connected=call.services.screens.connected(screen.id),
        meeting=None if meeting is None else meeting.id,
    )
