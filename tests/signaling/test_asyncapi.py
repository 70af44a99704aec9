"""The document of the WebSocket says what the code does: the tests of the socket hold every answer to it."""

from collections.abc import Iterator
from typing import Any

import pytest

from rooms.policy import Action
from signaling import asyncapi
from signaling.handlers import CHANGES_MEDIA, HANDLERS, REPEATABLE, RESTRICTS
from signaling.messages import CALLS, NOTIFICATIONS
from signaling.socket import FIRST_CALLS

DOCUMENT = asyncapi.document()


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def _resolve(pointer: str) -> Any:
    node: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_every_handler_has_models_and_every_call_a_handler() -> None:
    assert set(HANDLERS) | set(FIRST_CALLS) == set(CALLS)
    assert set(HANDLERS) >= CHANGES_MEDIA | REPEATABLE | RESTRICTS
    assert RESTRICTS <= REPEATABLE


def test_every_action_of_the_policy_can_be_called_but_those_of_the_rest_api() -> None:
    """Changing and erasing a meeting is for the site's staff."""
    actions = {action.value for action in Action}
    assert actions - set(HANDLERS) == {Action.CHANGE, Action.ERASE}
    assert {name for name in HANDLERS if name.startswith(("meeting.", "chat."))} <= actions


@pytest.mark.parametrize("name", [*CALLS, *NOTIFICATIONS])
def test_every_message_is_in_the_document_and_in_the_channel(name: str) -> None:
    key = name.replace(".", "_")
    message = DOCUMENT["components"]["messages"][key]
    assert message["name"] == name
    assert {"type", "properties"} <= _resolve(message["payload"]["$ref"]).keys()
    assert ("x-result" in message) is (name in CALLS)
    assert DOCUMENT["channels"]["socket"]["messages"][key] == {"$ref": f"#/components/messages/{key}"}


def test_the_document_names_nothing_else() -> None:
    names = {message["name"] for message in DOCUMENT["components"]["messages"].values()}
    assert names == set(CALLS) | set(NOTIFICATIONS)


def test_every_reference_leads_somewhere() -> None:
    references = set(_refs(DOCUMENT))
    assert len(references) > 40
    for reference in references:
        assert reference.startswith("#/")
        assert isinstance(_resolve(reference), dict)


def test_a_required_field_is_one_that_exists() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        assert set(schema.get("required", ())) <= set(schema.get("properties", ()))


def test_the_snapshot_in_the_document_has_every_section() -> None:
    sections = _resolve("#/components/schemas/Snapshot")["properties"]
    assert set(sections) == {
        "you",
        "meeting",
        "stations",
        "participants",
        "messages",
        "question",
        "consents",
        "queue",
        "interpreting",
        "pool",
        "now",
    }
