"""The OpenAPI 3.1 document, made from the table of routes and the models."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from signaling.api import models
from signaling.api.route import Access, Route
from signaling.api.table import ROUTES

_Mode = Literal["validation", "serialization"]
_REF = "#/components/schemas/{model}"

_DESCRIPTIONS = {
    400: "The call cannot be read",
    401: "Who calls is not known",
    403: "Not open to the caller",
    404: "There is no such thing, or not for the caller",
    409: "It does not fit the state of the meeting",
    410: "It was there and is over",
    413: "The body is too large",
    415: "The body is of another type",
    422: "Some fields are not as they must be",
    429: "Too many calls",
    503: "The service cannot do this now",
}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "meeting": {"type": "string"},
    "invitation": {"type": "string"},
    "screen": {"type": "string"},
    "agency": {"type": "string"},
    "kid": {"type": "string"},
    "account": {"type": "string"},
    "call": {"type": "string"},
    "session": {"type": "string"},
    "station": {"type": "integer", "minimum": 0, "maximum": 999999999},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeated call with the same key gives the first result, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}


def document(version: str = "1") -> dict[str, Any]:
    schemas, definitions = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.url, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mötesrum",
            "version": version,
            "description": "Errors are RFC 9457 problem documents with a stable `code`; those of the"
            " token call are RFC 6749 JSON with the same `code`.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "staffToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "staffCookie": {"type": "apiKey", "in": "cookie", "name": "motesrum_staff"},
            },
        },
    }


def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    needed: dict[tuple[type[BaseModel], _Mode], None] = {
        (models.ProblemDocument, "serialization"): None,
        (models.TokenProblem, "serialization"): None,
    }
    for route in ROUTES:
        for taken in (route.body, route.form, route.query):
            if taken is not None:
                needed[taken, "validation"] = None
        if route.reply is not None:
            needed[route.reply, "serialization"] = None
    found, top = models_json_schema(list(needed), ref_template=_REF)
    return dict(found), top.get("$defs", {})


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "security": [] if route.access is Access.OPEN else [{"staffToken": []}, {"staffCookie": []}],
        "responses": _responses(route, schemas),
    }
    if parameters := list(_parameters(route)):
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": schemas[route.body, "validation"]}}
        if route.form is not None:
            content["application/x-www-form-urlencoded"] = {"schema": schemas[route.form, "validation"]}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in route.parameters:
        yield {"name": name, "in": "path", "required": True, "schema": _PARAMETERS[name]}
    if route.query is not None:
        for name, schema in route.query.model_json_schema(ref_template=_REF)["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": _given(schema)}
    if route.takes_key:
        yield _KEY


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out, never null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done"}
    if route.reply is not None:
        success["content"] = {"application/json": {"schema": schemas[route.reply, "serialization"]}}
    return {
        str(route.status): success,
        **{str(status): _problem(route, status, schemas) for status in sorted(_statuses(route))},
    }


def _statuses(route: Route) -> set[int]:
    """What may go wrong, from what the call asks for."""
    found = {*route.statuses, 429}
    if route.access is not Access.OPEN:
        found |= {401, 403, 503}
    if route.changes:
        found |= {400, 413, 503}
    if route.body is not None:
        found |= {415, 422}
    if route.query is not None or route.takes_key:
        found |= {422}
    if route.takes_key:
        found |= {400, 409}
    if route.parameters:
        found |= {404}
    return found


def _problem(route: Route, status: int, schemas: dict[Any, Any]) -> dict[str, Any]:
    model = models.TokenProblem if route.oauth else models.ProblemDocument
    media_type = "application/json" if route.oauth else "application/problem+json"
    content = {media_type: {"schema": schemas[model, "serialization"]}}
    return {"description": _DESCRIPTIONS[status], "content": content}
