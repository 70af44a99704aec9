"""What people say and set, and how they come, go, and come back on another device."""

import time
from dataclasses import replace

from tests.security.canaries.device import Device
from tests.security.canaries.gathering import BACK, Gathering
from tests.security.canaries.marks import word
from tests.security.canaries.world import Word

SIGNALS = ("slower", "repeat", "help", "cannot_hear")


def _anybody(meeting: Gathering, *roles: str) -> Device | None:
    choices = meeting.connected(*roles)
    return meeting.chance.choice(choices) if choices else None


async def write(meeting: Gathering) -> bool:
    device = _anybody(meeting)
    return device is not None and await _write(meeting, device, None)


async def write_to_the_lobby(meeting: Gathering) -> bool:
    host = meeting.the("host")
    waiting = [who for who in meeting.world.people if meeting.world.in_lobby(who)]
    if host is None or not waiting:
        return False
    return await _write(meeting, host, meeting.chance.choice(waiting))


async def _write(meeting: Gathering, device: Device, to: str | None) -> bool:
    number = next(meeting.ids.words)
    written = meeting.world.word_by(device.who, to)
    meeting.watch.words[number] = written
    sent = await meeting.attempt(
        lambda w: w, device.act("chat.send", text=word("word", number), **({"to": to} if to else {}))
    )
    if not sent:
        meeting.watch.words[number] = Word(device.who, None, None, frozenset())
    return True


async def signal(meeting: Gathering) -> bool:
    device = _anybody(meeting)
    if device is None or not meeting.world.in_room(device.who):
        return False
    await meeting.attempt(lambda w: w, device.act("meeting.signal", signal=meeting.chance.choice(SIGNALS)))
    return True


async def ready(meeting: Gathering) -> bool:
    device = _anybody(meeting)
    if device is None:
        return False
    await meeting.attempt(lambda w: w, device.act("meeting.ready", ready=meeting.chance.random() < 0.5))
    return True


async def language(meeting: Gathering) -> bool:
    device = _anybody(meeting)
    if device is None:
        return False
    tongue = meeting.chance.choice(("sv", "ar", "fa", "en"))
    await meeting.attempt(lambda w: w, device.act("meeting.setLanguage", language=tongue))
    return True


async def place(meeting: Gathering) -> bool:
    device = _anybody(meeting)
    if device is None:
        return False
    here = meeting.chance.random() < 0.5
    await meeting.attempt(
        lambda w: w.placed(device.who, here),
        device.act("meeting.setPlace", place="on_site" if here else "elsewhere"),
    )
    return True


async def cut(meeting: Gathering) -> bool:
    """The connection breaks; the device comes back and is shown everything anew."""
    device = _anybody(meeting)
    if device is None:
        return False
    device.cut()
    await device.wait_for(lambda: not device.connected, BACK, "the cut is not noticed")
    await meeting.comes_back(device)
    return True


async def go_away(meeting: Gathering) -> bool:
    """Cut for so long that the others are told; later it comes back."""
    device = _anybody(meeting, "officer", "interpreter", "companion", "host")
    witness = meeting.the("newcomer")
    if device is None or witness is None or _away(meeting):
        return False
    witness.left.discard(device.who)
    device.cut()
    await witness.wait_for(lambda: device.who in witness.left, BACK, "nobody is told who has left")
    meeting.timeline.settle(time.time_ns(), meeting.world.without_devices(device.who))
    return True


def _away(meeting: Gathering) -> list[Device]:
    return [d for d in meeting.devices if (d.who, d.number) not in meeting.world.devices]


async def return_(meeting: Gathering) -> bool:
    away = _away(meeting)
    if not away:
        return False
    device = away[0]
    return await meeting.attempt(
        lambda w: w.taken_over(device.who, device.number, None), meeting.comes_back(device)
    )


async def leave_and_join_again(meeting: Gathering) -> bool:
    device = _anybody(meeting)
    if device is None or meeting.world.ended:
        return False
    left = await meeting.attempt(
        lambda w: replace(w, devices=w.devices - {(device.who, device.number)}),
        device.call("session.leave"),
    )
    assert left
    meeting.retire(device)
    await _joins(meeting, device.who, device.slot)
    return True


async def take_over(meeting: Gathering) -> bool:
    """A second device joins with the same token."""
    device = _anybody(meeting)
    if device is None:
        return False
    await _joins(meeting, device.who, device.slot)
    return True


async def reissue(meeting: Gathering) -> bool:
    """A new link for the same participant, opened on another device."""
    device = _anybody(meeting, "officer", "interpreter", "companion")
    if device is None or meeting.world.people[device.who].station in meeting.world.over:
        return False
    wanted = {"role": meeting.world.people[device.who].role, "participant": device.who}
    made = await meeting.rest("POST", f"/meetings/{meeting.meeting}/invitations", wanted)
    meeting.tokens[device.who] = await meeting.redeemed(made["code"])
    await _joins(meeting, device.who, device.slot)
    return True


async def telephone(meeting: Gathering) -> bool:
    """The newcomer's telephone comes beside the screen, or goes."""
    phone = next((d for d in meeting.connected("newcomer") if d.slot == "phone"), None)
    screen = next((d for d in meeting.connected("newcomer") if d.slot == "screen"), None)
    if screen is None:
        return False
    if phone is None:
        await _joins(meeting, screen.who, "phone")
        return True
    gone = lambda w: replace(w, devices=w.devices - {(phone.who, phone.number)})  # noqa: E731
    await meeting.attempt(gone, phone.call("session.leave"))
    meeting.retire(phone)
    return True


async def _joins(meeting: Gathering, who: str, slot: str) -> None:
    device = await meeting.device(who, slot)
    assert await meeting.enters(device)


MOVES = {
    "cut and resume": (3.0, cut),
    "go away": (0.4, go_away),
    "return": (1.5, return_),
    "leave and join": (0.4, leave_and_join_again),
    "second device": (0.6, take_over),
    "new link": (0.4, reissue),
    "telephone": (0.4, telephone),
}
STEPS = {
    **MOVES,
    "write": (9.0, write),
    "write to the lobby": (3.0, write_to_the_lobby),
    "signal": (2.0, signal),
    "ready": (1.5, ready),
    "language": (0.5, language),
    "place": (0.7, place),
}
