"""A well-formed value for any of our models, so that what is new on the wire is fuzzed of itself."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
_FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date": "2026-01-01",
    "date-time": "2026-01-01T09:00:00Z",
}
_TEXT = "abcd"


def example(model: type[BaseModel]) -> dict[str, Any]:
    """Every field has a value, also those that may be left out."""
    schema = model.model_json_schema()
    made: dict[str, Any] = _of(schema, schema.get("$defs", {}))
    return made


def _of(schema: Schema, known: Schema) -> Any:
    if "$ref" in schema:
        return _of(known[schema["$ref"].rsplit("/", 1)[1]], known)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _of(next(each for each in schema["anyOf"] if each.get("type") != "null"), known)
    match schema.get("type"):
        case "object":
            return {name: _of(each, known) for name, each in schema.get("properties", {}).items()}
        case "array":
            entry = _of(schema.get("items", {}), known)
            return [entry] * max(1, schema.get("minItems", 1))
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case "string":
            return _FORMATS.get(schema.get("format", ""), _TEXT[:2] if "pattern" in schema else _TEXT)
    return {}
