"""Whoever came by an agency's key is looked for as long as the service runs."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import cast

import pytest

from signaling import key_holders
from signaling.agency_grants import AgencyGrants
from signaling.agency_keys import AgencyKeys
from signaling.errors import ServiceUnavailable
from signaling.key_holders import KeyHolders
from signaling.live import Live
from signaling.session import Session


class Meetings:
    """The first looks fail, each in another way."""

    def __init__(self) -> None:
        self.looked = asyncio.Event()
        self._failures: Iterator[Exception] = iter(
            (RuntimeError(), ServiceUnavailable("away", "away"), KeyError())
        )

    @property
    def lives(self) -> Mapping[str, Live]:
        for failure in self._failures:
            raise failure
        self.looked.set()
        return {}

    async def end(self, live: Live, session: Session, code: str, reason: str) -> None:
        raise AssertionError("nobody is there")


async def test_a_look_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_holders, "EVERY", 0.001)
    meetings = Meetings()
    holders = KeyHolders(meetings, cast(AgencyGrants, None), cast(AgencyKeys, None))
    following = asyncio.create_task(holders.follow())
    try:
        async with asyncio.timeout(5):
            await meetings.looked.wait()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
