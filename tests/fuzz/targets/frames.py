"""Frames of a device in a meeting, through the whole method table: one brief answer each, no error of ours.

The meeting, its store and the links are real; the media worker is only a table.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from config.catalogue import load_catalogue
from config.settings import Limits, Settings
from media.ortc import router_capabilities
from rooms.store.memory import open_memory
from rooms.views import Names
from signaling.idempotency import Idempotency
from signaling.invitations import Invitations
from signaling.let_in import Entrances
from signaling.live import Live
from signaling.messages import CALLS
from signaling.outbox import Outbox
from signaling.session import Session, Sessions
from signaling.socket import Connection, Joined
from signaling.turn import Turn
from tests.fuzz.examples import example
from tests.fuzz.looping import run
from tests.fuzz.reading import Input, changed
from tests.fuzz.target import Target
from tests.fuzz.targets.ortc import CAPABILITIES, PARAMETERS
from tests.fuzz.targets.tokens import AUDIENCE, NOW, TOKENS, any_token
from tests.rooms.builders import COMPANION, HOST, INTERPRETER, NEWCOMER, TAX, started
from tests.signaling.live_rig import Rig, rig

_PEOPLE = (HOST, NEWCOMER, INTERPRETER, TAX, COMPANION)
_UUIDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(3)]
_CATALOGUE = load_catalogue()
_FOLDER = Path(tempfile.mkdtemp())
_SETTINGS = Settings(data=_FOLDER, limits=Limits(calls_per_second=1e6, calls_burst=10**6))
_LONGEST_ERROR = 700
_LONGEST_ANSWER = 1 << 17
_MOST_FRAMES = 12

_TOKEN, _ = TOKENS.issue_access(
    participant=HOST, role="host", agency=None, meeting="m_1", station=None, jti="j"
)
PARAMS: dict[str, dict[str, Any]] = {
    **{method: {**example(params), "request": None} for method, (params, _) in CALLS.items()},
    "session.join": {"token": _TOKEN},
    "media.createTransport": {"direction": "send", "rtpCapabilities": CAPABILITIES},
    "media.produce": {
        "transport": "t",
        "kind": "audio",
        "source": "microphone",
        "rtpParameters": PARAMETERS[0],
    },
    "chat.send": {"text": "hej", "to": HOST},
    "meeting.start": {"station": 2},
    "meeting.addStation": {"agency": "skatteverket", "purpose": "Mer", "minutes": 20},
    "meeting.admit": {"participant": TAX},
    "meeting.remove": {"participant": COMPANION},
    "meeting.exclude": {"participant": COMPANION},
    "meeting.include": {"participant": COMPANION},
    "meeting.askConsent": {"kind": "together", "stations": [1, 2]},
    "meeting.invite": {"role": "interpreter", "name": "Mira", "language": "sv"},
}
METHODS = sorted(CALLS)
_WORDS = (
    *{name for params in PARAMS.values() for name in params},
    *("request", "slot", "phone", "recv", "video", "camera", "jsonrpc", "id", "method", "params", *_UUIDS),
    *_PEOPLE,
)


class Told(Outbox):
    """Everything that the device would read."""

    def __init__(self) -> None:
        super().__init__(512, 1 << 20)
        self.frames: list[dict[str, Any]] = []
        self.over = False

    def put(self, frame: bytes, about: str | None = None) -> bool:
        self.frames.append(json.loads(frame))
        return super().put(frame, about)

    def close(self, last: bytes | None = None) -> None:
        self.over = True
        super().close(last)


class OneHub:
    """The hub of a single meeting."""

    def __init__(self, live: Live, made: Rig) -> None:
        self._live = live
        self.workers = made.workers
        self.sessions = Sessions(SimpleNamespace(records=open_memory().records), 1e6, lambda: NOW)  # type: ignore[arg-type]

    async def live(self, meeting: str) -> Live:
        return self._live

    async def demand_session_here(self, session: str) -> None:
        """Every session is this node's."""

    async def state(self, meeting: str) -> Any:
        return self._live.current

    async def execute(self, meeting: str, command: Any) -> Any:
        return await self._live.execute(command)

    async def close_session(self, *_: str) -> None: ...
    async def close_participant(self, *_: str) -> None: ...


