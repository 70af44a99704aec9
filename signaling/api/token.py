"""/token: a one-time code becomes an access token. Errors are RFC 6749's, with our code."""

from rooms.people import Role
from signaling.api import models
from signaling.api.route import PREFIX, Call, Cookie, Reply
from signaling.invitations import KEPT, cookie_name
from signaling.problems import Problem

PATH = "/token"


async def redeem(call: Call) -> Reply:
    if isinstance(call.body, models.TokenForm):
        raise Problem(
            400, "unsupported_grant_type", "this grant type is not open; send a one-time code as JSON"
        )
    code = call.sent(models.Code).code
    redeemed = await call.services.invitations.redeem(code, call.request.cookies.get(cookie_name(code)))
    cookie = Cookie(redeemed.cookie_name, redeemed.cookie_value, PREFIX + PATH, int(KEPT))
    return Reply(
        models.AccessToken(
            access_token=redeemed.access_token,
            expires_in=redeemed.expires_in,
            meeting=redeemed.meeting,
            participant=redeemed.participant,
            role=Role(redeemed.role),
        ),
        cookies=(cookie,),
    )
