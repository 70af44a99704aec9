"""Seconds since the epoch as instants of the calendar, UTC."""

from datetime import UTC, datetime


def instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def maybe(at: float | None) -> datetime | None:
    return None if at is None else instant(at)
