"""The lines that are being written in one meeting, and who is told every letter of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rooms.drafts import Draft, Edit, begin, follow, narrowed
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting
from signaling.session import Session

Slot = tuple[str, str]


class Writing:
    """One line at a time for each device; another one takes its place."""

    def __init__(self) -> None:
        self._drafts: dict[Slot, Draft] = {}

    def type(
        self, states: Sequence[Meeting], author: Session, edit: Edit, sessions: Iterable[Session]
    ) -> None:
        """`states`: as in `rooms.drafts.begin`. Raises Rejected."""
        slot, devices = _slot(author), list(sessions)
        earlier = self._drafts.get(slot)
        if earlier is not None and earlier.line == edit.line:
            draft = follow(earlier, edit)
            if draft is earlier:
                return
        else:
            draft = begin(states, author.participant, edit)
            if earlier is not None:
                self._end(slot, earlier, earlier.heard_by, devices)
        self._drafts[slot] = draft
        told = _typed(draft, edit)
        for device in devices:
            if device.participant in draft.heard_by:
                device.notify("text.typed", told, about=_about(draft))

    def narrow(self, state: Meeting, sessions: Iterable[Session]) -> None:
        """Nobody receives a letter any more that `state` does not let them have, not even one under way."""
        devices = list(sessions)
        for slot, draft in list(self._drafts.items()):
            kept = narrowed(draft, state)
            if kept is None:
                self._end(slot, draft, draft.heard_by | {draft.author}, devices)
            elif kept.heard_by != draft.heard_by:
                self._drafts[slot] = kept
                _gone(draft, draft.heard_by - kept.heard_by, devices)

    def of(self, author: Session, line: str) -> Draft:
        draft = self._drafts.get(_slot(author))
        if draft is None or draft.line != line:
            raise Rejected(Reason.TEXT_GONE, "this line is gone; begin another one")
        return draft

    def finished(self, author: Session, line: str) -> None:
        """It is an event from now on."""
        draft = self._drafts.get(_slot(author))
        if draft is not None and draft.line == line:
            del self._drafts[_slot(author)]

    def shown(self, reader: Session) -> list[dict[str, Any]]:
        return [
            _typed(draft, draft.whole)
            for slot, draft in self._drafts.items()
            if reader.participant in draft.heard_by or slot == _slot(reader)
        ]

    def _end(self, slot: Slot, draft: Draft, told: frozenset[str], devices: Sequence[Session]) -> None:
        del self._drafts[slot]
        _gone(draft, told, devices)


def _gone(draft: Draft, people: frozenset[str], devices: Sequence[Session]) -> None:
    told = {"participant": draft.author, "line": draft.line}
    for device in devices:
        if device.participant in people:
            device.take_back(_about(draft))
            device.notify("text.gone", told)


def _typed(draft: Draft, edit: Edit) -> dict[str, Any]:
    return {"participant": draft.author, **asdict(edit)}


def _about(draft: Draft) -> str:
    return f"{draft.author} {draft.line}"


def _slot(session: Session) -> Slot:
    return session.participant, session.slot
