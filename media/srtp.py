"""SRTP in place (RFC 3711, RFC 7714): a packet is protected where it lies, and sent from there.

The only file that touches pylibsrtp's private parts: the cffi binding that it ships, and the handle of a
session. pylibsrtp's own calls copy every packet twice, and make a new length and new bytes for each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pylibsrtp
from pylibsrtp import _binding

from media.rtp import NUMBERING, NUMBERING_AT

MAX_PACKET = 1356
"""Bytes of plaintext that are protected at most."""
SLOT = 1536
"""Bytes of memory for a packet: the plaintext with libsrtp's longest trailer, and it begins a cache line."""
MAX_DATAGRAM = 2048
"""Bytes that a datagram is shorter than."""
REPLAY_WINDOW = 1024

_ffi, _lib = _binding.ffi, _binding.lib


class Slot(NamedTuple):
    """Memory for one packet: from `at` in its arena, `pointer` for libsrtp, `address` for the kernel."""

    at: int
    pointer: Any
    address: int


class Arena:
    """Memory in which packets are written and protected; `memory` is a writable buffer."""

    def __init__(self, slots: int) -> None:
        self._owner = _ffi.new("char[]", slots * SLOT)
        self.memory = _ffi.buffer(self._owner)
        base = int(_ffi.cast("uintptr_t", self._owner))
        self.slots = [Slot(at, self._owner + at, base + at) for at in range(0, slots * SLOT, SLOT)]


class Outbound:
    """What one end sends. A sequence number is protected once; every later try fails."""

    def __init__(self, profile: Any, key: bytes) -> None:
        self._session = _session(profile, key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._handle = self._session._srtp[0]
        self._length = _ffi.new("int *")
        self._own = Arena(1)

    def protect_copy(
        self, arena: Arena, slot: Slot, packet: bytes, sequence: int, timestamp: int, ssrc: int
    ) -> int:
        """Write an RTP packet into the slot under these numbers, protect it; its size, 0 when it cannot be.

        Sequence and timestamp are those of the wire. Other packets than RTP up to `MAX_PACKET` bytes are
        not for this call.
        """
        size, at = len(packet), slot.at
        arena.memory[at : at + size] = packet
        NUMBERING.pack_into(arena.memory, at + NUMBERING_AT, sequence, timestamp, ssrc)
        self._length[0] = size
        if _lib.srtp_protect(self._handle, slot.pointer, self._length):
            return 0
        return self._length[0]  # type: ignore[no-any-return]

    def protect_rtp(self, packet: bytes) -> bytes | None:
        return self._protect(_lib.srtp_protect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        return self._protect(_lib.srtp_protect_rtcp, packet)

    def _protect(self, protect: Any, packet: bytes) -> bytes | None:
        size = len(packet)
        self._own.memory[:size] = packet
        self._length[0] = size
        if protect(self._handle, self._own.slots[0].pointer, self._length):
            return None
        return self._own.memory[: self._length[0]]  # type: ignore[no-any-return]


class Inbound:
    """What one end receives; `None` for what is forged, damaged, or came before."""

    def __init__(self, profile: Any, key: bytes) -> None:
        self._session = _session(profile, key, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self._handle = self._session._srtp[0]
        self._length = _ffi.new("int *")
        self._pointer = _ffi.new("char[]", MAX_DATAGRAM)
        self._memory = _ffi.buffer(self._pointer)

    def unprotect_rtp(self, datagram: bytes) -> bytes | None:
        return self._unprotect(_lib.srtp_unprotect, datagram)

    def unprotect_rtcp(self, datagram: bytes) -> bytes | None:
        return self._unprotect(_lib.srtp_unprotect_rtcp, datagram)

    def _unprotect(self, unprotect: Any, datagram: bytes) -> bytes | None:
        size = len(datagram)
        if size > MAX_DATAGRAM:
            return None
        self._memory[:size] = datagram
        self._length[0] = size
        if unprotect(self._handle, self._pointer, self._length):
            return None
        return self._memory[: self._length[0]]  # type: ignore[no-any-return]


def _session(profile: Any, key: bytes, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = REPLAY_WINDOW
    return pylibsrtp.Session(policy)
