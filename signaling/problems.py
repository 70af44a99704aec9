"""Errors of the REST API: RFC 9457 problem documents with a stable code.

Every error that a handler can raise becomes a `Problem` here; this is the only table of codes and statuses.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from pydantic import ValidationError

from rooms.errors import Reason, Rejected
from rooms.store.base import StoreUnavailable
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.lockout import LockedOut

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:motesrum:problem:"
RETRY_AFTER = "1"

REASONS: Mapping[Reason, int] = {
    Reason.NOT_ALLOWED: 403,
    Reason.MEETING_UNKNOWN: 404,
    Reason.PARTICIPANT_UNKNOWN: 404,
    Reason.STATION_UNKNOWN: 404,
    Reason.QUESTION_UNKNOWN: 404,
    Reason.CONSENT_UNKNOWN: 404,
    Reason.INVALID: 422,
    Reason.AGENCY_MISMATCH: 422,
}
"""What is not named is a conflict with the state of the meeting (409), an ended meeting included: it can
still be read."""

ASSERTION_CODES = (
    "assertion_malformed",
    "assertion_header",
    "assertion_key_unknown",
    "assertion_algorithm",
    "assertion_signature",
    "assertion_claims",
    "assertion_audience",
    "assertion_expired",
    "assertion_not_yet_valid",
    "assertion_too_long",
    "assertion_used",
    "assertion_wrong_type",
)

CODES: Mapping[str, int] = {
    "token_missing": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "token_wrong_type": 403,
    "session_missing": 401,
    "origin_forbidden": 403,
    "invitation_unknown": 404,
    "invitation_used": 410,
    "invitation_expired": 410,
    "invitation_revoked": 410,
    "meeting_ended": 410,
    "staff_link_unknown": 404,
    "staff_link_used": 410,
    "staff_link_expired": 410,
    "sign_in_failed": 401,
    "account_exists": 409,
    "account_unknown": 404,
    "account_link_unknown": 404,
    "code_wrong": 422,
    "password_unfit": 422,
    "agency_unknown": 404,
    "agency_key_unknown": 404,
    "agency_key_invalid": 422,
    "grant_unknown": 400,
    "grant_over": 400,
    "grant_revoked": 400,
    "grant_limit": 400,
    **dict.fromkeys(ASSERTION_CODES, 400),
    "call_unknown": 404,
    "room_unknown": 404,
    "screen_missing": 401,
    "screen_unpaired": 403,
    "screen_paired": 409,
    "screen_code_unknown": 404,
    "screen_unknown": 404,
    "screen_idle": 409,
    "idempotency_key_invalid": 400,
    "idempotency_mismatch": 422,
    "idempotency_in_progress": 409,
    "too_many_requests": 429,
    "unsupported_grant_type": 400,
}

HTTP_CODES: Mapping[int, str] = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    417: "bad_request",
    431: "too_large",
}


@dataclass(slots=True)
class Problem(Exception):
    """`errors`: one `{pointer, detail}` for each field, the pointer as in RFC 6901."""

    status: int
    code: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        body: dict[str, object] = {
            "type": TYPE_PREFIX + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        return {**body, "errors": list(self.errors)} if self.errors else body

    def body(self) -> bytes:
        return json.dumps(self.document(), ensure_ascii=False).encode()

    def response(self) -> web.Response:
        return web.Response(
            status=self.status, body=self.body(), content_type=MEDIA_TYPE, headers=self.headers
        )


def of(error: Exception) -> Problem | None:
    """The problem that an error is told as; None for an error that nobody foresaw."""
    match error:
        case Problem():
            return error
        case Rejected():
            return Problem(REASONS.get(error.reason, 409), error.reason.value, error.message)
        case ServiceUnavailable():
            return Problem(503, error.code, error.message, headers={"Retry-After": RETRY_AFTER})
        case StoreUnavailable():
            return Problem(
                503, "store_unavailable", "the store does not answer", headers={"Retry-After": RETRY_AFTER}
            )
        case LockedOut():
            after = {"Retry-After": str(int(error.wait) + 1)}
            return Problem(429, error.code, error.message, headers=after)
        case ServiceError():
            return _of_service_error(error)
        case ValidationError():
            return invalid(error)
        case web.HTTPException():
            return _of_http(error)
    return None


def unforeseen() -> Problem:
    return Problem(500, "internal_error", "something went wrong in the service; it has been noted")


def invalid(error: ValidationError, where: str = "") -> Problem:
    """What was sent is not quoted: it may be a secret."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        {"pointer": where + "".join(f"/{_escape(part)}" for part in each["loc"]), "detail": each["msg"]}
        for each in found[:20]
    ]
    return Problem(422, "invalid", "some fields are not as they must be", errors)


def wrong(pointer: str, detail: str) -> Problem:
    """One field that is well-formed and still wrong."""
    return Problem(422, "invalid", detail, [{"pointer": pointer, "detail": detail}])


def _of_service_error(error: ServiceError) -> Problem:
    status = CODES.get(error.code, 409)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if error.code == "idempotency_in_progress":
        headers["Retry-After"] = RETRY_AFTER
    return Problem(status, error.code, error.message, headers=headers)


def _of_http(error: web.HTTPException) -> Problem:
    kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    detail = HTTPStatus(error.status).description or error.reason
    return Problem(error.status, HTTP_CODES.get(error.status, f"http_{error.status}"), detail, headers=kept)


def _escape(part: str | int) -> str:
    text = str(part)[:100].encode("utf-8", "replace").decode()
    return text.replace("~", "~0").replace("/", "~1")
