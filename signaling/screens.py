"""Screens at the offices: paired once by a code that they show, and told which meeting to open.

A screen proves itself with a secret of its own, kept as a cookie; its id is derived from the secret's hash.
The secret gives nothing but the name of the screen and, while staff show a meeting on it, a one-time link for
the newcomer's part of that meeting.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rooms.commands import STAFF
from rooms.errors import Rejected
from rooms.meeting import Meeting
from rooms.people import Place, Role
from rooms.store.base import Record, Records
from signaling.codes import digest
from signaling.errors import ServiceError
from signaling.invitations import KEPT, Invitation, InvitationError, Invitations, Meetings

SCREEN = "screen"
CODE = "screen_code"
PENDING = "screen_pending"
LINK = "screen_links"
"""The links that a screen was given for what it shows, by its id."""
LINKS = 50
"""So many of them are remembered; the oldest of more is taken back."""

COOKIE = "motesrum_screen"
CODE_LIFETIME = 600.0
PAIRED_FOR = 400 * 86400.0
"""A screen is paired anew after this; browsers keep no cookie for longer."""
HOLD = 25.0
"""Seconds for which a question waits for news."""
SEEN_WITHIN = 40.0
"""A screen that asked this lately counts as connected."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing in it can be taken for something else."""
LENGTH = 8
"""40 bits, for ten minutes, and only staff can try."""
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1"})
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class ScreenError(ServiceError):
    """`code`: screen_missing, screen_unpaired, screen_paired, screen_code_unknown, screen_unknown,
    screen_idle."""


@dataclass(frozen=True, slots=True)
class Pairing:
    secret: str
    code: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Screen:
    """`meeting`: what staff show on it, `by` whom; `version` changes whenever that does."""

    id: str
    site: str
    name: str
    paired_at: float
    meeting: str | None = None
    by: str | None = None
    version: int = 0

    def stored(self) -> dict[str, Any]:
        return {
            "site": self.site,
            "name": self.name,
            "paired_at": self.paired_at,
            "meeting": self.meeting,
            "by": self.by,
        }


