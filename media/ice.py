"""ICE-lite (RFC 8445 section 2.5) without I/O: answers binding requests, remembers who is where.

A path is (index of the local socket, remote address). Nothing is answered without a valid
MESSAGE-INTEGRITY, so a stranger gets no byte out of us, and an answer exceeds its request at most
by the XOR-MAPPED-ADDRESS attribute.
"""

from __future__ import annotations

import secrets
import string
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aioice import stun

from media.stats import Drop

Path = tuple[int, tuple[Any, ...]]

CONSENT = 30.0
"""Seconds without an authenticated binding after which nothing more is sent (RFC 7675)."""
PATH_HELD = 10.0
"""Seconds for which a path belongs to the session that bound it last; browsers bind every 2 to 5 s."""
MAX_PATHS = 8
_ALPHABET = string.ascii_letters + string.digits


class Route(Protocol):
    """Where the datagrams of an authenticated path go."""

    def receive_dtls(self, data: bytes, now: float) -> None: ...
    def receive_srtp(self, datagrams: Sequence[bytes], now: float) -> None: ...
    def path_changed(self, now: float) -> None: ...


class Refused(Exception):
    """A STUN datagram that is dropped; `reason` names the counter."""

    def __init__(self, reason: Drop) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Credentials:
    ufrag: str
    pwd: str

    @classmethod
    def generate(cls) -> Credentials:
        return cls(_random(8), _random(24))


@dataclass(eq=False)
class IceSession:
    """One transport's credentials and paths; `previous` stays valid until the new ones are used."""

    route: Route
    credentials: Credentials = field(default_factory=Credentials.generate)
    previous: Credentials | None = None
    paths: dict[Path, float] = field(default_factory=dict)
    selected: Path | None = None
    nominated: bool = False
    """Whether the peer has named the selected path; until then it is the one that the peer uses."""
    last_binding: float | None = None

    def consents(self, now: float) -> bool:
        return self.last_binding is not None and now - self.last_binding < CONSENT

    def parameters(self) -> dict[str, Any]:
        """mediasoup's IceParameters."""
        return {
            "usernameFragment": self.credentials.ufrag,
            "password": self.credentials.pwd,
            "iceLite": True,
        }


class IceAgent:
    """The sessions of one port, by ufrag and by authenticated path."""

    def __init__(self) -> None:
        self._by_ufrag: dict[str, IceSession] = {}
        self._by_path: dict[Path, IceSession] = {}
        self.find: Callable[[Path], IceSession | None] = self._by_path.get

    def __len__(self) -> int:
        return len(self._by_ufrag) + len(self._by_path)

    def open(self, route: Route) -> IceSession:
        session = IceSession(route)
        self._by_ufrag[session.credentials.ufrag] = session
        return session

    def restart(self, session: IceSession) -> None:
        """New credentials; paths stay until the peer has bound new ones."""
        if session.previous is not None:
            self._by_ufrag.pop(session.previous.ufrag, None)
        session.previous = session.credentials
        session.credentials = Credentials.generate()
        self._by_ufrag[session.credentials.ufrag] = session

    def close(self, session: IceSession) -> None:
        for credentials in (session.credentials, session.previous):
            if credentials is not None:
                self._by_ufrag.pop(credentials.ufrag, None)
        for path in session.paths:
            self._by_path.pop(path, None)
        session.paths.clear()
        session.selected = None

    def used(self, session: IceSession, path: Path, now: float) -> None:
        """The peer shakes hands by this path. It may have given up the one that it tried first, and names
        its choice only with its next check, seconds later."""
        if not session.nominated and session.selected != path:
            session.selected = path
            session.route.path_changed(now)

    def lost(self, path: Path, now: float) -> None:
        """Nothing comes or goes by this path any more; the one that was bound last takes its place."""
        session = self._by_path.pop(path, None)
        if session is None:
            return
        selected = session.selected == path
        _forget(session, path)
        if selected:
            session.selected = max(session.paths, key=session.paths.__getitem__, default=None)
            session.route.path_changed(now)

    def receive(self, data: bytes, path: Path, now: float) -> tuple[bytes, IceSession]:
        """Answer a binding request and bind its path; raise `Refused` for everything else."""
        request = _parse(data)
        session, credentials = self._authenticate(request)
        changed = self._bind(session, path, "USE-CANDIDATE" in request.attributes, now)
        if credentials is session.credentials and session.previous is not None:
            self._by_ufrag.pop(session.previous.ufrag, None)
            session.previous = None
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = path[1][:2]
        answer.add_message_integrity(credentials.pwd.encode())
        if changed:
            session.route.path_changed(now)
        return bytes(answer), session

    def _authenticate(self, request: stun.Message) -> tuple[IceSession, Credentials]:
        ufrag = str(request.attributes.get("USERNAME", "")).partition(":")[0]
        session = self._by_ufrag.get(ufrag)
        if session is None:
            raise Refused(Drop.UNAUTHENTICATED_STUN)
        credentials = session.credentials
        if ufrag != credentials.ufrag and session.previous is not None:
            credentials = session.previous
        if not request.check_message_integrity(credentials.pwd.encode()):
            raise Refused(Drop.UNAUTHENTICATED_STUN)
        return session, credentials

    def _bind(self, session: IceSession, path: Path, nominated: bool, now: float) -> bool:
        """Note the path; say whether the transport is reachable anew or elsewhere.

        A path that another live session holds is not taken over: a participant with a forged
        source address could otherwise silence somebody else.
        """
        holder = self._by_path.get(path)
        if holder is not None and holder is not session:
            if now - holder.paths[path] < PATH_HELD:
                raise Refused(Drop.UNAUTHENTICATED_STUN)
            _forget(holder, path)
        revived = not session.consents(now)
        if path not in session.paths and len(session.paths) >= MAX_PATHS:
            self._evict(session)
        session.paths[path] = now
        session.last_binding = now
        self._by_path[path] = session
        before = session.selected
        if nominated or before is None:
            session.selected, session.nominated = path, nominated
        return revived or session.selected != before

    def _evict(self, session: IceSession) -> None:
        oldest = min((p for p in session.paths if p != session.selected), key=session.paths.__getitem__)
        _forget(session, oldest)
        del self._by_path[oldest]


def _forget(session: IceSession, path: Path) -> None:
    del session.paths[path]
    if session.selected == path:
        session.selected, session.nominated = None, False


def _parse(data: bytes) -> stun.Message:
    if data[4:8] != stun.COOKIE.to_bytes(4, "big"):
        raise Refused(Drop.MALFORMED_STUN)
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error, IndexError, TypeError, AttributeError) as error:
        raise Refused(Drop.MALFORMED_STUN) from error
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        raise Refused(Drop.MALFORMED_STUN)
    return message


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
