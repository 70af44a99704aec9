"""What happens around every call: rate, who calls, from which page, what was sent, repeated or new."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel, ValidationError

from signaling import cookies, problems, staff, strict_json
from signaling.api.route import ROLES, Access, Call, Reply, Route
from signaling.idempotency import Result
from signaling.origin import from_our_page
from signaling.problems import Problem
from signaling.services import SERVICES, Services
from signaling.tokens import StaffClaims, TokenError

log = structlog.get_logger(__name__)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
IDEMPOTENCY_KEY = "Idempotency-Key"
BODY_WITHIN = 20.0
"""Seconds for a body to arrive."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def endpoint(route: Route) -> _Handler:
    """The route as aiohttp calls it."""
    return partial(_answer, route)


async def _answer(route: Route, request: web.Request) -> web.StreamResponse:
    try:
        return await _call(route, request)
    except Exception as error:
        problem = problems.of(error)
        if problem is None:
            log.exception("call failed", call=route.name)
            problem = problems.unforeseen()
        return oauth_error(problem) if route.oauth else problem.response()


async def _call(route: Route, request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    call = Call(request, services, request.match_info)
    if route.access is Access.OPEN:
        if route.changes:
            _limit_attempts(services, request)
    else:
        call.staff = await _known_staff(route, services, request)
    call.query = _query(route, request)
    raw = await _read(request) if route.changes else b""
    call.body = _body(route, request, raw)
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None or not route.takes_key:
        return _response(request, await route.handler(call))
    scope = "\n".join((_authority(call.caller), request.method, request.rel_url.raw_path_qs))
    result, again = await services.idempotency.run(
        scope, key, raw, partial(_result, route, call), restricts=route.restricts
    )
    response = web.Response(status=result.status, body=result.body or None)
    if result.body:
        response.content_type = result.content_type
    if again:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _authority(caller: StaffClaims) -> str:
    """Whoever may do less than before, or something else, is not given what was answered then."""
    return json.dumps([caller.sub, caller.role, caller.agency, sorted(caller.sites)])


async def _result(route: Route, call: Call, seed: str) -> Result:
    """An outcome to be remembered: a refusal too, but no failure of ours."""
    call.seed = seed
    try:
        reply = await route.handler(call)
    except Exception as error:
        problem = problems.of(error)
        if problem is None or problem.status >= 500:
            raise
        return Result(problem.status, problems.MEDIA_TYPE, problem.body())
    return Result(reply.status, JSON, _encoded(reply.model))


def _limit_attempts(services: Services, request: web.Request) -> None:
    """Guesses at codes and tokens, by address."""
    burst = float(services.settings.limits.redemptions_per_minute)
    limit(services, f"address {request.remote}", burst / 60, burst)


def limit(services: Services, who: str, rate: float, burst: float) -> None:
    wait = services.limiter.wait(who, rate, burst)
    if wait:
        after = {"Retry-After": str(int(wait) + 1)}
        raise Problem(429, "too_many_requests", "too many calls; slow down", headers=after)


async def _known_staff(route: Route, services: Services, request: web.Request) -> StaffClaims:
    try:
        claims = await _staff(route, services, request)
    except (Problem, TokenError):
        _limit_attempts(services, request)
        raise
    limits = services.settings.limits
    limit(services, f"staff {claims.sub}", limits.calls_per_second, limits.calls_burst)
    return claims


async def demand_still(call: Call) -> None:
    """The caller is signed in still, after a while. Raises Problem, TokenError."""
    await _proof(call.services, call.request, restricts=False)


async def _staff(route: Route, services: Services, request: web.Request) -> StaffClaims:
    claims = await _proof(services, request, restricts=route.restricts)
    if route.changes and hdrs.AUTHORIZATION not in request.headers:
        demand_origin(request)
    if claims.role not in ROLES[route.access]:
        raise Problem(403, "not_allowed", "this call is not open to your role")
    bound = claims.agency is not None or claims.role == "agency_admin"
    if "agency" in route.parameters and bound and claims.agency != request.match_info["agency"]:
        raise Problem(403, "not_allowed", "this is another agency")
    return claims


async def _proof(services: Services, request: web.Request, *, restricts: bool) -> StaffClaims:
    authorization = request.headers.get(hdrs.AUTHORIZATION)
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorized("token_missing", "a bearer token is needed")
        return await services.staff.verify(token.strip(), restricts=restricts)
    secret = cookies.read(request, staff.COOKIE)
    if secret is None:
        raise _unauthorized("token_missing", "sign in first, or send a bearer token")
    claims = await services.staff.session(secret, restricts=restricts)
    if claims is None:
        raise _unauthorized("session_missing", "the session has ended; sign in again")
    return claims


def demand_origin(request: web.Request) -> None:
    """A cookie alone is not enough to change something."""
    if not from_our_page(request):
        raise Problem(403, "origin_forbidden", "this call must come from a page of the service")


def _unauthorized(code: str, detail: str) -> Problem:
    return Problem(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


def _query(route: Route, request: web.Request) -> BaseModel | None:
    if route.query is None:
        return None
    query = request.query
    twice = next((name for name in query if len(query.getall(name)) > 1), None)
    if twice is not None:
        raise problems.wrong("", "a parameter stands twice")
    try:
        return route.query.model_validate(dict(query))
    except ValidationError as error:
        raise problems.invalid(error) from error


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await request.read()
    except TimeoutError as error:
        raise Problem(408, "timeout", "the body did not arrive in time") from error
    except (web.RequestPayloadError, ConnectionError, ValueError) as error:
        raise Problem(400, "bad_request", "the body cannot be read") from error


def _body(route: Route, request: web.Request, raw: bytes) -> BaseModel | None:
    if route.body is None:
        return None
    if route.form is not None and request.content_type == FORM:
        return _form(route.form, raw)
    if request.content_type != JSON:
        raise Problem(415, "unsupported_media_type", f"the body must be {JSON}")
    try:
        text = raw.decode("utf-8")
        strict_json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "invalid_json", "the body is not well-formed JSON (RFC 7493)") from error
    try:
        return route.body.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise problems.invalid(error) from error


def _form(model: type[BaseModel], raw: bytes) -> BaseModel:
    try:
        fields = parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=20, strict_parsing=True)
    except ValueError as error:
        raise Problem(400, "bad_request", "the body is not a form") from error
    if any(len(values) > 1 for values in fields.values()):
        raise Problem(400, "bad_request", "a field stands twice")
    try:
        return model.model_validate({name: values[0] for name, values in fields.items()})
    except ValidationError as error:
        raise problems.invalid(error) from error


def _encoded(model: BaseModel | None) -> bytes:
    return b"" if model is None else model.model_dump_json().encode()


def _response(request: web.Request, reply: Reply) -> web.Response:
    body = _encoded(reply.model)
    response = web.Response(status=reply.status, body=body or None)
    if body:
        response.content_type = JSON
    for cookie in reply.cookies:
        cookies.put(request, response, cookie)
    return response


_GRANT_CODES = frozenset(
    {"invitation_unknown", "invitation_used", "invitation_expired", "invitation_revoked", "meeting_ended"}
    | {"grant_unknown", "grant_over", "grant_revoked", "grant_limit"}
)


def oauth_error(problem: Problem) -> web.Response:
    """RFC 6749, section 5.2, with our code."""
    error = "server_error" if problem.status >= 500 else "invalid_request"
    if problem.code in _GRANT_CODES or problem.code.startswith("assertion_"):
        error = "invalid_grant"
    elif problem.code == "unsupported_grant_type":
        error = problem.code
    detail = "; ".join((problem.detail, *(f"{e['pointer']}: {e['detail']}" for e in problem.errors)))
    body: dict[str, Any] = {"error": error, "error_description": detail, "code": problem.code}
    return web.json_response(body, status=problem.status, headers=problem.headers)
