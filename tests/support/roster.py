"""Who is in a meeting, as somebody in it is shown."""

from collections.abc import Mapping
from typing import Any


def demand_once(snapshot: Mapping[str, Any], participant: str) -> None:
    """The participant is there, and nobody else has their part."""
    people = snapshot["participants"]
    part = next((_part(person) for person in people if person["id"] == participant), None)
    same = [(person["id"], person["present"]) for person in people if _part(person) == part]
    assert same == [(participant, True)], people


def _part(person: Mapping[str, Any]) -> tuple[str, int | None]:
    return person["role"], person["station"]
