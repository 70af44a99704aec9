"""STUN and the ICE agent: any datagrams from anywhere, authentic ones with any attributes among them.

Only `Refused` is raised; an answer goes to authentic requests alone and is hardly larger than its request;
sessions and paths are bounded and agree with each other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aioice import stun

from media.ice import MAX_PATHS, Credentials, IceAgent, IceSession, Path, Refused
from tests.fuzz.reading import Input
from tests.fuzz.target import Target

PATHS: tuple[Path, ...] = (
    *((0, (f"192.0.2.{number}", 4000 + number)) for number in range(10)),
    (1, ("2001:db8::7", 4000, 0, 0)),
    (1, ("fe80::1%eth0", 4000, 0, 2)),
)
GROWTH = 24
"""Bytes of an XOR-MAPPED-ADDRESS with an IPv6 address."""
_MOST_STEPS = 60


class Peer:
    def receive_dtls(self, data: bytes, now: float) -> None: ...
    def receive_srtp(self, datagrams: Sequence[bytes], now: float) -> None: ...
    def path_changed(self, now: float) -> None: ...


class World:
    """Two sessions of one agent, with credentials that are always the same."""

    def __init__(self) -> None:
        self.agent = IceAgent()
        self.now = 0.0
        self.known: list[Credentials] = []
        self.sessions = [self.opened(name) for name in ("a", "b")]

    def opened(self, name: str) -> IceSession:
        session = self.agent.open(Peer())
        self._renamed(session, name)
        return session

    def restart(self, session: IceSession) -> None:
        self.agent.restart(session)
        self._renamed(session, f"r{len(self.known)}")

    def _renamed(self, session: IceSession, name: str) -> None:
        """The agent draws names at random, and an input could then not be run a second time."""
        del self.agent._by_ufrag[session.credentials.ufrag]
        session.credentials = Credentials(name, "password-" + name)
        self.agent._by_ufrag[name] = session
        self.known.append(session.credentials)

    def receive(self, datagram: bytes, path: Path) -> None:
        try:
            answer, session = self.agent.receive(datagram, path, self.now)
        except Refused:
            return
        assert len(answer) <= len(datagram) + GROWTH
        assert any(self._signed(datagram, each) for each in self.known), "a stranger was answered"
        assert stun.parse_message(answer).message_class is stun.Class.RESPONSE
        assert self.agent.find(path) is session

    @staticmethod
    def _signed(datagram: bytes, credentials: Credentials) -> bool:
        return stun.parse_message(datagram).check_message_integrity(credentials.pwd.encode())

    def check(self) -> None:
        names = 0
        for session in self.sessions:
            names += 1 if session.previous is None else 2
            assert len(session.paths) <= MAX_PATHS
            assert session.selected is None or session.selected in session.paths
            assert all(self.agent.find(path) is session for path in session.paths)
        assert len(self.agent) == names + sum(len(each.paths) for each in self.sessions)


def check(data: bytes) -> None:
    source, world = Input(data), World()
    for _ in range(_MOST_STEPS):
        if not source:
            break
        step, session = source.number(), world.sessions[source.number() & 1]
        match step % 8:
            case 0 | 1:
                world.receive(source.chunk(), source.of(PATHS))
            case 2 | 3 | 4 | 5:
                world.receive(_request(source, session.credentials), source.of(PATHS))
            case 6:
                world.now += source.number() / 4
            case _ if step & 8:
                world.restart(session)
            case _:
                world.agent.close(session)
                world.sessions[world.sessions.index(session)] = world.opened(f"n{len(world.known)}")
        world.check()
    for session in world.sessions:
        world.agent.close(session)
    assert len(world.agent) == 0


def _request(source: Input, credentials: Credentials) -> bytes:
    """A request of somebody who knows the password, and who may write anything before the integrity."""
    form = source.number()
    kind = source.number(2) & 0x3FFF if form & 1 else 0x0001
    attributes = _attribute(0x0006, f"{credentials.ufrag}:x".encode()) if not form & 2 else b""
    for _ in range(form >> 4):
        attributes += _attribute(source.of(tuple(stun.ATTRIBUTES_BY_TYPE)), source.chunk())
    if form & 4:
        attributes += _attribute(0x0025, b"")
    head = struct.pack("!HHI12s", kind, len(attributes), stun.COOKIE, source.take(12))
    message = head + attributes
    message = stun.set_body_length(message, len(attributes) + stun.INTEGRITY_LENGTH)
    message += _attribute(0x0008, stun.message_integrity(head + attributes, credentials.pwd.encode()))
    if form & 8:
        after = _attribute(source.number(2), source.chunk())
        message = stun.set_body_length(message, len(message) - stun.HEADER_LENGTH + len(after)) + after
    return message


def _attribute(kind: int, body: bytes) -> bytes:
    return struct.pack("!HH", kind, len(body)) + body + bytes(-len(body) % 4)


def _raw(datagram: bytes) -> bytes:
    return b"\0\0" + bytes((len(datagram),)) + datagram + b"\0"


def _bare(kind: int, *attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI12s", kind, len(body), stun.COOKIE, bytes(12)) + body


_PLAIN = b"\2\0\x04" + bytes(12)
TARGET = Target(
    check,
    seeds=[
        _raw(_bare(1, _attribute(6, b"a:x"))),
        _raw(_bare(1, _attribute(6, b"a:x"), _attribute(8, bytes(20)))),
        _raw(_bare(1, _attribute(0x20, bytes.fromhex("0001a1475e12a443")))),
        _PLAIN + b"\0" + _PLAIN + b"\1" + b"\2\1\x04" + bytes(12) + b"\0",
        b"".join(_PLAIN + bytes((path,)) for path in range(12)),
        _PLAIN + b"\0\6\0\x50" + b"\x02\1\4" + bytes(12) + b"\0",
        _PLAIN + b"\0\x0f\0" + _PLAIN + b"\3" + b"\7\0",
        b"\2\0\x30\x04\4abcd\x0e\1\0" + bytes(12) + b"\0",
        b"\2\0\x0c" + bytes(12) + b"\0\x25\0\0",
    ],
    words=[stun.COOKIE.to_bytes(4, "big"), b"a:x", b"b:x", b"\0\6\0\3", b"\0\x08\0\x14", b"\0\x25\0\0"],
)
