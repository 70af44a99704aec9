"""What must hold although the store is down: pause, finish, end and removal, kept in a small local file.

Each line is one command with the instant at which it was carried out. Lines are replayed over the log when a
meeting is loaded, and dropped once the store has their events.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from rooms import commands as cmd

Restriction = cmd.Pause | cmd.FinishStation | cmd.End | cmd.Remove


@dataclass(frozen=True, slots=True)
class Kept:
    meeting: str
    at: float
    command: Restriction


class Restrictions:
    """Appends are on disk when they return. Raises OSError when even that fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = list(self._read())

    def of(self, meeting: str) -> tuple[Kept, ...]:
        return tuple(k for k in self._kept if k.meeting == meeting)

    def keep(self, kept: Kept) -> None:
        self._kept.append(kept)
        with self._path.open("a", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(_encode(kept) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def drop(self, meeting: str) -> None:
        """The store has the meeting's restrictions now."""
        self._kept = [k for k in self._kept if k.meeting != meeting]
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.writelines(_encode(k) + "\n" for k in self._kept)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def _read(self) -> list[Kept]:
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        kept = []
        for number, line in enumerate(lines, 1):
            try:
                kept.append(_decode(line))
            except (ValueError, KeyError, TypeError):
                if number != len(lines):  # only the last line can be half-written
                    raise
        return kept


def is_restriction(command: cmd.Command) -> bool:
    return isinstance(command, Restriction)


_KINDS: dict[str, type[Restriction]] = {
    "pause": cmd.Pause,
    "finish": cmd.FinishStation,
    "end": cmd.End,
    "remove": cmd.Remove,
}


def _encode(kept: Kept) -> str:
    kind = next(name for name, cls in _KINDS.items() if isinstance(kept.command, cls))
    body: dict[str, object] = {
        "meeting": kept.meeting,
        "at": kept.at,
        "kind": kind,
        "actor": kept.command.actor,
    }
    match kept.command:
        case cmd.FinishStation(station=station):
            body["station"] = station
        case cmd.Remove(participant=participant):
            body["participant"] = participant
    return json.dumps(body)


def _decode(line: str) -> Kept:
    body = json.loads(line)
    actor = str(body["actor"])
    command: Restriction
    match body["kind"]:
        case "pause":
            command = cmd.Pause(actor=actor)
        case "finish":
            command = cmd.FinishStation(actor=actor, station=int(body["station"]))
        case "end":
            command = cmd.End(actor=actor)
        case "remove":
            command = cmd.Remove(actor=actor, participant=str(body["participant"]))
        case other:
            raise ValueError(f"unknown restriction {other}")
    return Kept(str(body["meeting"]), float(body["at"]), command)
