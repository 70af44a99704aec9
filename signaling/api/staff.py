"""/staff/session: signing in with a single-use link, who is signed in, signing out."""

from rooms.views import instant
from signaling.api import models
from signaling.api.dispatch import demand_origin
from signaling.api.route import PREFIX, Call, Cookie, Reply
from signaling.staff import COOKIE
from signaling.tokens import StaffClaims


async def sign_in(call: Call) -> Reply:
    code = call.sent(models.Code).code
    signed = await call.services.staff.sign_in(code, call.request.cookies.get(COOKIE))
    lifetime = max(1, int(signed.claims.exp - call.services.clock()))
    return Reply(_session(call, signed.claims), cookies=(Cookie(COOKIE, signed.secret, PREFIX, lifetime),))


async def show(call: Call) -> Reply:
    return Reply(_session(call, call.caller))


async def sign_out(call: Call) -> Reply:
    """Without a session there is nothing to do."""
    secret = call.request.cookies.get(COOKIE)
    if secret is None:
        return Reply(status=204)
    demand_origin(call.request)
    await call.services.staff.sign_out(secret)
    return Reply(status=204, cookies=(Cookie(COOKIE, "", PREFIX, 0),))


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
