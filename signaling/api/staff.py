"""/staff: signing in with a single-use link or a local account, who is signed in and where, signing out."""

from collections.abc import Awaitable
from typing import TypeVar

from rooms.views import HOME_ZONE, instant
from signaling import cookies
from signaling.accounts import BROWSER_COOKIE, BROWSER_KNOWN, provisioning_uri
from signaling.api import models
from signaling.api.dispatch import demand_origin, limit
from signaling.api.route import Call, Reply
from signaling.cookies import Cookie
from signaling.departures import signed_out
from signaling.problems import Problem
from signaling.staff import COOKIE, Person, SignedIn, session_id
from signaling.tokens import StaffClaims

T = TypeVar("T")
PASSWORDS = 10.0
"""Attempts a minute from one address."""


async def sign_in(call: Call) -> Reply:
    code = call.sent(models.Code).code
    signed = await call.services.lockouts.codes.count(
        f"{call.request.remote}",
        {"staff_link_unknown"},
        call.services.staff.sign_in(code, cookies.read(call.request, COOKIE)),
    )
    return _signed_in(call, signed)


async def sign_in_with_password(call: Call) -> Reply:
    """A local account: the page must be ours, and guesses are few."""
    demand_origin(call.request)
    limit(call.services, f"passwords from {call.request.remote}", PASSWORDS / 60, PASSWORDS)
    sent = call.sent(models.Password)
    known = cookies.read(call.request, BROWSER_COOKIE)
    person = await call.services.accounts.check(sent.login, sent.password, sent.code, known)
    signed = await _begun(call, person)
    browser = await call.services.accounts.remember(person, known)
    return _signed_in(call, signed, Cookie(BROWSER_COOKIE, browser, "/", int(BROWSER_KNOWN)))


async def welcome(call: Call) -> Reply:
    """A POST, so that the code stands in no log; nothing changes."""
    account, secret = await _known_link(call, call.services.accounts.welcome(call.sent(models.Code).code))
    person = account.person
    return Reply(
        models.AccountWelcome(
            login=account.login,
            name=person.name,
            secret=secret,
            address=provisioning_uri(account.login, secret),
        )
    )


async def take_up(call: Call) -> Reply:
    """A new password and second factor, and signed in with them."""
    demand_origin(call.request)
    limit(call.services, f"passwords from {call.request.remote}", PASSWORDS / 60, PASSWORDS)
    sent = call.sent(models.TakeUp)
    taking_up = call.services.accounts.take_up(sent.code, sent.password, sent.totp)
    person = await _known_link(call, taking_up)
    return _signed_in(call, await _begun(call, person))


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
    if not await call.services.staff.end_session(call.path["session"], call.caller.sub):
        raise Problem(404, "session_unknown", "you have no such session")
    await signed_out(call.services, call.caller.sub)
    return Reply(status=204)


async def sign_out(call: Call) -> Reply:
    """Without a session there is nothing to do."""
    secret = cookies.read(call.request, COOKIE)
    if secret is None:
        return Reply(status=204)
    demand_origin(call.request)
    claims = await call.services.staff.session(secret)
    await call.services.staff.sign_out(secret)
    if claims is not None:
        await signed_out(call.services, claims.sub)
    return Reply(status=204, cookies=(Cookie(COOKIE, "", "/", 0),))


async def _begun(call: Call, person: Person) -> SignedIn:
    """Who locks an account ends the sessions that are there: this one may have begun just after."""
    signed = await call.services.staff.begin(person, "password")
    try:
        await call.services.accounts.demand_standing(person)
    except BaseException:
        await call.services.staff.sign_out(signed.secret)
        raise
    return signed


async def _known_link(call: Call, asked: Awaitable[T]) -> T:
    return await call.services.lockouts.codes.count(f"{call.request.remote}", {"account_link_unknown"}, asked)


def _signed_in(call: Call, signed: SignedIn, *more: Cookie) -> Reply:
    lifetime = max(1, int(signed.claims.exp - call.services.clock()))
    return Reply(_session(call, signed.claims), cookies=(Cookie(COOKIE, signed.secret, "/", lifetime), *more))


def _session(call: Call, claims: StaffClaims) -> models.StaffSession:
    names = call.services.names
    sites = [
        {"id": site, "name": names.sites.get(site, site), "time_zone": names.zone(site)}
        for site in claims.sites
    ]
    return models.StaffSession.model_validate(
        {
            "name": claims.name,
            "role": claims.role,
            "agency": claims.agency,
            "sites": sites,
            "time_zone": sites[0]["time_zone"] if sites else HOME_ZONE,
            "expires_at": instant(claims.exp),
        }
    )
