"""The AsyncAPI 3.0 document of the WebSocket, made from the message models."""

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from signaling.messages import CALLS, NOTIFICATIONS

_Mode = Literal["validation", "serialization"]
_REF = "#/components/schemas/{model}"


def document(version: str = "1") -> dict[str, Any]:
    schemas, definitions = _schemas()
    messages = {
        **{_key(name): _call(name, schemas) for name in CALLS},
        **{_key(name): _notification(name, schemas) for name in NOTIFICATIONS},
    }
    refs = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Mötesrum socket",
            "version": version,
            "description": "JSON-RPC 2.0, one object a text frame. The first call is session.join or"
            " session.resume. `x-result` is the shape of a call's result.",
        },
        "channels": {"socket": {"address": "/api/v1/socket", "messages": refs}},
        "operations": {
            "call": {"action": "receive", "channel": {"$ref": "#/channels/socket"}},
            "notify": {"action": "send", "channel": {"$ref": "#/channels/socket"}},
        },
        "components": {"messages": messages, "schemas": definitions},
    }


def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    models: dict[tuple[type[BaseModel], _Mode], None] = {}
    for params, result in CALLS.values():
        models[params, "validation"] = models[result, "serialization"] = None
    for model in NOTIFICATIONS.values():
        models[model, "serialization"] = None
    found, top = models_json_schema(list(models), ref_template=_REF)
    return {model: schema for (model, _), schema in found.items()}, top.get("$defs", {})


def _call(name: str, schemas: dict[Any, Any]) -> dict[str, Any]:
    params, result = CALLS[name]
    return {"name": name, "payload": schemas[params], "x-result": schemas[result]}


def _notification(name: str, schemas: dict[Any, Any]) -> dict[str, Any]:
    return {"name": name, "payload": schemas[NOTIFICATIONS[name]]}


def _key(name: str) -> str:
    return name.replace(".", "_")
