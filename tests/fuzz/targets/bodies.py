"""Bodies, forms and queries of the REST API: a problem of the caller's with a short document, or a model.

What a model says, it says again when it is written and read once more.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from multidict import MultiDict
from pydantic import BaseModel

from signaling.api import dispatch
from signaling.api.route import Route
from signaling.api.table import ROUTES
from signaling.problems import Problem
from tests.fuzz.examples import example
from tests.fuzz.reading import Input, changed
from tests.fuzz.target import Target

_WITH_BODY = [route for route in ROUTES if route.body is not None]
_WITH_FORM = [route for route in ROUTES if route.form is not None]
_WITH_QUERY = [route for route in ROUTES if route.query is not None]
_BODIES: dict[str, dict[str, Any]] = {
    **{route.name: example(route.body) for route in _WITH_BODY if route.body is not None},
    "createMeeting": {
        "site": "gavle",
        "route": "route_1",
        "alias": "Samira",
        "planned_at": "2026-01-01T09:00:00Z",
        "languages": ["ar", "sv"],
        "people": {"adults": 1, "children": 2},
        "room": "4",
        "stations": [{"agency": "skatteverket", "purpose": "Folkbokföring", "minutes": 25}],
    },
    "createInvitation": {
        "role": "officer",
        "agency": "kommun",
        "station": 1,
        "name": "Åsa",
        "language": "sv",
    },
}
_FORM = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
_QUERY = {"site": "gavle", "date": "2026-01-01", "participant": "p_1", "station": "1", "meeting": "m_1"}
_WORDS = (
    *{name for body in _BODIES.values() for name in body},
    *(
        "adults",
        "children",
        "agency",
        "purpose",
        "minutes",
        "place",
        "participant",
        "jti",
        "newcomer",
        "elsewhere",
    ),
)
_LONGEST_DOCUMENT = 16_384
_MANY = 100


def check(data: bytes) -> None:
    source = Input(data)
    form = source.number()
    match form % 4:
        case 0:
            _query(source.of(_WITH_QUERY), source)
        case 1:
            _body(source.of(_WITH_FORM), dispatch.FORM, _form(source))
        case 2:
            _body(source.of(_WITH_BODY), dispatch.JSON, source.rest())
        case _:
            route = source.of(_WITH_BODY)
            kind = dispatch.JSON if form < 250 else "text/plain"
            _body(route, kind, json.dumps(changed(source, _BODIES[route.name], _WORDS)).encode())


def _body(route: Route, content_type: str, raw: bytes) -> None:
    try:
        model = dispatch._body(route, SimpleNamespace(content_type=content_type), raw)  # type: ignore[arg-type]
    except Problem as problem:
        _clear(problem, oauth=route.oauth)
        return
    assert isinstance(model, BaseModel)
    written = model.model_dump_json(exclude_unset=True)
    assert type(model).model_validate_json(written, strict=True) == model
    written.encode()


def _query(route: Route, source: Input) -> None:
    text = source.rest().decode("utf-8", "replace")
    try:
        query = MultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MANY))
    except ValueError:
        return
    try:
        model = dispatch._query(route, SimpleNamespace(query=query))  # type: ignore[arg-type]
    except Problem as problem:
        _clear(problem, oauth=False)
        return
    assert isinstance(model, BaseModel)
    assert type(model).model_validate_json(model.model_dump_json()) == model


def _clear(problem: Problem, *, oauth: bool) -> None:
    assert 400 <= problem.status < 500
    body = problem.body()
    assert json.loads(body)["code"] == problem.code
    assert len(body) <= _LONGEST_DOCUMENT
    if oauth:
        answer = dispatch.oauth_error(problem)
        assert isinstance(answer.body, bytes)
        assert json.loads(answer.body)["error"]
        assert len(answer.body) <= _LONGEST_DOCUMENT


def _form(source: Input) -> bytes:
    if source.number() & 1:
        return source.rest()
    fields = changed(source, _FORM, ("grant_type", "assertion", "code", "scope"))
    if not isinstance(fields, dict):
        return b""
    return urlencode(
        {
            name.encode("utf-8", "replace"): str(each).encode("utf-8", "replace")
            for name, each in fields.items()
        }
    ).encode()


TARGET = Target(
    check,
    seeds=[
        *(
            bytes((2, number)) + json.dumps(_BODIES[route.name]).encode()
            for number, route in enumerate(_WITH_BODY)
        ),
        *(
            bytes((3, number, 1, 0, place, 0, 3))
            for number in range(len(_WITH_BODY))
            for place in range(1, 5)
        ),
        b"\1\0\1" + urlencode(_FORM).encode(),
        b"\1\0\1grant_type=a&grant_type=b",
        b"\1\0\0\1\0\1\0\7\2",
        b"\0\0" + urlencode(_QUERY).encode(),
        b"\0\1" + urlencode(_QUERY).encode(),
        b"\0\1site=%ff&date=%00&site=",
        b'\2\0{"planned_at": "2026-13-01T00:00:00+99:99", "people": {"adults": 1e3}}',
        b'\2\0{"languages": ["sv\\n"], "alias": "\\u202e\\u0000"}',
    ],
    words=[b'"%s"' % word.encode() for word in _WORDS]
    + [b"2026-01-01", b"T00:00:00Z", b"1e999", b"%00", b"&", b"="],
)
