"""What must hold although the store is down: pause, finish, end, removal and a consent taken back, kept in a
small local file.

Each line is one command with the instant at which it was carried out. Lines are replayed over the log when a
meeting is loaded, and dropped once the store has their events.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from rooms import commands as cmd
from rooms.store.base import StoreUnavailable

Restriction = cmd.Pause | cmd.FinishStation | cmd.End | cmd.Remove | cmd.RevokeConsent


@dataclass(frozen=True, slots=True)
class Kept:
    """`version`: of the meeting's log just before. Clocks can stand still or go back; versions do not."""

    meeting: str
    at: float
    command: Restriction
    version: int


class Restrictions:
    """A change is on disk when it returns; OSError says that nothing has changed. The file is always replaced
    whole, so no line of it is ever half-written. `StoreUnavailable` for a file that cannot be understood."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._kept = self._read()

    def of(self, meeting: str) -> tuple[Kept, ...]:
        return tuple(k for k in self._kept if k.meeting == meeting)

    def meetings(self) -> set[str]:
        return {kept.meeting for kept in self._kept}

    def keep(self, kept: Kept) -> None:
        with self._lock:
            self._replace((*self._kept, kept))

    def drop(self, meeting: str) -> None:
        """The store has the meeting's restrictions now."""
        with self._lock:
            self._replace(k for k in self._kept if k.meeting != meeting)

    def _replace(self, kept: Iterable[Kept]) -> None:
        kept = tuple(kept)
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.writelines(_encode(k) + "\n" for k in kept)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        _sync_folder(self._path.parent)
        self._kept = kept

    def _read(self) -> tuple[Kept, ...]:
        if not self._path.exists():
            return ()
        try:
            return tuple(map(_decode, self._path.read_text(encoding="utf-8").splitlines()))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreUnavailable(f"{self._path} cannot be understood: {error}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_KINDS: dict[str, type[Restriction]] = {
    "pause": cmd.Pause,
    "finish": cmd.FinishStation,
    "end": cmd.End,
    "remove": cmd.Remove,
    "revoke": cmd.RevokeConsent,
}


def _encode(kept: Kept) -> str:
    kind = next(name for name, cls in _KINDS.items() if isinstance(kept.command, cls))
    body: dict[str, object] = {
        "meeting": kept.meeting,
        "at": kept.at,
        "version": kept.version,
        "kind": kind,
        "actor": kept.command.actor,
    }
    if kept.command.request is not None:
        body["request"] = kept.command.request
    match kept.command:
        case cmd.FinishStation(station=station):
            body["station"] = station
        case cmd.Remove(participant=participant):
            body["participant"] = participant
        case cmd.RevokeConsent(consent=consent):
            body["consent"] = consent
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
        case "revoke":
            command = cmd.RevokeConsent(actor=actor, consent=str(body["consent"]))
        case other:
            raise ValueError(f"unknown restriction {other}")
    if "request" in body:
        command = replace(command, request=str(body["request"]))
    return Kept(str(body["meeting"]), float(body["at"]), command, int(body["version"]))
