"""One-time codes as strangers write them: only what we made opens anything, once; the rest is refused."""

from __future__ import annotations

import re

from rooms.people import Role
from rooms.rules.checks import is_language
from rooms.store.memory import open_memory
from rooms.views import Names
from signaling.codes import digest, is_code
from signaling.invitations import (
    Invitation,
    InvitationError,
    Invitations,
    cookie_name,
    invitation_id,
    invitation_of,
)
from tests.fuzz.looping import run
from tests.fuzz.reading import Input
from tests.fuzz.target import Target
from tests.fuzz.targets.tokens import AUDIENCE, TOKENS, any_token
from tests.rooms.builders import HOST, Story, started

_STORY: Story = started(1)
_CODES = {
    "invitation_unknown",
    "invitation_used",
    "invitation_expired",
    "invitation_revoked",
    "meeting_ended",
}
_COOKIE = re.compile(r"motesrum_link_[0-9a-f]{16}")


class OneMeeting:
    """The part of the hub that links need."""

    async def execute(self, meeting: str, command: object) -> object:
        raise AssertionError("nobody is invited here")

    async def state(self, meeting: str) -> object:
        return _STORY.meeting

    async def close_participant(self, meeting: str, participant: str, code: str, reason: str) -> None: ...


async def redeeming(source: Input) -> None:
    now = 1000.0
    invitations = Invitations(
        records=open_memory(clock=lambda: now).records,
        meetings=OneMeeting(),  # type: ignore[arg-type]
        tokens=TOKENS,
        names=Names({}, {}),
        public_url=AUDIENCE,
        lifetime=600.0,
        clock=lambda: now,
        by_agency=any_token,
    )
    made = [await _made(invitations) for _ in range(1 + source.number() % 2)]
    cookies: list[str | None] = [None]
    opened: set[str] = set()
    while source:
        step = source.number()
        if step & 1:
            now += source.number(2) * 2
        code = _written(source, made) if step & 2 else source.chunk().decode("utf-8", "surrogateescape")
        cookie = source.of(cookies) if step & 4 else source.chunk().decode("utf-8", "surrogateescape")
        try:
            redeemed = await invitations.redeem(code, cookie)
        except InvitationError as error:
            assert error.code in _CODES
            continue
        assert code == made[-1].code, "a code that was not made, or an older link, opened something"
        assert redeemed.fresh != (code in opened)
        assert now < made[-1].expires_at or not redeemed.fresh
        assert redeemed.fresh or cookie in cookies
        assert TOKENS.verify_access(redeemed.access_token).sub == HOST
        opened.add(code)
        cookies.append(redeemed.cookie_value)


async def _made(invitations: Invitations) -> Invitation:
    return await invitations.create(meeting="m_1", actor=HOST, role=Role.HOST, participant=HOST)


def _written(source: Input, made: list[Invitation]) -> str:
    """One of ours, perhaps with a slip of the pen."""
    code = source.of(made).code
    slip = source.number()
    at = source.number() % len(code)
    if slip & 1:
        other = chr(source.number(2))
        code = code[:at] + other + code[at + 1 :]
    if slip & 2:
        code = code[:at] + code[at + 1 :]
    if slip & 4:
        code += source.chunk().decode("utf-8", "surrogateescape")
    return code


def check(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    if is_code(text):
        assert len(text) == 22
        assert text.isascii()
    if is_language(text):
        assert len(text) <= 35
        assert re.fullmatch(r"[A-Za-z0-9-]+", text)
    assert re.fullmatch(r"[0-9a-f]{64}", digest(text))
    assert _COOKIE.fullmatch(cookie_name(text))
    assert invitation_id(text) == "i_" + digest(text)
    assert (invitation_of(text) is not None) == (text.startswith("i_") and "." in text)
    run(redeeming(Input(data)))


TARGET = Target(
    check,
    seeds=[
        b"sv",
        b"zh-Hant-TW",
        b"i_0123.jti",
        b"AAAAAAAAAAAAAAAAAAAAAA",
        b"\0\2\0\0\0\2\0\0\0",
        b"\0\6\0\0\0\0\6\0\0\0\1",
        b"\1\2\0\0\0\2\1\0\0",
        b"\0\3\xff\xff\0\0\0\0",
        b"\0\2\0\1\5\0\x41\0",
        b"\0\2\0\4\0\1\n\0",
    ],
    words=[b"i_", b".", b"-"],
    largest=512,
)
