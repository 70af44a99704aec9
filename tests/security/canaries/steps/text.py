"""What people write letter by letter: a mark at a time, so that every edit is found again."""

import itertools
from dataclasses import replace

from tests.security.canaries.device import Device
from tests.security.canaries.gathering import Gathering, Line
from tests.security.canaries.marks import word

LONGEST = 8
"""Marks of a line."""
_ids = itertools.count(1)


def _somebody(meeting: Gathering) -> Device | None:
    choices = [device for device in meeting.connected() if meeting.world.in_room(device.who)]
    return meeting.chance.choice(choices) if choices else None


async def type_(meeting: Gathering) -> bool:
    """The line goes on, or another one begins."""
    device = _somebody(meeting)
    if device is None:
        return False
    line = meeting.lines.setdefault(device.number, Line(f"l{next(_ids)}"))
    number = next(meeting.ids.words)
    kept = len(line.text)
    line.marks.append(number)
    line.revision += 1
    meeting.watch.letters[number] = meeting.world.letters_by(device.who)
    typed = await meeting.attempt(
        lambda w: w,
        device.call(
            "text.type",
            line=line.id,
            revision=line.revision,
            keep=kept,
            add=f" {word('letter', number)}" if kept else word("letter", number),
        ),
    )
    if not typed or len(line.marks) == LONGEST:
        del meeting.lines[device.number]
    return True


async def finish(meeting: Gathering) -> bool:
    writing = [device for device in meeting.connected() if device.number in meeting.lines]
    if not writing:
        return False
    device = meeting.chance.choice(writing)
    line = meeting.lines.pop(device.number)
    hearing = meeting.world.letters_by(device.who)
    before = {number: meeting.watch.letters[number] for number in line.marks}
    for number, letter in before.items():
        readers = letter.readers & hearing.readers
        meeting.watch.letters[number] = replace(hearing, readers=readers, unfinished=False)
    finished = await meeting.attempt(lambda w: w, device.act("text.finish", line=line.id, text=line.text))
    if not finished:
        meeting.watch.letters.update(before)
    return True


async def read_again(meeting: Gathering) -> bool:
    """What is written now, and what was: by anybody, wherever they stand."""
    devices = meeting.connected()
    if not devices:
        return False
    device = meeting.chance.choice(devices)
    for method in ("text.drafts", "text.transcript"):
        await meeting.attempt(lambda w: w, device.call(method))
    return True


STEPS = {"type": (8.0, type_), "finish line": (3.0, finish), "read text again": (2.0, read_again)}