def _connection(made: Rig, live: Live) -> tuple[Connection, Told, Any]:
    made.workers.router_capabilities = router_capabilities()  # type: ignore[attr-defined]
    hub: Any = OneHub(live, made)
    records = open_memory().records
    invitations = Invitations(
        records=records,
        meetings=hub,
        tokens=TOKENS,
        names=Names({}, {}),
        public_url=AUDIENCE,
        lifetime=600.0,
        clock=lambda: NOW,
        by_agency=any_token,
    )
    services: Any = SimpleNamespace(
        settings=_SETTINGS,
        catalogue=_CATALOGUE,
        hub=hub,
        tokens=TOKENS,
        invitations=invitations,
        entrances=Entrances(meetings=hub, invitations=invitations, records=records),
        idempotency=Idempotency(records, bytes(32), lambda: NOW),
        turn=Turn(_SETTINGS, lambda: NOW),
    )
    connection = Connection(SimpleNamespace(transport=None), services)  # type: ignore[arg-type]
    connection._outbox = outbox = Told()
    return connection, outbox, services


async def talking(source: Input) -> None:
    async with rig(_FOLDER, started(1)) as (made, live):
        connection, outbox, services = _connection(made, live)
        who = source.number()
        if who:
            session = Session("s_1", "m_1", _PEOPLE[who % len(_PEOPLE)], "screen", "grant", outbox)
            await live.attach(session)
            session.release()
            connection._device = session
            connection._joined = Joined(
                services.hub,
                live,
                session,
                services.invitations,
                services.entrances,
                _CATALOGUE,
                services.turn,
            )
        for _ in range(_MOST_FRAMES):
            if not source or outbox.over:
                break
            text = _frame(source)
            before = len(outbox.frames)
            await connection._frame(text)
            _answered(text, outbox.frames[before:])
        if connection._joined is not None:
            await live.detach(connection._joined.session)
    (_FOLDER / "restrictions.jsonl").unlink(missing_ok=True)


def _frame(source: Input) -> str:
    form = source.number()
    if form >= 0xF0:
        return source.take(source.number(2)).decode("utf-8", "replace")
    method = source.of(METHODS)
    call: Any = {"jsonrpc": "2.0", "id": 7, "method": method, "params": PARAMS[method]}
    if form & 1:
        call["params"] = changed(source, PARAMS[method], _WORDS)
    if form & 2 and isinstance(call["params"], dict):
        call["params"] = {**call["params"], "request": source.of(_UUIDS)}
    if form & 4:
        call = changed(source, call, _WORDS)
    return json.dumps(call, ensure_ascii=False)


def _answered(text: str, told: list[dict[str, Any]]) -> None:
    answers = [each for each in told if "method" not in each]
    assert len(answers) <= 1
    for answer in answers:
        assert answer["jsonrpc"] == "2.0"
        assert len(json.dumps(answer)) <= _LONGEST_ANSWER
        if "error" in answer:
            assert answer["error"]["data"]["code"] != "internal", text
            assert len(answer["error"]["message"]) <= _LONGEST_ERROR
    if not answers:
        call = json.loads(text)
        assert call.get("id") is None, "a call without an answer"


def check(data: bytes) -> None:
    run(talking(Input(data)))


TARGET = Target(
    check,
    seeds=[
        *(
            bytes((person,)) + b"".join(bytes((0, number)) for number in range(first, first + 6))
            for person in (5, 1, 2)
            for first in range(0, len(METHODS), 6)
        ),
        *(bytes((5, 1, number, 1, 0, place, 0, 3)) for number in range(len(METHODS)) for place in (1, 2)),
        bytes((0, 0, METHODS.index("session.join"), 0, METHODS.index("meeting.pause"))),
        bytes((0, 0, METHODS.index("session.resume"))),
        bytes((5, 2, METHODS.index("meeting.invite"), 0)) * 2,
        bytes((5, 2, METHODS.index("chat.send"), 0, 2, METHODS.index("meeting.pause"), 0)),
        b"\5\xf0\0\x02{}" + b"\xf0\0\1[" + b"\xf0\0\x04null",
        b"\5" + b"\4\3\1\0\1\0\5\1" * 3,
    ],
    words=[b'"%s"' % word.encode() for word in _WORDS] + [b'"%s"' % name.encode() for name in METHODS],
)