class Screens:
    def __init__(
        self, *, records: Records, meetings: Meetings, invitations: Invitations, clock: Callable[[], float]
    ) -> None:
        self._records = records
        self._meetings = meetings
        self._invitations = invitations
        self._clock = clock
        self._news: dict[str, asyncio.Event] = {}
        self._asking: dict[str, int] = {}
        self._seen: dict[str, float] = {}
        self._closed = False

    async def begin(self, secret: str | None) -> Pairing:
        """A code for a screen to show. Raises ScreenError for one that is paired already."""
        if secret is not None and await self._paired(secret) is not None:
            raise ScreenError("screen_paired", "this screen is paired already")
        fresh, code = secrets.token_urlsafe(32), _new_code()
        expires_at = self._clock() + CODE_LIFETIME
        screen = _screen_id(fresh)
        if not await self._records.put_if_absent(CODE, digest(code), {"screen": screen}, expires_at):
            return await self.begin(secret)
        await self._records.put_if_absent(PENDING, screen, {"at": self._clock()}, expires_at)
        return Pairing(fresh, code, expires_at)

    async def pair(self, code: str, *, site: str, name: str) -> Screen:
        """The screen that shows this code is the site's from now on. Raises ScreenError."""
        key = digest(code.upper().replace("-", "").replace(" ", "").translate(_MEANT))
        record = await self._records.get(CODE, key)
        if record is None or not await self._records.delete(CODE, key):
            raise ScreenError("screen_code_unknown", "no screen shows this code now")
        id_ = str(record.value["screen"])
        screen = Screen(id_, site, name, self._clock())
        until = self._clock() + PAIRED_FOR
        if not await self._records.put_if_absent(SCREEN, id_, screen.stored(), until):
            raise ScreenError("screen_paired", "this screen is paired already")
        await self._records.delete(PENDING, id_)
        self._tell(id_)
        return await self._known(id_)

    async def of_sites(self, sites: tuple[str, ...]) -> list[Screen]:
        found = [_screen(key, record) for key, record in await self._records.scan(SCREEN)]
        return sorted((s for s in found if s.site in sites), key=lambda s: (s.site, s.name, s.id))

    async def find(self, screen: str, sites: tuple[str, ...]) -> Screen:
        """A screen of another site is as good as none."""
        found = await self._known(screen)
        if found.site not in sites:
            raise _unknown()
        return found

    async def show(self, screen: Screen, meeting: str | None, by: str) -> Screen:
        """Opens a meeting on the screen, or nothing any more. What it showed before is taken from it."""
        while True:
            now = await self._known(screen.id)
            shown = replace(now, meeting=meeting, by=by if meeting else None)
            until = now.paired_at + PAIRED_FOR
            if await self._records.compare_and_set(SCREEN, now.id, now.version, shown.stored(), until):
                break
        await self._take_back(screen.id, by)
        self._tell(screen.id)
        return await self._known(screen.id)

    async def forget(self, screen: Screen, by: str) -> None:
        """The screen is nobody's, and what it shows is closed at once."""
        await self._records.delete(SCREEN, screen.id)
        self._tell(screen.id)
        await self._take_back(screen.id, by)

    def connected(self, screen: str) -> bool:
        return self._asking.get(screen, 0) > 0 or (self._clock() - self._seen.get(screen, 0.0) < SEEN_WITHIN)

    @property
    def waiting(self) -> int:
        """How many questions are open."""
        return sum(self._asking.values())

    async def ask(self, secret: str | None, known: int | None) -> Screen | None:
        """What the screen is to do; None while it is not paired. Waits a while when nothing is newer than
        `known`, the version that it has (0 for none). Raises ScreenError without a secret of ours."""
        if secret is None or not _SECRET.fullmatch(secret):
            raise ScreenError("screen_missing", "this browser is no screen")
        id_ = _screen_id(secret)
        news = self._news.setdefault(id_, asyncio.Event())
        self._asking[id_] = self._asking.get(id_, 0) + 1
        try:
            found = await self._paired(secret)
            waits = found is not None or await self._records.get(PENDING, id_) is not None
            if waits and known == (0 if found is None else found.version) and not self._closed:
                await _within(news, HOLD)
                found = await self._paired(secret)
            return found
        finally:
            self._done_asking(id_)

    async def open(self, secret: str | None) -> Invitation:
        """A one-time link to the newcomer's part of the meeting that is shown. Raises ScreenError, Rejected,
        InvitationError."""
        screen = None if secret is None else await self._paired(secret)
        if screen is None:
            raise ScreenError("screen_unpaired", "this screen is not paired")
        if screen.meeting is None or await self.shown(screen) is None:
            raise ScreenError("screen_idle", "there is nothing to show")
        link = await self._invitations.create(
            meeting=screen.meeting,
            actor=f"{STAFF}{screen.by}",
            role=Role.NEWCOMER,
            place=Place.ON_SITE,
        )
        await self._remember(screen, link)
        now = await self._paired(secret or "")
        if now is None or now.version != screen.version:
            await self._take_back(screen.id, screen.by or "")
            raise ScreenError("screen_idle", "something else is to be shown by now")
        return link

    async def shown(self, screen: Screen) -> Meeting | None:
        """The meeting on the screen, unless it is over."""
        if screen.meeting is None:
            return None
        try:
            state = await self._meetings.state(screen.meeting)
        except Rejected:
            return None
        return None if state.ended or state.erased_at is not None else state

    def close(self) -> None:
        """Lets everybody who waits go."""
        self._closed = True
        for news in self._news.values():
            news.set()

    def _tell(self, screen: str) -> None:
        news = self._news.pop(screen, None)
        if news is not None:
            news.set()

    def _done_asking(self, screen: str) -> None:
        self._seen[screen] = self._clock()
        self._asking[screen] -= 1
        if self._asking[screen] == 0:
            del self._asking[screen]
            self._news.pop(screen, None)
            for old in [each for each, at in self._seen.items() if self._clock() - at > SEEN_WITHIN]:
                del self._seen[old]

    async def _remember(self, screen: Screen, link: Invitation) -> None:
        until = link.expires_at + KEPT
        while True:
            record = await self._records.get(LINK, screen.id)
            given = [] if record is None else links_given(record.value)
            for each in given[: 1 - LINKS]:
                await self._revoke(*each, screen.by or "")
            value = _stored([*given[1 - LINKS :], (screen.meeting or "", link.id)])
            if record is None:
                if await self._records.put_if_absent(LINK, screen.id, value, until):
                    return
            elif await self._records.compare_and_set(LINK, screen.id, record.version, value, until):
                return

    async def _take_back(self, screen: str, by: str) -> None:
        """Whoever came in by one of the screen's links is shown out."""
        while (record := await self._records.get(LINK, screen)) is not None:
            given = links_given(record.value)
            for each in given:
                await self._revoke(*each, by)
            if not given or await self._records.compare_and_set(
                LINK, screen, record.version, _stored(()), record.expires_at
            ):
                return

    async def _revoke(self, meeting: str, invitation: str, by: str) -> None:
        # An erased meeting has no links any more.
        with contextlib.suppress(Rejected, InvitationError):
            await self._invitations.revoke(meeting, invitation, f"{STAFF}{by}")

    async def _paired(self, secret: str) -> Screen | None:
        if not _SECRET.fullmatch(secret):
            return None
        id_ = _screen_id(secret)
        record = await self._records.get(SCREEN, id_)
        return None if record is None else _screen(id_, record)

    async def _known(self, screen: str) -> Screen:
        record = await self._records.get(SCREEN, screen)
        if record is None:
            raise _unknown()
        return _screen(screen, record)


async def _within(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return


def links_given(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Meeting and link, oldest first; of a record of `LINK`."""
    return [(meeting, invitation) for meeting, invitation in record["given"]]


def _stored(given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {"given": [list(each) for each in given]}


def _new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def _screen_id(secret: str) -> str:
    return "d_" + digest("screen " + secret)[:32]


def _unknown() -> ScreenError:
    return ScreenError("screen_unknown", "there is no such screen")


def _screen(id_: str, record: Record) -> Screen:
    value: Mapping[str, Any] = record.value
    return Screen(id=id_, version=record.version, **value)
