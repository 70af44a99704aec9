"""/sign-in and /sign-out: the browser's way to the OpenID provider and back."""

from urllib.parse import urlencode

from aiohttp import hdrs, web

from signaling import cookies
from signaling.cookies import Cookie
from signaling.departures import signed_out
from signaling.errors import ServiceError
from signaling.oidc import CALLBACK, LIFETIME, OidcSignIn
from signaling.origin import from_our_page
from signaling.services import SERVICES
from signaling.staff import COOKIE

BEGUN = "motesrum_sign_in"


def setup(app: web.Application) -> None:
    app.router.add_get("/sign-in", begin)
    app.router.add_get(CALLBACK, finish)
    app.router.add_post("/sign-out", sign_out)


async def begin(request: web.Request) -> web.Response:
    try:
        address, browser = await _provider(request).begin()
    except ServiceError as error:
        return _home(error.code)
    response = _to(address)
    cookies.put(request, response, Cookie(BEGUN, browser, "/", int(LIFETIME), "Lax"))
    return response


async def finish(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    try:
        person = await _provider(request).finish(request.query, cookies.read(request, BEGUN))
    except ServiceError as error:
        return _home(error.code)
    signed = await services.staff.begin(person, "oidc")
    response = _home()
    lifetime = int(signed.claims.exp - services.clock())
    cookies.put(request, response, Cookie(COOKIE, signed.secret, "/", lifetime))
    cookies.put(request, response, Cookie(BEGUN, "", "/", 0, "Lax"))
    return response


async def sign_out(request: web.Request) -> web.Response:
    """Here; `address`: where the browser signs out at the provider too, or null."""
    services = request.app[SERVICES]
    secret = cookies.read(request, COOKIE)
    if secret is not None and not from_our_page(request):
        raise web.HTTPForbidden(text="this call must come from a page of the service")
    if secret is not None:
        claims = await services.staff.session(secret)
        await services.staff.sign_out(secret)
        if claims is not None:
            await signed_out(services, claims.sub)
    there = None if services.oidc is None else await services.oidc.sign_out_address()
    response = web.json_response({"address": there})
    cookies.put(request, response, Cookie(COOKIE, "", "/", 0))
    return response


def _provider(request: web.Request) -> OidcSignIn:
    oidc = request.app[SERVICES].oidc
    if oidc is None:
        raise web.HTTPNotFound
    return oidc


def _home(problem: str | None = None) -> web.Response:
    return _to("/" if problem is None else "/?" + urlencode({"problem": problem}))


def _to(address: str) -> web.Response:
    return web.Response(status=303, headers={hdrs.LOCATION: address})
