"""/token: an access token for a one-time code or an assertion. Errors are RFC 6749's, with our code."""

from rooms.people import Role
from signaling import cookies
from signaling.agency_grants import GrantRefused
from signaling.api import models
from signaling.api.dispatch import limit
from signaling.api.route import PREFIX, Call, Reply
from signaling.cookies import Cookie
from signaling.invitations import KEPT, cookie_name, superfluous
from signaling.problems import Problem

PATH = "/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FORGED = frozenset(
    {"assertion_malformed", "assertion_header", "assertion_key_unknown"}
    | {"assertion_algorithm", "assertion_signature"}
)


async def redeem(call: Call) -> Reply:
    if isinstance(call.body, models.TokenForm):
        return await _exchange(call, call.body)
    code = call.sent(models.Code).code
    held = cookies.read(call.request, cookie_name(code), PREFIX + PATH)
    redeemed = await call.services.lockouts.codes.count(
        f"{call.request.remote}", {"invitation_unknown"}, call.services.invitations.redeem(code, held)
    )
    cookie = Cookie(redeemed.cookie_name, redeemed.cookie_value, PREFIX + PATH, int(KEPT))
    sent = cookies.names(call.request, PREFIX + PATH)
    old = [Cookie(name, "", PREFIX + PATH, 0) for name in superfluous(sent, cookie.name)]
    return Reply(
        models.AccessToken(
            access_token=redeemed.access_token,
            expires_in=redeemed.expires_in,
            meeting=redeemed.meeting,
            participant=redeemed.participant,
            role=Role(redeemed.role),
        ),
        cookies=(cookie, *old),
    )


async def whose(call: Call) -> Reply:
    """A POST, so that the code stands in no log; nothing changes."""
    way, services = call.sent(models.Way), call.services
    if way.token is not None:
        claims = services.tokens.verify_access(way.token)
        person, booked = await services.invitations.holder(claims.meeting, claims.sub, claims.jti)
    else:
        whose = services.invitations.whose(way.code or "")
        person, booked = await services.lockouts.codes.count(
            f"{call.request.remote}", {"invitation_unknown"}, whose
        )
    about, capabilities = None, None
    if booked is not None:
        workers = services.hub.workers
        capabilities = workers.router_capabilities if workers.running else None
        about = models.Booking(
            site_name=booked.site_name,
            time_zone=services.names.zone(booked.site),
            planned_at=booked.planned_at,
            station=booked.station,
        )
    return Reply(
        models.LinkInfo(
            role=person.role, language=person.language, booking=about, router_rtp_capabilities=capabilities
        )
    )


async def _exchange(call: Call, form: models.TokenForm) -> Reply:
    """RFC 7523, section 2.1."""
    if form.grant_type != JWT_BEARER:
        raise Problem(400, "unsupported_grant_type", f"it must be {JWT_BEARER}; a code is sent as JSON")
    if form.assertion is None:
        raise Problem(400, "bad_request", "the field assertion is missing")
    services = call.services
    assertion = await services.lockouts.assertions.count(
        f"{call.request.remote}", FORGED, services.assertions.take(form.assertion)
    )
    per_minute = float(services.settings.limits.assertions_per_minute)
    try:
        limit(services, f"agency {assertion.agency}", per_minute / 60, per_minute)
        person, token, lifetime = await services.agency_grants.admit(assertion)
    except GrantRefused:
        raise
    except Exception:
        await services.assertions.give_back(assertion)
        raise
    return Reply(
        models.AccessToken(
            access_token=token,
            expires_in=lifetime,
            meeting=assertion.meeting,
            participant=person.id,
            role=person.role,
        )
    )
