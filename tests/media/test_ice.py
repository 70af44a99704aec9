"""ICE-lite: who gets an answer, and which path a transport uses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media.ice import CONSENT, MAX_PATHS, PATH_HELD, IceAgent, IceSession, Path, Refused
from media.stats import Drop
from tests.media.endpoint import binding_request

HOME: Path = (0, ("192.0.2.7", 40000))
TRAIN: Path = (0, ("198.51.100.9", 50000))


class Peer:
    """Counts what the agent tells a transport."""

    def __init__(self) -> None:
        self.changes: list[float] = []

    def receive_dtls(self, data: bytes, now: float) -> None: ...
    def receive_srtp(self, datagrams: Sequence[bytes], now: float) -> None: ...

    def path_changed(self, now: float) -> None:
        self.changes.append(now)


def opened() -> tuple[IceAgent, IceSession, Peer]:
    agent, peer = IceAgent(), Peer()
    return agent, agent.open(peer), peer


def refusal(agent: IceAgent, data: bytes, path: Path = HOME, now: float = 0.0) -> Drop:
    with pytest.raises(Refused) as refused:
        agent.receive(data, path, now)
    return refused.value.reason


def test_an_authentic_request_is_answered_with_the_address_it_came_from() -> None:
    agent, session, _ = opened()
    answer, answered = agent.receive(binding_request(session.parameters()), HOME, 0.0)
    message = stun.parse_message(answer)
    assert answered is session
    assert message.message_class == stun.Class.RESPONSE
    assert message.attributes["XOR-MAPPED-ADDRESS"] == HOME[1]
    assert message.check_message_integrity(session.credentials.pwd.encode())


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_an_answer_exceeds_its_request_at_most_by_the_mapped_address(address: str) -> None:
    agent, session, _ = opened()
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = session.credentials.ufrag + ":x"
    request.add_message_integrity(session.credentials.pwd.encode())
    answer, _ = agent.receive(bytes(request), (0, (address, 9, 0, 0)), 0.0)
    assert len(answer) <= len(bytes(request)) + (24 if ":" in address else 12)


def test_nothing_is_answered_without_valid_integrity() -> None:
    agent, session, peer = opened()
    bare = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    bare.attributes["USERNAME"] = session.credentials.ufrag + ":x"
    bare.add_fingerprint()
    assert refusal(agent, bytes(bare)) is Drop.UNAUTHENTICATED_STUN
    wrong = binding_request(session.parameters(), password="somebody else's")
    assert refusal(agent, wrong) is Drop.UNAUTHENTICATED_STUN
    assert session.selected is None
    assert peer.changes == []


def test_an_unknown_fragment_is_refused() -> None:
    agent, _, _ = opened()
    assert refusal(agent, binding_request({"usernameFragment": "nobody", "password": "x"})) is (
        Drop.UNAUTHENTICATED_STUN
    )


@pytest.mark.parametrize("class_", [stun.Class.INDICATION, stun.Class.RESPONSE, stun.Class.ERROR])
def test_only_requests_are_answered(class_: stun.Class) -> None:
    agent, session, _ = opened()
    message = stun.Message(stun.Method.BINDING, class_)
    message.attributes["USERNAME"] = session.credentials.ufrag + ":x"
    message.add_message_integrity(session.credentials.pwd.encode())
    assert refusal(agent, bytes(message)) is Drop.MALFORMED_STUN


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_else_happens(noise: bytes) -> None:
    agent, session, _ = opened()
    refusal(agent, noise)
    assert session.paths == {}


@given(st.data())
def test_a_request_changed_anywhere_up_to_its_integrity_is_refused(data: st.DataObject) -> None:
    agent, session, _ = opened()
    request = bytearray(binding_request(session.parameters()))
    fingerprint = 8
    at = data.draw(st.integers(0, len(request) - fingerprint - 1))
    request[at] ^= data.draw(st.integers(1, 255))
    refusal(agent, bytes(request))
    assert session.paths == {}


def test_the_nominated_path_is_used_and_can_change() -> None:
    agent, session, peer = opened()
    request = binding_request(session.parameters(), nominate=True)
    agent.receive(request, HOME, 1.0)
    agent.receive(binding_request(session.parameters(), nominate=False), TRAIN, 2.0)
    assert session.selected == HOME
    agent.receive(request, TRAIN, 3.0)
    assert session.selected == TRAIN
    assert peer.changes == [1.0, 3.0]
    assert agent.find(HOME) is session


def test_until_one_is_nominated_the_path_is_the_one_that_the_peer_uses() -> None:
    agent, session, peer = opened()
    for path in (HOME, TRAIN):
        agent.receive(binding_request(session.parameters(), nominate=False), path, 0.0)
    assert session.selected == HOME
    agent.used(session, TRAIN, 0.1)
    assert session.selected == TRAIN
    assert peer.changes == [0.0, 0.1]
    agent.receive(binding_request(session.parameters()), TRAIN, 0.2)
    agent.used(session, HOME, 0.3)
    assert session.selected == TRAIN
    assert peer.changes == [0.0, 0.1]


def test_a_lost_path_is_replaced_by_the_one_that_was_bound_last() -> None:
    agent, session, peer = opened()
    other: Path = (0, ("203.0.113.5", 1234))
    for now, path in enumerate((TRAIN, other, HOME)):
        agent.receive(binding_request(session.parameters(), nominate=path == HOME), path, float(now))
    agent.lost(HOME, 3.0)
    assert session.selected == other
    agent.used(session, TRAIN, 4.0)
    assert session.selected == TRAIN
    agent.lost(other, 5.0)
    agent.lost(TRAIN, 6.0)
    assert session.selected is None
    assert peer.changes == [0.0, 2.0, 3.0, 4.0, 6.0]


def test_consent_ends_thirty_seconds_after_the_last_binding_and_comes_back_with_one() -> None:
    agent, session, peer = opened()
    assert not session.consents(0.0)
    request = binding_request(session.parameters())
    agent.receive(request, HOME, 10.0)
    assert session.consents(10.0 + CONSENT - 0.001)
    assert not session.consents(10.0 + CONSENT)
    agent.receive(request, HOME, 100.0)
    assert session.consents(100.0)
    assert peer.changes == [10.0, 100.0]


def test_a_session_keeps_a_bounded_number_of_paths_and_never_loses_the_selected_one() -> None:
    agent, session, _ = opened()
    agent.receive(binding_request(session.parameters()), HOME, 0.0)
    for number in range(20):
        path = (0, ("192.0.2.9", 1000 + number))
        agent.receive(binding_request(session.parameters(), nominate=False), path, 1.0 + number)
    assert len(session.paths) == MAX_PATHS
    assert session.selected == HOME
    assert len(agent) == MAX_PATHS + 1


def test_nobody_takes_over_a_path_that_somebody_else_holds() -> None:
    agent, victim, _ = opened()
    attacker = agent.open(Peer())
    agent.receive(binding_request(victim.parameters()), HOME, 0.0)
    forged = binding_request(attacker.parameters())
    assert refusal(agent, forged, now=PATH_HELD - 0.1) is Drop.UNAUTHENTICATED_STUN
    assert agent.find(HOME) is victim
    agent.receive(forged, HOME, PATH_HELD)
    assert agent.find(HOME) is attacker
    assert victim.selected is None


def test_after_a_restart_the_old_credentials_serve_until_the_new_ones_are_used() -> None:
    agent, session, _ = opened()
    before = session.parameters()
    agent.restart(session)
    after = session.parameters()
    assert before["usernameFragment"] != after["usernameFragment"]
    agent.receive(binding_request(before), HOME, 0.0)
    agent.receive(binding_request(after), TRAIN, 1.0)
    assert session.selected == TRAIN
    assert refusal(agent, binding_request(before)) is Drop.UNAUTHENTICATED_STUN


def test_two_restarts_in_a_row_leave_no_fragment_behind() -> None:
    agent, session, _ = opened()
    first = session.parameters()
    agent.restart(session)
    agent.restart(session)
    refusal(agent, binding_request(first))
    agent.receive(binding_request(session.parameters()), HOME, 0.0)
    agent.close(session)
    assert len(agent) == 0


def test_closing_a_session_forgets_its_fragments_and_paths() -> None:
    agent, session, _ = opened()
    agent.receive(binding_request(session.parameters()), HOME, 0.0)
    agent.restart(session)
    agent.close(session)
    agent.close(session)
    assert len(agent) == 0
    assert agent.find(HOME) is None
