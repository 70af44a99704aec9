"""Text while it is written, letter by letter. A draft is one unfinished line of one device: it is kept
nowhere, and is gone when the scene in which it stands is over.

It goes to those who heard its author when it was begun and have heard them ever since; whoever comes later
reads on from the next line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rooms.commands import Scene
from rooms.errors import Reason, Rejected
from rooms.limits import MAX_LINE
from rooms.meeting import Meeting
from rooms.policy import Action, in_room, listeners_of, may, scene
from rooms.rules.checks import check_language, check_text


@dataclass(frozen=True, slots=True)
class Edit:
    """The line after it: the first `keep` characters of what it was, then `add`. `revision` counts the edits
    of a line from 1. One that keeps nothing carries the whole line, and may follow any earlier one.

    `corrects`: the finished line that this one is to stand in for.
    """

    line: str
    revision: int
    keep: int
    add: str
    language: str
    corrects: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """`heard_by` does not hold the author."""

    line: str
    author: str
    scene: Scene
    heard_by: frozenset[str]
    language: str
    revision: int
    text: str
    corrects: str | None = None

    @property
    def whole(self) -> Edit:
        return Edit(self.line, self.revision, 0, self.text, self.language, self.corrects)


def begin(states: Sequence[Meeting], author: str, edit: Edit) -> Draft:
    """`states`: the meeting as it is, and as it is about to be if a change is under way. Raises Rejected."""
    for state in states:
        if not may(state, author, Action.WRITE_TEXT):
            raise Rejected(Reason.NOT_ALLOWED, f"{Action.WRITE_TEXT} is not open to you now")
    if edit.revision != 1 or any(line.id == edit.line for line in states[0].lines):
        raise Rejected(Reason.TEXT_GONE, "this line is gone; begin another one")
    check_language(edit.language)
    heard_by = frozenset.intersection(*(listeners_of(state, author) for state in states))
    return follow(
        Draft(edit.line, author, scene(states[-1]), heard_by, edit.language, 0, "", edit.corrects), edit
    )


def follow(draft: Draft, edit: Edit) -> Draft:
    """The same draft after an edit that has come before. Raises Rejected."""
    if edit.revision <= draft.revision:
        return draft
    if edit.keep > len(draft.text) or (edit.keep and edit.revision != draft.revision + 1):
        raise Rejected(Reason.TEXT_OUT_OF_STEP, "an edit is missing; send the whole line")
    text = draft.text[: edit.keep] + edit.add
    check_text(text, MAX_LINE, "text", empty=True)
    return replace(draft, revision=edit.revision, text=text)


def narrowed(draft: Draft, state: Meeting) -> Draft | None:
    """What remains of it in a meeting that has changed."""
    if scene(state) != draft.scene or not in_room(state, state.participants[draft.author]):
        return None
    return replace(draft, heard_by=draft.heard_by & listeners_of(state, draft.author))
