"""Sound and picture on a bad network: asked for again, sent again, muted, blind, rebuilt."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from media.peer import PeerFailed
from signaling.connection import CallFailed
from tests.security.canaries.device import Device, Offered
from tests.security.canaries.gathering import TRANSIENT, Gathering
from tests.security.canaries.steps import leading

HEARD = 40.0
OLD = 300_000_000
"""Nanoseconds after which what was sent again counts as late."""
BURST = 40


def _listening(meeting: Gathering) -> list[Device]:
    return [device for device in meeting.devices if device.offered]


def _sending(meeting: Gathering, *roles: str) -> list[Device]:
    return [d for d in meeting.connected(*roles) if d.sending is not None and d.published]


def _consumers(device: Device, *, closed: bool) -> list[Offered]:
    return [each for each in device.offered.values() if each.closed is closed and each.sequences]


async def ask_for_what_was(meeting: Gathering) -> bool:
    """An officer who has just left asks again for all that they had, and for what came after."""
    left = [
        device
        for device in meeting.connected("officer")
        if not meeting.world.in_room(device.who) and _consumers(device, closed=True)
    ]
    if not left:
        return False
    device = meeting.chance.choice(left)
    for consumer in _consumers(device, closed=True)[-8:]:
        meeting.watch.tally.in_vain += _ask(device, consumer)
    return True


async def ask_again(meeting: Gathering) -> bool:
    """Somebody asks for more than they miss: from before they came, and from what does not exist yet."""
    listening = [device for device in _listening(meeting) if _consumers(device, closed=False)]
    if not listening:
        return False
    device = meeting.chance.choice(listening)
    for consumer in _consumers(device, closed=False):
        _ask(device, consumer)
    return True


def _ask(device: Device, consumer: Offered) -> int:
    known = list(consumer.sequences)
    around = [(known[0] - n) & 0xFFFF for n in range(BURST, 0, -1)]
    around += [(known[-1] + n) & 0xFFFF for n in range(BURST)]
    for ssrc in (consumer.ssrc, consumer.again):
        if ssrc is not None:
            device.ask_again(ssrc, known)
            device.ask_again(ssrc, around)
    return len(known) + len(around)


async def send_late(meeting: Gathering) -> bool:
    """Retransmissions of what was taken up a while ago, mostly by the newcomer and in another station."""
    roles = ("newcomer",) if meeting.chance.random() < 0.7 else ()
    sending = _sending(meeting, *roles)
    if not sending:
        return False
    device = meeting.chance.choice(sending)
    peer, now = device.sending, time.time_ns()
    assert peer is not None
    for stream in device.streams:
        old = [sent for sent in stream.kept(peer) if now - sent.taken_at > OLD]
        for sent in meeting.chance.sample(old, min(len(old), 20)):
            stream.send_again(peer, sent.sequence)
    return True


async def ask_for_keyframes(meeting: Gathering) -> bool:
    """A storm, also about sources that are closed to the one who asks."""
    listening = _listening(meeting)
    if not listening:
        return False
    device = meeting.chance.choice(listening)
    for consumer in device.offered.values():
        for _ in range(5):
            device.ask_for_keyframe(consumer.ssrc)
    return True


async def hear(meeting: Gathering) -> bool:
    """Who may hear does hear, whatever has happened before."""
    officers = [
        (listener, source)
        for listener, source in meeting.pairs()
        if "officer" in (meeting.world.people[listener.who].role, meeting.world.people[source.who].role)
    ]
    if not officers:
        return False
    listener, source = meeting.chance.choice(
        sorted(officers, key=lambda pair: (pair[0].number, pair[1].number))
    )
    now = time.time_ns()
    what = f"{listener.who} does not hear {source.who}"
    await listener.wait_for(lambda: listener.heard_at.get(source.number, 0) > now, HEARD, what)
    return True


async def start_and_hear(meeting: Gathering) -> bool:
    """A station goes on until it is heard."""
    return await leading.start(meeting) and await hear(meeting)


async def mute(meeting: Gathering) -> bool:
    """One that says that it is silent is, though it goes on sending."""
    sending = _sending(meeting)
    if not sending:
        return False
    device = meeting.chance.choice(sending)
    published = meeting.chance.choice(list(device.published.values()))
    silent = frozenset({(device.number, published.stream.kind[0])})
    muted = await meeting.attempt(
        lambda w: replace(w, muted=silent), device.call("media.pauseProducer", id=published.id)
    )
    if not muted:
        return False
    await meeting.barrier(meeting.connected())
    await meeting.attempt(
        lambda w: replace(w, muted=frozenset()), device.call("media.resumeProducer", id=published.id)
    )
    return True


async def publish_anew(meeting: Gathering) -> bool:
    sending = _sending(meeting)
    if not sending:
        return False
    device = meeting.chance.choice(sending)
    with _while_media_may_be_away():
        await device.publish_anew(meeting.chance.choice([each.source for each in device.published.values()]))
    return True


async def listen_anew(meeting: Gathering) -> bool:
    """A receiving transport in place of the one before."""
    listening = [device for device in _listening(meeting) if device.connected]
    if not listening:
        return False
    with _while_media_may_be_away():
        await meeting.chance.choice(listening).listen_anew()
    return True


async def restart_ice(meeting: Gathering) -> bool:
    listening = [device for device in _listening(meeting) if device.connected]
    if not listening:
        return False
    with _while_media_may_be_away():
        await meeting.chance.choice(listening).restart_ice()
    return True


async def go_blind(meeting: Gathering) -> bool:
    """No packet passes for a moment, and many are missing after it."""
    device = meeting.chance.choice(meeting.devices)
    device.blind(meeting.chance.uniform(0.05, 0.8))
    return True


async def worsen(meeting: Gathering) -> bool:
    device = meeting.chance.choice(meeting.devices)
    device.worsen(meeting.chance.choice((0.002, 0.01, 0.05, 0.1, 0.2)))
    return True


@contextmanager
def _while_media_may_be_away() -> Iterator[None]:
    try:
        yield
    except CallFailed as failure:
        if failure.code not in (*TRANSIENT, "unknown_producer"):
            raise
    except PeerFailed:
        pass  # the worker died while the path was made; the device makes it anew


STEPS = {
    "ask for what was": (6.0, ask_for_what_was),
    "ask again": (2.0, ask_again),
    "send late": (6.0, send_late),
    "ask for keyframes": (2.0, ask_for_keyframes),
    "hear": (1.5, hear),
    "start and hear": (4.0, start_and_hear),
    "mute": (1.0, mute),
    "publish anew": (0.5, publish_anew),
    "listen anew": (0.3, listen_anew),
    "restart ICE": (0.8, restart_ice),
    "go blind": (1.0, go_blind),
    "worsen": (0.7, worsen),
}
