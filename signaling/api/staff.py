"""/staff: signing in with a single-use link or a local account, who is signed in and where, signing out."""

from rooms.views import instant
from signaling import cookies
from signaling.accounts import SignInLocked
from signaling.api import models
from signaling.api.dispatch import demand_origin, limit
from signaling.api.route import Call, Reply
from signaling.cookies import Cookie
from signaling.problems import Problem
from signaling.staff import COOKIE, SignedIn, session_id
from signaling.tokens import StaffClaims

PASSWORDS = 10.0
"""Attempts a minute from one address."""


async def sign_in(call: Call) -> Reply:
    code = call.sent(models.Code).code
    signed = await call.services.staff.sign_in(code, cookies.read(call.request, COOKIE))
    return _signed_in(call, signed)


async def sign_in_with_password(call: Call) -> Reply:
    """A local account: the page must be ours, and guesses are few."""
    demand_origin(call.request)
    limit(call.services, f"passwords from {call.request.remote}", PASSWORDS / 60, PASSWORDS)
    sent = call.sent(models.Password)
    try:
        person = await call.services.accounts.check(sent.login, sent.password, sent.code)
    except SignInLocked as error:
        after = {"Retry-After": str(int(error.wait) + 1)}
        raise Problem(429, error.code, error.message, headers=after) from error
    return _signed_in(call, await call.services.staff.begin(person, "password"))


async def ways(call: Call) -> Reply:
    """How one can sign in here, besides with a link."""
    oidc = call.services.oidc
    return Reply(models.SignInWays(provider=None if oidc is None else oidc.name))


async def show(call: Call) -> Reply:
    return Reply(_session(call, call.caller))


async def sessions(call: Call) -> Reply:
    """Where the caller is signed in; `here` is the session that asks."""
    secret = cookies.read(call.request, COOKIE)
    here = None if secret is None else session_id(secret)
    found = [
        models.OwnSession(
            id=each.id,
            began_at=instant(each.began_at),
            expires_at=instant(each.expires_at),
            here=each.id == here,
        )
        for each in await call.services.staff.sessions(call.caller.sub)
    ]
    return Reply(models.OwnSessions(sessions=found))


async def end_session(call: Call) -> Reply:
    if not await call.services.staff.end_session(call.caller.sub, call.path["session"]):
        raise Problem(404, "session_unknown", "you have no such session")
    return Reply(status=204)


async def sign_out(call: Call) -> Reply:
    """Without a session there is nothing to do."""
    secret = cookies.read(call.request, COOKIE)
    if secret is None:
        return Reply(status=204)
    demand_origin(call.request)
    await call.services.staff.sign_out(secret)
    return Reply(status=204, cookies=(Cookie(COOKIE, "", "/", 0),))


def _signed_in(call: Call, signed: SignedIn) -> Reply:
    lifetime = max(1, int(signed.claims.exp - call.services.clock()))
    return Reply(_session(call, signed.claims), cookies=(Cookie(COOKIE, signed.secret, "/", lifetime),))


def _session(call: Call, claims: StaffClaims) -> models.StaffSession:
    sites = call.services.names.sites
    return models.StaffSession.model_validate(
        {
            "name": claims.name,
            "role": claims.role,
            "agency": claims.agency,
            "sites": [{"id": site, "name": sites.get(site, site)} for site in claims.sites],
            "expires_at": instant(claims.exp),
        }
    )
