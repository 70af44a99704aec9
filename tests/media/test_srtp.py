"""SRTP in place, beside pylibsrtp's own copying calls."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp, rtp
from media.block import Block, Copy
from media.srtp import MAX_DATAGRAM, MAX_PACKET, SLOT, Arena, Inbound, Outbound

PROFILES = {
    pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 44,
    pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 28,
    pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30,
}


def key(profile: int) -> bytes:
    return bytes(range(PROFILES[profile]))


def packet(sequence: int, payload: bytes = b"payload") -> bytes:
    return rtp.build(payload_type=96, sequence=sequence, timestamp=77, ssrc=7, payload=payload)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_copy_is_what_pylibsrtp_makes_of_the_same_packet(profile: int) -> None:
    policy = pylibsrtp.Policy(
        key=key(profile), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile
    )
    theirs, ours, arena = pylibsrtp.Session(policy), Outbound(profile, key(profile)), Arena(4 * SLOT)
    payloads = [b"payload", b"", b"longer payload", b"payload"]
    shared = [
        rtp.build(payload_type=96, sequence=0, timestamp=0, ssrc=0, payload=payload) for payload in payloads
    ]
    block = Block(shared, [77] * 4, ours.trailer)
    assert ours.protect_block(arena, 100, block, Copy(65_534, 7)) == []
    at = 100
    for sequence, payload, (place, size, _) in zip(
        (65_534, 65_535, 0, 1), payloads, block.places, strict=True
    ):
        assert at == 100 + place
        expected = theirs.protect(packet(sequence, payload))
        assert arena.memory[at : at + size + ours.trailer] == expected
        at += len(expected)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_one_end_protects_the_other_gets_once(profile: int) -> None:
    sender, receiver = Outbound(profile, key(profile)), Inbound(profile, key(profile))
    report = rtcp.build_receiver_report(5, [])
    media, feedback = sender.protect_rtp(packet(1)), sender.protect_rtcp(report)
    assert media is not None
    assert feedback is not None
    assert receiver.unprotect_rtp(media) == packet(1)
    assert receiver.unprotect_rtcp(feedback) == report
    assert receiver.unprotect_rtp(media) is None
    assert receiver.unprotect_rtcp(feedback) is None


def test_a_sequence_number_is_protected_once_however_it_is_asked_for() -> None:
    profile = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    sender, arena = Outbound(profile, key(profile)), Arena(4 * SLOT)
    first, others = (
        Block([packet(0, payload)] * count, [77] * count, sender.trailer)
        for payload, count in ((b"payload", 1), (b"other", 3))
    )
    assert sender.protect_block(arena, 0, first, Copy(5, 7)) == []
    assert sender.protect_block(arena, 0, others, Copy(4, 7)) == [others.places[1][0]]
    assert sender.protect_rtp(packet(5)) is None


@pytest.mark.parametrize("profile", PROFILES)
def test_the_longest_packets_stay_within_their_memory(profile: int) -> None:
    sender, arena = Outbound(profile, key(profile)), Arena(4 * SLOT)
    arena.memory[:] = b"\xaa" * arena.size
    longest = packet(1, bytes(MAX_PACKET - 12))
    block = Block([longest, longest + b"x", longest], [77] * 3, sender.trailer)
    assert sender.protect_block(arena, 0, block, Copy(1, 7)) == [MAX_PACKET + sender.trailer]
    assert len(longest) + sender.trailer <= SLOT
    assert arena.memory[len(block.data) :] == b"\xaa" * (arena.size - len(block.data))
    assert sender.protect_rtp(packet(2, bytes(MAX_PACKET - 12))) is not None
    report = rtcp.build_receiver_report(5, []) + bytes(MAX_PACKET - 8)
    assert sender.protect_rtcp(report) is not None


@given(st.binary(max_size=MAX_DATAGRAM + 8))
def test_no_bytes_pass_without_the_key(noise: bytes) -> None:
    profile = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    receiver = Inbound(profile, key(profile))
    if len(noise) >= 12:
        assert receiver.unprotect_rtp(noise) is None
        assert receiver.unprotect_rtcp(noise) is None


def test_the_private_parts_of_pylibsrtp_are_those_that_were_read() -> None:
    """Fails on an upgrade: read media/srtp.py beside the new source, then change the version here."""
    assert version("pylibsrtp") == "1.0.0"
    source = inspect.getsource(pylibsrtp.Session)
    assert "func(self._srtp[0], self._cdata, len_p)" in source
    binding = pylibsrtp._binding
    for name in ("srtp_protect", "srtp_protect_rtcp", "srtp_unprotect", "srtp_unprotect_rtcp"):
        kind = binding.ffi.typeof(getattr(binding.lib, name))
        assert [argument.kind for argument in kind.args] == ["pointer", "pointer", "pointer"]
        assert kind.args[2] is binding.ffi.typeof("int *")
    assert pylibsrtp.SRTP_MAX_SRTCP_TRAILER_LEN + MAX_PACKET <= SLOT


@pytest.mark.parametrize("profile", PROFILES)
def test_a_copy_is_changed_before_it_is_protected(profile: int) -> None:
    sender, receiver, arena = Outbound(profile, key(profile)), Inbound(profile, key(profile)), Arena(4 * SLOT)
    block = Block([packet(0, b"first"), packet(0, b"second")], [0xFFFFFFFF, 77], sender.trailer)
    (first, size, _), (second, longer, _) = block.places
    copy = Copy(65_535, 9, shift=2, patches=[(first + size - 5, b"F"), (second + longer - 3, b"xyz")])
    assert sender.protect_block(arena, 50, block, copy) == []
    found = [
        rtp.parse(plain)
        for at, size, _ in block.places
        if (plain := receiver.unprotect_rtp(arena.memory[50 + at : 50 + at + size + sender.trailer]))
    ]
    assert [(each.sequence, each.timestamp, each.ssrc, each.payload) for each in found] == [
        (65_535, 1, 9, b"First"),
        (0, 79, 9, b"secxyz"),
    ]
