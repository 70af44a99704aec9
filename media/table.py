"""The permission table of a room: which sources of which owner a listener may receive. Pure, fails closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Table = Mapping[str, Mapping[str, Sequence[str]]]
"""Listener owner → source owner → sources."""


@dataclass(frozen=True)
class PermissionTable:
    """A new room's table has revision 0 and allows nothing."""

    revision: int = 0
    allow: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    @classmethod
    def parse(cls, revision: object, allow: object) -> PermissionTable:
        """Raise `ValueError` unless `allow` has the shape of `Table`."""
        if not isinstance(revision, int) or isinstance(revision, bool) or revision < 0:
            raise ValueError("revision must be a whole number from 0")
        if not isinstance(allow, Mapping):
            raise ValueError("allow must map listeners to owners to sources")
        return cls(revision, {_name(listener): _sources(owners) for listener, owners in allow.items()})

    def allows(self, listener: str, owner: str, source: str) -> bool:
        owners = self.allow.get(listener)
        return owners is not None and source in owners.get(owner, ())

    def without_permissions(self) -> PermissionTable:
        return PermissionTable(self.revision)

    def to_json(self) -> dict[str, dict[str, list[str]]]:
        return {
            listener: {owner: sorted(sources) for owner, sources in owners.items()}
            for listener, owners in self.allow.items()
        }


def _sources(owners: object) -> dict[str, frozenset[str]]:
    if not isinstance(owners, Mapping):
        raise ValueError("allow must map listeners to owners to sources")
    found: dict[str, frozenset[str]] = {}
    for owner, sources in owners.items():
        found[_name(owner)] = read_names(sources)
    return found


def read_names(names: object) -> frozenset[str]:
    """Raise `ValueError` unless it is a list of names."""
    if isinstance(names, str | bytes) or not isinstance(names, Sequence):
        raise ValueError("sources and listeners come as a list of names")
    return frozenset(_name(each) for each in names)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("listeners, owners and sources are names")
    return value
