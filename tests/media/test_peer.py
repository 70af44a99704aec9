"""The endpoint finds its path, proves who it talks to, and tells when packets arrived."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp, rtp
from media.checks import CONSENT, CONSENT_LAPSES, Checks, Path
from media.dtls import DtlsState
from media.handshake import Certificate
from media.peer import Peer, PeerFailed, PeerState, udp_addresses
from tests.support.rtc import Eventually, LiteServer, lite_server

SERVER = ("192.0.2.1", 40000)
OTHER = ("192.0.2.2", 40000)
REMOTE = {"usernameFragment": "lite", "password": "a-password-of-the-server"}


@asynccontextmanager
async def connected(server: LiteServer, **options: object) -> AsyncIterator[Peer]:
    peer = Peer(**options)  # type: ignore[arg-type]
    server.connect(peer.dtls_parameters)
    far = server.parameters
    await peer.connect(far["iceParameters"], far["iceCandidates"], far["dtlsParameters"], limit=5)
    try:
        yield peer
    finally:
        peer.close()


def packet(payload: bytes, sequence: int = 1) -> bytes:
    return rtp.build(payload_type=100, sequence=sequence, timestamp=960, ssrc=7, payload=payload)


async def test_rtp_and_rtcp_reach_the_server() -> None:
    async with lite_server() as server, connected(server) as peer:
        assert peer.state is PeerState.CONNECTED
        assert peer.send_rtp(packet(b"hello"))
        assert peer.send_rtcp(rtcp.build_pli(7, 8))
        await server.event.until(lambda: server.rtp and server.rtcp)
        assert server.rtp == [packet(b"hello")]
        assert rtcp.parse(server.rtcp[0]) == [rtcp.PictureLossIndication(7, 8)]


def hold_the_loop(seconds: float) -> int:
    """Nothing is read meanwhile, though the kernel goes on receiving; the time at the end, in nanoseconds."""
    until = time.time_ns() + round(seconds * 1e9)
    while (now := time.time_ns()) < until:
        pass
    return now


@pytest.mark.parametrize("kernel_time", [True, False])
async def test_packets_arrive_with_the_time_of_their_arrival(kernel_time: bool) -> None:
    event, got = Eventually(), list[tuple[bytes, int]]()

    def arrived(data: bytes, at: int) -> None:
        got.append((data, at))
        event.changed()

    async with lite_server() as server, connected(server, on_rtp=arrived, kernel_time=kernel_time):
        await server.event.until(lambda: DtlsState.CONNECTED in server.states)
        before = time.time_ns()
        server.dtls.send_rtp(packet(b"one", 1))
        read_from = hold_the_loop(0.1)
        await event.until(lambda: got)
    assert got[0][0] == packet(b"one", 1)
    if kernel_time:
        assert before <= got[0][1] < read_from
    else:
        assert got[0][1] >= read_from


async def test_rtcp_of_the_server_is_handed_over() -> None:
    event, got = Eventually(), list[bytes]()

    def arrived(data: bytes, at: int) -> None:
        got.append(data)
        event.changed()

    async with lite_server() as server, connected(server, on_rtcp=arrived):
        await server.event.until(lambda: DtlsState.CONNECTED in server.states)
        server.dtls.send_rtcp(rtcp.build_pli(1, 2))
        await event.until(lambda: got)
    assert got == [rtcp.build_pli(1, 2)]


async def test_a_server_with_another_certificate_is_refused() -> None:
    async with lite_server() as server:
        peer = Peer()
        server.connect(peer.dtls_parameters)
        far = server.parameters
        with pytest.raises(PeerFailed, match="handshake"):
            await peer.connect(far["iceParameters"], far["iceCandidates"], Certificate().parameters())
        assert peer.state is PeerState.FAILED
        assert not peer.send_rtp(packet(b"x"))
        peer.close()


async def test_without_the_password_there_is_no_path() -> None:
    async with lite_server() as server:
        peer, far = Peer(), server.parameters
        wrong = {**far["iceParameters"], "password": "something-else-entirely"}
        with pytest.raises(PeerFailed, match="no answer"):
            await peer.connect(wrong, far["iceCandidates"], far["dtlsParameters"], limit=0.5)
        peer.close()


async def test_a_dead_candidate_does_not_hinder_a_living_one() -> None:
    async with lite_server() as server:
        peer, far = Peer(), server.parameters
        server.connect(peer.dtls_parameters)
        dead = {**far["iceCandidates"][0], "port": 9, "priority": 2**31 - 1}
        await peer.connect(far["iceParameters"], [dead, *far["iceCandidates"]], far["dtlsParameters"])
        assert peer.state is PeerState.CONNECTED
        peer.close()


async def test_an_ice_restart_keeps_the_packets_flowing() -> None:
    async with lite_server() as server, connected(server) as peer:
        before = server.ice.credentials
        peer.restart(server.restart_ice())
        peer.send_rtp(packet(b"meanwhile"))
        await server.event.until(lambda: server.rtp)
        assert server.ice.previous is None
        assert server.ice.credentials != before


async def test_a_peer_whose_path_is_lost_leaves_nothing_that_waits() -> None:
    async with lite_server() as server:
        tasks = asyncio.all_tasks()
        async with connected(server) as peer:
            assert peer._checks is not None
            peer._checks.answered_at = peer._checks.next_at = time.monotonic() - CONSENT_LAPSES - 1
            peer._run_checks()
            assert peer.state is PeerState.FAILED
            await server.event.until(lambda: DtlsState.CLOSED in server.states)
            assert asyncio.all_tasks() == tasks
        assert peer.state is PeerState.CLOSED


async def test_close_says_goodbye_and_leaves_nothing_behind() -> None:
    states: list[PeerState] = []
    async with lite_server() as server:
        tasks = asyncio.all_tasks()
        async with connected(server, on_state=states.append) as peer:
            pass
        peer.close()
        await server.event.until(lambda: DtlsState.CLOSED in server.states)
        assert asyncio.all_tasks() <= tasks
    assert states == [PeerState.CONNECTING, PeerState.CONNECTED, PeerState.CLOSED]
    assert peer.local_address is None


async def test_a_server_that_leaves_closes_the_peer() -> None:
    event = Eventually()
    async with lite_server() as server, connected(server, on_state=lambda _: event.changed()) as peer:
        await server.event.until(lambda: DtlsState.CONNECTED in server.states)
        server.dtls.close()
        await event.until(lambda: peer.state is PeerState.CLOSED)


async def test_strangers_are_counted_and_change_nothing() -> None:
    async with lite_server() as server, lite_server() as stranger, connected(server) as peer:
        assert peer.local_address is not None
        for datagram in (b"", b"\x16\xfe\xff", b"\x80" + bytes(40), b"\x00\x01\x00\x00", b"\xff" * 20):
            stranger.port.send(datagram, (0, ("127.0.0.1", peer.local_address[1])))
        peer.send_rtp(packet(b"still here"))
        await server.event.until(lambda: server.rtp)
        assert peer.state is PeerState.CONNECTED


def test_only_udp_candidates_of_one_family_are_used_best_first() -> None:
    candidates = [
        {"protocol": "udp", "address": "192.0.2.1", "port": 5, "priority": 1},
        {"protocol": "tcp", "address": "192.0.2.1", "port": 5, "priority": 9},
        {"protocol": "udp", "address": "2001:db8::1", "port": 5, "priority": 9},
        {"protocol": "udp", "ip": "192.0.2.2", "port": 6, "priority": 2},
    ]
    assert udp_addresses(candidates)[0] == [("192.0.2.2", 6), ("192.0.2.1", 5)]
    with pytest.raises(PeerFailed, match="no UDP candidate"):
        udp_addresses(candidates[1:2])


def answer(request: bytes, password: str = REMOTE["password"]) -> bytes:
    asked = stun.parse_message(request)
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, asked.transaction_id)
    message.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.9", 9)
    message.add_message_integrity(password.encode())
    return bytes(message)


def found() -> Checks:
    checks = Checks(REMOTE, [SERVER, OTHER], now=0.0)
    for request, address in checks.due(0.0):
        if address == SERVER:
            checks.receive(answer(request), SERVER, 0.01)
    [(nomination, _)] = checks.due(0.01)
    checks.receive(answer(nomination), SERVER, 0.02)
    return checks


def test_every_candidate_is_checked_and_the_first_to_answer_is_nominated() -> None:
    checks = Checks(REMOTE, [SERVER, OTHER], now=0.0)
    first = checks.due(0.0)
    assert [address for _, address in first] == [SERVER, OTHER]
    for request, _ in first:
        message = stun.parse_message(request)
        assert message.attributes["USERNAME"].startswith("lite:")
        assert message.check_message_integrity(REMOTE["password"].encode())
        assert "ICE-CONTROLLING" in message.attributes
        assert "USE-CANDIDATE" not in message.attributes
    checks.receive(answer(first[1][0]), OTHER, 0.01)
    [(nomination, address)] = checks.due(0.01)
    assert address == OTHER
    assert "USE-CANDIDATE" in stun.parse_message(nomination).attributes
    checks.receive(answer(nomination), OTHER, 0.02)
    assert (checks.path, checks.selected) == (Path.CONNECTED, OTHER)


def test_checks_are_repeated_until_answered() -> None:
    checks = Checks(REMOTE, [SERVER], now=0.0)
    sent = [len(checks.due(at / 100)) for at in range(100)]
    assert sum(sent) == 4
    assert checks.due(0.99) == []


def test_consent_is_asked_for_and_lapses_when_nobody_answers() -> None:
    checks = found()
    assert CONSENT * 0.8 <= checks.next_at - 0.02 <= CONSENT * 1.2
    [(request, _)] = checks.due(checks.next_at)
    checks.receive(answer(request), SERVER, 5.0)
    at = 5.0
    while at < 5.0 + CONSENT_LAPSES:
        at = checks.next_at
        checks.due(at)
    assert checks.path is Path.LAPSED


@pytest.mark.parametrize("forged", ["password", "address", "transaction"])
def test_forged_answers_are_dropped(forged: str) -> None:
    checks = Checks(REMOTE, [SERVER], now=0.0)
    [(request, _)] = checks.due(0.0)
    if forged == "transaction":
        [(request, _)] = Checks(REMOTE, [SERVER], now=0.0).due(0.0)
    reply = answer(request, "guess" if forged == "password" else REMOTE["password"])
    checks.receive(reply, OTHER if forged == "address" else SERVER, 0.01)
    assert (checks.path, checks.refused) == (Path.CHECKING, 1)


@given(st.binary(max_size=200))
def test_no_bytes_disturb_the_checks(datagram: bytes) -> None:
    checks = found()
    checks.receive(datagram, SERVER, 1.0)
    assert (checks.path, checks.refused) == (Path.CONNECTED, 1)
