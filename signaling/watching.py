"""Looks at what the media worker counts, tells people how their connections are, and mends what is stuck."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from media.client import WorkerError
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.live import Live
from signaling.quality import EVERY, Report, assess
from signaling.stuck import StuckConsumers

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Reading:
    stats: dict[str, Any]
    at: float
    stuck: StuckConsumers = field(default_factory=StuckConsumers)


async def watch(lives: Callable[[], Iterable[Live]]) -> None:
    """Until it is cancelled."""
    before: dict[str, _Reading] = {}
    while True:
        await asyncio.sleep(EVERY)
        before = await _look_at_all([each for each in lives() if each.sessions], before)


async def _look_at_all(lives: Iterable[Live], before: Mapping[str, _Reading]) -> dict[str, _Reading]:
    found = {live.id: await look(live, before.get(live.id)) for live in lives}
    return {id_: reading for id_, reading in found.items() if reading is not None}


async def look(live: Live, before: _Reading | None) -> _Reading | None:
    """What is counted now, None if the worker does not say; devices are told what changed since `before`."""
    try:
        stats = await live.exchange.stats()
    except (WorkerError, ServiceUnavailable):
        return None
    now = time.monotonic()
    if before is None:
        return _Reading(stats, now)
    live.tell_quality(assess(before.stats, stats, now - before.at, _reports(live)))
    for consumer in before.stuck.note(before.stats, stats):
        log.info("a consumer that brought nothing is made anew", meeting=live.id, consumer=consumer)
        try:
            await live.restart_consumer(consumer)
        except ServiceError as error:
            log.debug("not made anew", code=error.code)
    return _Reading(stats, now, before.stuck)


def _reports(live: Live) -> dict[str, Report]:
    """By participant, of the devices that have said something since they were asked last."""
    found: dict[str, Report] = {}
    for session in live.sessions.values():
        if session.report is None:
            continue
        other = found.get(session.participant)
        found[session.participant] = session.report if other is None else session.report.with_other(other)
        session.report = None
    return found
