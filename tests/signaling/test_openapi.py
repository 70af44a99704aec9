"""The OpenAPI document says what is served, because both are made from one table."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from signaling import openapi, schema
from signaling.api.table import ROUTES
from tests.support.rest import Answer, Service, service

DOCUMENT = openapi.document()
DESIGN = {
    ("post", "/api/v1/meetings"),
    ("get", "/api/v1/meetings"),
    ("get", "/api/v1/meetings/{meeting}"),
    ("patch", "/api/v1/meetings/{meeting}"),
    ("delete", "/api/v1/meetings/{meeting}"),
    ("post", "/api/v1/meetings/{meeting}/invitations"),
    ("delete", "/api/v1/invitations/{invitation}"),
    ("post", "/api/v1/meetings/{meeting}/stations/{station}/start"),
    ("post", "/api/v1/meetings/{meeting}/stations/{station}/finish"),
    ("post", "/api/v1/meetings/{meeting}/stations/{station}/skip"),
    ("post", "/api/v1/meetings/{meeting}/pause"),
    ("post", "/api/v1/meetings/{meeting}/resume"),
    ("post", "/api/v1/meetings/{meeting}/end"),
    ("post", "/api/v1/token"),
    ("delete", "/api/v1/grants"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/api/v1/openapi.json"),
    ("get", "/api/v1/asyncapi.json"),
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def faults(value: Any, described: dict[str, Any], where: str = "") -> Iterator[str]:
    """Where a value is not what a JSON Schema (the parts of it that we use) says; unnamed fields too."""
    if "$ref" in described:
        name = described["$ref"].removeprefix("#/components/schemas/")
        described = DOCUMENT["components"]["schemas"][name]
    if "anyOf" in described:
        if all(list(faults(value, each)) for each in described["anyOf"]):
            yield f"{where}: fits none"
        return
    kind = described.get("type")
    if kind is not None and (not isinstance(value, TYPES[kind]) or (kind != "boolean" and value is True)):
        yield f"{where}: {value!r} is no {kind}"
        return
    if value not in described.get("enum", [value]) or value != described.get("const", value):
        yield f"{where}: {value!r} is not one of those named"
    if kind == "array":
        for number, each in enumerate(value):
            yield from faults(each, described.get("items", {}), f"{where}/{number}")
    if kind == "object":
        fields, more = described.get("properties", {}), described.get("additionalProperties")
        for name in set(described.get("required", ())) - value.keys():
            yield f"{where}/{name}: is missing"
        for name, each in value.items():
            if name not in fields and not more:
                yield f"{where}/{name}: is not described"
            schema = fields.get(name, more if isinstance(more, dict) else {})
            yield from faults(each, schema, f"{where}/{name}")


def demand_documented(answer: Answer, method: str, path: str) -> None:
    """The answer's status, type and body are those of the document."""
    described = DOCUMENT["paths"][path][method]["responses"]
    assert str(answer.status) in described, (answer.status, answer.body)
    content = described[str(answer.status)].get("content")
    if content is None:
        assert answer.body == b""
        return
    assert answer.headers["Content-Type"].split(";")[0] in content
    ((_, media),) = content.items()
    assert list(faults(answer.json, media["schema"])) == []


def test_every_call_of_the_contract_is_there() -> None:
    assert {(method, path) for method, path, _ in operations()} >= DESIGN


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names)) == len(ROUTES)
    assert all(operation["summary"] for _, _, operation in operations())


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    found = set(references(DOCUMENT))
    assert found
    assert {reference.removeprefix("#/components/schemas/") for reference in found} <= schemas.keys()


def test_the_check_below_sees_what_does_not_fit() -> None:
    problem = {"$ref": "#/components/schemas/ProblemDocument"}
    right = {"type": "urn:x", "title": "t", "status": 404, "detail": "d", "code": "c"}
    assert list(faults(right, problem)) == []
    assert list(faults({**right, "status": "404"}, problem)) == ["/status: '404' is no integer"]
    assert list(faults({**right, "more": 1}, problem)) == ["/more: is not described"]
    assert list(faults({"type": "urn:x", "title": "t", "status": 1, "code": "c"}, problem)) == [
        "/detail: is missing"
    ]


def test_every_parameter_of_a_path_is_described() -> None:
    for _, path, operation in operations():
        named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert all(f"{{{name}}}" in path for name in named)
        assert path.count("{") == len(named)


def test_everything_that_staff_change_takes_an_idempotency_key() -> None:
    for method, _, operation in operations():
        keyed = any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", ()))
        assert keyed == (method != "get" and bool(operation["security"])), operation["operationId"]


async def test_the_service_hands_out_this_very_document(desk: Service) -> None:
    served = await desk.call("GET", "/api/v1/openapi.json", token="")
    assert served.json == json.loads(json.dumps(DOCUMENT))
    assert (await desk.call("GET", "/api/v1/asyncapi.json", token="")).json["asyncapi"] == "3.0.0"


async def test_answers_are_what_the_document_says(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    one = f"/api/v1/meetings/{meeting}"
    described = "/api/v1/meetings/{meeting}"
    link = await desk.invite(meeting, "newcomer")
    calls: list[tuple[str, str, str, Any]] = [
        ("post", "/api/v1/meetings", "/api/v1/meetings", {"alias": "A", "route": "1"}),
        ("post", "/api/v1/meetings", "/api/v1/meetings", {"alias": ""}),
        ("get", "/api/v1/meetings", "/api/v1/meetings", None),
        ("get", "/api/v1/meetings?date=tomorrow", "/api/v1/meetings", None),
        ("get", one, described, None),
        ("get", "/api/v1/meetings/m_none", described, None),
        ("patch", one, described, {"people": {"adults": 2}}),
        ("post", f"{one}/stations/1/start", f"{described}/stations/{{station}}/start", None),
        ("post", f"{one}/stations/1/skip", f"{described}/stations/{{station}}/skip", None),
        ("post", f"{one}/invitations", f"{described}/invitations", {"role": "interpreter"}),
        ("post", f"{one}/invitations", f"{described}/invitations", {"role": "officer"}),
        ("post", "/api/v1/token", "/api/v1/token", {"code": link["code"]}),
        ("post", "/api/v1/token", "/api/v1/token", {"code": "unknown"}),
        ("get", "/api/v1/catalogue", "/api/v1/catalogue", None),
        ("delete", f"/api/v1/invitations/{link['id']}", "/api/v1/invitations/{invitation}", None),
        ("delete", f"/api/v1/grants?meeting={meeting}", "/api/v1/grants", None),
        ("delete", "/api/v1/grants", "/api/v1/grants", None),
        ("get", "/healthz", "/healthz", None),
        ("delete", one, described, None),
    ]
    for method, path, template, body in calls:
        demand_documented(await desk.call(method.upper(), path, body), method, template)
    demand_documented(await desk.call("GET", one, token=""), "get", described)


def test_the_documents_are_written_for_the_web(tmp_path: Path) -> None:
    written = schema.write(tmp_path / "generated")
    assert [path.name for path in written] == ["openapi.json", "asyncapi.json"]
    assert json.loads(written[0].read_text("utf-8")) == json.loads(json.dumps(DOCUMENT))
